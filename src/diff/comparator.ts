/**
 * Compiles comparators, once for each class of a model and for each shape of plain object.
 *
 * Invariant: a comparator depends on its class and on the schema's slots only, never on one session. Where code generation is
 * disallowed there is none, and everything is compared by the interpreter. What is cached is bounded.
 */
import { TwinstateError } from '../shared/errors.js';
import type { AttributeModel, SessionModel } from '../model/session-model.js';
import type { Binding, BoundClass } from './binding.js';
import { arraySource, shapeSource, type Field, type Shape } from './comparator-source.js';
import { findings, isPrimitive } from './findings.js';
import { isIndexKey } from './key-order.js';
import { HOLE, isNode, type GraphNode, type InstanceNode, type ObjectNode, type Stored } from './node.js';
import { ArrayShadow, isFlat, slotOf } from './shadow-kinds.js';
import { Shadow } from './shadow.js';
import { strategyOf } from './strategy.js';

export type ShadowClass = new (node: GraphNode, source: object, ...values: unknown[]) => Shadow;
export type ArrayShadowClass = new (node: GraphNode, source: object, elements: readonly unknown[], flat: boolean) => ArrayShadow;

/** A compiled comparator with what it takes to lay a node out for it. */
export class Comparator {
  readonly shadow: ShadowClass;
  /** The places in the node, in the order of the values that the shadow takes. */
  readonly places: readonly (number | string)[];
  readonly open: boolean;
  readonly #name: string;
  readonly #arrays: (ArrayShadowClass | undefined)[] = [];

  constructor(shape: Shape, prototype: object | null) {
    this.#name = shape.name;
    this.open = shape.open;
    const kept = shape.fields.filter(({ by }) => by !== 'absence');
    this.places = kept.map(({ place }) => place);
    this.shadow = compile(shapeSource(shape), prototype) as ShadowClass;
  }

  /** For arrays that stand in the place with this index. */
  arrayAt(index: number): ArrayShadowClass {
    return (this.#arrays[index] ??= arrayClass(`${this.#name}.${this.places[index]}`));
  }
}

function arrayClass(name: string): ArrayShadowClass {
  return compile(arraySource(name), Array.prototype) as ArrayShadowClass;
}

let anyArray: ArrayShadowClass | undefined;

/** For arrays that stand anywhere else. */
export function anyArrayClass(): ArrayShadowClass {
  return (anyArray ??= arrayClass('anywhere'));
}

const GIVEN = { Shadow, ArrayShadow, findings, isPrimitive, isFlat, sameOrder, slotOf, HOLE, hasOwn: Object.hasOwn };

function compile(source: string, prototype: object | null): unknown {
  try {
    // text becomes code here and nowhere else; every name in it went through JSON.stringify
    // oxlint-disable-next-line typescript/no-implied-eval
    const make = new Function('prototype', ...Object.keys(GIVEN), source) as (...given: unknown[]) => unknown;
    return make(prototype, ...Object.values(GIVEN));
  } catch (cause) {
    throw new TwinstateError('INVARIANT_BROKEN', 'a generated comparator is no valid code', {
      received: source,
      cure: 'please report this with the trace',
      cause,
    });
  }
}

function sameOrder(held: ReadonlyMap<string, unknown>, keys: readonly string[]): boolean {
  if (held.size !== keys.length) return false;
  let i = 0;
  for (const key of held.keys()) if (key !== keys[i++]) return false;
  return true;
}

let allowed: boolean | undefined;

/** False where the process runs with `--disallow-code-generation-from-strings`. */
export function canGenerate(): boolean {
  if (allowed === undefined) {
    try {
      // oxlint-disable-next-line typescript/no-implied-eval
      allowed = (new Function('return true') as () => boolean)();
    } catch {
      allowed = false;
    }
  }
  return allowed;
}

/** The comparators of one model over one schema. */
export class Comparators {
  readonly #binding: Binding;
  readonly #byShape: (Map<number, Comparator> | undefined)[] = [];

  private constructor(binding: Binding) {
    this.#binding = binding;
  }

