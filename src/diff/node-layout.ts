/**
 * Which classes the nodes of a graph are laid out in: compiled once for each class of a model and for each shape of plain object.
 *
 * Invariant: a class depends on the model and on the schema's slots only, never on one session. Where code generation is disallowed
 * there are none, nodes stay loose, and everything is compared by the interpreter. What is cached is bounded.
 */
import type { AttributeModel, SessionModel } from '../model/session-model.js';
import type { Binding, BoundClass } from './binding.js';
import { scanKeys } from './collection-scan.js';
import { arraySource, shapeSource, type Field, type Shape } from './comparator-source.js';
import { findings, isPrimitive } from './findings.js';
import { compile } from './generated-code.js';
import { isIndexKey } from './key-order.js';
import { LaidOutInstance, ShapedObject } from './laid-out-node.js';
import { ArrayNode, HOLE, type DictionaryNode, type InstanceNode, type Stored } from './node.js';
import { strategyOf } from './strategy.js';

type NodeClass<N> = new (id: number, source: object | undefined, ...values: unknown[]) => N;
export type ArrayClass = new (id: number, source: object | undefined, elements: Stored[], key: string | undefined) => ArrayNode;

/** A compiled class of nodes, with those of the arrays that stand in its fields. */
export class Layout<N extends LaidOutInstance | ShapedObject = LaidOutInstance | ShapedObject> {
  readonly type: NodeClass<N>;
  readonly width: number;
  readonly #name: string;
  readonly #arrays: (ArrayClass | undefined)[] = [];

  /** @param constants what stands on the prototype */
  constructor(shape: Shape, prototype: object | null, skipped: ReadonlySet<string>, constants: Record<string, unknown>) {
    this.#name = shape.name;
    this.width = shape.width;
    const given = { ...GIVEN, SKIPPED: skipped };
    this.type = compile('node class', shapeSource(shape), { prototype, ...given }) as NodeClass<N>;
    for (const [name, value] of Object.entries(constants))
      Object.defineProperty(this.type.prototype, name, { value, writable: true });
  }

  /** For arrays that stand in the field with this number. */
  arrayAt(index: number): ArrayClass {
    return (this.#arrays[index] ??= arrayClass(`${index} of ${this.#name}`));
  }
}

function arrayClass(name: string): ArrayClass {
  return compile('node class', arraySource(name), { prototype: Array.prototype, ...GIVEN }) as ArrayClass;
}

let anyArray: ArrayClass | undefined;

/** For arrays that stand anywhere else. */
export function anyArrayClass(): ArrayClass {
  return (anyArray ??= arrayClass('anywhere'));
}

/** True where an element that is no object, or is undefined, stands as it stood. */
function isElement(live: readonly unknown[], index: number, stored: unknown): boolean {
  const value = live[index];
  if (value !== undefined || (stored !== undefined && stored !== HOLE)) return false;
  return Object.hasOwn(live, index) === (stored !== HOLE);
}

const GIVEN = {
  ArrayNode,
  LaidOutInstance,
  ShapedObject,
  findings,
  isElement,
  isPrimitive,
  scanKeys,
  HOLE,
  hasOwn: Object.hasOwn,
};

/** The layouts of one model over one schema. */
export class Layouts {
  readonly #binding: Binding;
  readonly #byShape: (Layout<LaidOutInstance> | undefined)[] = [];
  /** For objects of which an immutable attribute was never given, because an older release made them. */
  readonly #watchful: (Layout<LaidOutInstance> | undefined)[] = [];

  private constructor(binding: Binding) {
    this.#binding = binding;
  }

  static of(binding: Binding): Layouts {
    let layouts = byBinding.get(binding);
    if (layouts === undefined) byBinding.set(binding, (layouts = Layouts.#find(binding)));
    return layouts;
  }

  static #find(binding: Binding): Layouts {
    let bySchema = byModel.get(binding.model);
    if (bySchema === undefined) byModel.set(binding.model, (bySchema = new Map()));
    const key = JSON.stringify([binding.schema.shapes, binding.blobs !== undefined]);
    let layouts = bySchema.get(key);
    if (layouts === undefined) {
      if (bySchema.size >= SCHEMAS_MAX) bySchema.clear();
      bySchema.set(key, (layouts = new Layouts(binding)));
    }
    return layouts;
  }

  /** @returns undefined where the model does not know the node's class */
  ofInstance(node: InstanceNode): Layout<LaidOutInstance> | undefined {
    const bound = this.#binding.ofShape(node.shape);
    if (bound === undefined) return undefined;
    const isWhole = bound.of.attributes.every(
      ({ index, mutable }) => mutable || (bound.slots[index]! >= 0 && node.get(bound.slots[index]!) !== HOLE),
    );
    const layouts = isWhole ? this.#byShape : this.#watchful;
    return (layouts[node.shape] ??= this.#compile(bound, !isWhole));
  }

  #compile(bound: BoundClass, watchful: boolean): Layout<LaidOutInstance> {
    const { of, shape, slots, attributes, properties } = bound;
    const prototype = of.type.prototype as object;
    const fields = of.attributes
      .filter(({ mutable }) => mutable || watchful)
      .map((attribute): Field => {
        const { property, index, accessor, mutable } = attribute;
        const place = slots[index]!;
        const by = place < 0 || !mutable ? 'absence' : isBytes(attribute, this.#binding) ? 'bytes' : 'value';
        return { property, place, by, own: !accessor && property in prototype };
      });
    const width = attributes.length;
    const source: Shape = { name: `class ${of.name}`, fields, width, exact: false, open: of.open };
    return new Layout(source, prototype, properties, { shape, width, slotCount: width });
  }
}

const SCHEMAS_MAX = 16;
const byBinding = new WeakMap<Binding, Layouts>();
const byModel = new WeakMap<SessionModel, Map<string, Layouts>>();

function isBytes(attribute: AttributeModel, { blobs }: Binding): boolean {
  return attribute.codec !== undefined || (blobs !== undefined && strategyOf(attribute).strategy === 'binary');
}

interface Step {
  readonly next: Map<string, Step>;
  layout: Layout<ShapedObject> | undefined;
}

const SHAPE_KEYS_MAX = 64;
const SHAPES_MAX = 2048;
const NOTHING: ReadonlySet<string> = new Set();
const roots = [newStep(), newStep()] as const;
let stepCount = 0;

function newStep(): Step {
  return { next: new Map(), layout: undefined };
}

/** The layout of plain objects with these keys in this order; undefined for those that are no record but a dictionary. */
export function layoutOfKeys({ keys, nullPrototype }: DictionaryNode): Layout<ShapedObject> | undefined {
  const { names } = keys;
  if (names.length > SHAPE_KEYS_MAX) return undefined;
  let step = roots[nullPrototype ? 1 : 0];
  for (const name of names) {
    let next = step.next.get(name);
    if (next === undefined) {
      if (isIndexKey(name) || stepCount >= SHAPES_MAX) return undefined;
      stepCount++;
      step.next.set(name, (next = newStep()));
    }
    step = next;
  }
  if (step.layout === undefined) {
    const fields = names.map((property, place): Field => ({ property, place, by: 'value', own: false }));
    const shape: Shape = { name: 'a plain object', fields, width: names.length, exact: true, open: false };
    const constants = { names: [...names], size: names.length, nullPrototype };
    step.layout = new Layout(shape, nullPrototype ? null : Object.prototype, NOTHING, constants);
  }
  return step.layout;
}