  static of(binding: Binding): Comparators {
    let bySchema = byModel.get(binding.model);
    if (bySchema === undefined) byModel.set(binding.model, (bySchema = new Map()));
    const key = JSON.stringify(binding.schema.shapes);
    let comparators = bySchema.get(key);
    if (comparators === undefined) {
      if (bySchema.size >= SCHEMAS_MAX) bySchema.clear();
      bySchema.set(key, (comparators = new Comparators(binding)));
    }
    return comparators;
  }

  /** @param bound the node's class */
  ofInstance(node: InstanceNode, bound: BoundClass): Comparator {
    // attributes that were never given, because an older release made the object
    let missing = 0;
    for (const { index, mutable } of bound.of.attributes) {
      if (!mutable && storedAt(node, bound, index) === HOLE) missing = missing * 31 + index + 1;
    }
    const variants = (this.#byShape[node.shape] ??= new Map());
    let comparator = variants.get(missing);
    if (comparator === undefined) {
      if (variants.size >= VARIANTS_MAX) variants.clear();
      variants.set(missing, (comparator = this.#compileInstance(node, bound)));
    }
    return comparator;
  }

  #compileInstance(node: InstanceNode, bound: BoundClass): Comparator {
    const { of } = bound;
    const prototype = of.type.prototype as object;
    const fields = of.attributes
      .filter(({ index, mutable }) => mutable || storedAt(node, bound, index) === HOLE)
      .map((attribute): Field => {
        const { property, index, accessor, mutable } = attribute;
        const slot = bound.slots[index]!;
        const by = slot < 0 || !mutable ? 'absence' : isBytes(attribute, this.#binding) ? 'bytes' : 'value';
        return { property, place: slot, by, own: !accessor && property in prototype };
      });
    return new Comparator({ name: `class ${of.name}`, fields, exact: false, open: of.open }, prototype);
  }
}

const SCHEMAS_MAX = 16;
const VARIANTS_MAX = 16;
const byModel = new WeakMap<SessionModel, Map<string, Comparators>>();

function isBytes(attribute: AttributeModel, { blobs }: Binding): boolean {
  return attribute.codec !== undefined || (blobs !== undefined && strategyOf(attribute).strategy === 'binary');
}

/** What stands for an attribute in a node: `HOLE` where it was never given. */
export function storedAt({ slots }: InstanceNode, bound: BoundClass, index: number): Stored {
  const slot = bound.slots[index]!;
  return slot < 0 || slot >= slots.length ? HOLE : slots[slot];
}

/** True where a comparison follows the reference; what stands in immutable attributes is not looked into. */
export function isCompared(node: InstanceNode, bound: BoundClass, index: number): boolean {
  const stored = storedAt(node, bound, index);
  return bound.of.attributes[index]!.mutable && isNode(stored) && stored.kind !== 'blob';
}

interface Step {
  readonly next: Map<string, Step>;
  comparator: Comparator | undefined;
}

const SHAPE_KEYS_MAX = 64;
const SHAPES_MAX = 2048;
const roots = [newStep(), newStep()] as const;
let stepCount = 0;

function newStep(): Step {
  return { next: new Map(), comparator: undefined };
}

/** The comparator for plain objects with these keys in this order; undefined for those that are no record but a dictionary. */
export function comparatorOfKeys({ keys, nullPrototype }: ObjectNode): Comparator | undefined {
  if (keys.size > SHAPE_KEYS_MAX) return undefined;
  let step = roots[nullPrototype ? 1 : 0];
  for (const key of keys.keys()) {
    let next = step.next.get(key);
    if (next === undefined) {
      if (isIndexKey(key) || stepCount >= SHAPES_MAX) return undefined;
      stepCount++;
      step.next.set(key, (next = newStep()));
    }
    step = next;
  }
  if (step.comparator === undefined) {
    const names = [...keys.keys()];
    const fields = names.map((name): Field => ({ property: name, place: name, by: 'value', own: false }));
    const shape = { name: 'a plain object', fields, exact: true, open: false };
    step.comparator = new Comparator(shape, nullPrototype ? null : Object.prototype);
  }
  return step.comparator;
}
