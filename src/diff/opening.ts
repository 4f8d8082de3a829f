/**
 * Opens a snapshot as live objects without making the graph of nodes, which a session that is only read never needs.
 *
 * Invariant: the objects are those that decoding and binding would make, and `table` gives the nodes that they would have: it is read
 * from the bytes that were opened and never from the objects, which the application may have changed meanwhile. What the generated
 * readers do not know is left to the slow way, and so is everything where code generation is disallowed.
 */
import { invariant } from '../shared/invariant.js';
import type { AttributeModel, SessionModel } from '../model/session-model.js';
import { latin1Text, writeLatin1 } from '../wire/latin1.js';
import { ByteReader } from '../wire/reader.js';
import { UNUSUAL, unusual } from '../wire/terse-reader.js';
import { Binding, type BoundClass } from './binding.js';
import { blobCodec } from './blob.js';
import { canGenerate } from './comparator.js';
import { compile } from './generated-code.js';
import { writeKey } from './live-write.js';
import { decodeBlob } from './materialiser.js';
import { isNode } from './node.js';
import type { NodeTable } from './node-table.js';
import { OpeningReader, type ClassOpener, type DecodeBlob } from './opening-reader.js';
import { openingSource, type OpeningSlot } from './opening-source.js';
import { decodeSchema, decodeSnapshot, schemaSection } from './snapshot.js';
import { strategyOf } from './strategy.js';

/** Up to here a snapshot is kept as the text that its strings are parts of, which costs nothing beside them. */
const TEXT_BYTES_MAX = 16_384;
const PLANS_MAX = 16;

/** What the sessions of one model with the same schema have in common. */
interface Plan {
  /** The bytes up to the end of the schema section. */
  readonly head: Buffer;
  readonly binding: Binding;
  readonly rootShape: number;
  /** By shape; undefined where instances take the slow way. */
  readonly openers: readonly (ClassOpener | undefined)[];
  readonly decodeBlob: DecodeBlob;
}

/** A session that was opened and has no nodes yet. */
export class Opening {
  readonly root: object;
  readonly binding: Binding;
  /** The id that the next new node gets. */
  readonly nextId: number;
  readonly #objects: readonly (object | undefined)[];
  readonly #head: Uint8Array;
  /** The whole snapshot; or what stands behind the head, in Latin-1. */
  readonly #kept: Uint8Array | string;

  private constructor({ objects }: OpeningReader, { binding, head }: Plan, nextId: number, kept: Uint8Array | string) {
    this.root = objects[0]!;
    this.binding = binding;
    this.nextId = nextId;
    this.#objects = objects;
    this.#head = head;
    this.#kept = kept;
  }

  /** @returns undefined where the slow way has to be taken, also for bytes that are no snapshot */
  static of(snapshot: Uint8Array, model: SessionModel): Opening | undefined {
    if (!canGenerate()) return undefined;
    try {
      const plan = planOf(snapshot, model);
      const { limits } = plan.binding;
      if (snapshot.byteLength > limits.sessionBytesMax) return undefined;
      const from = plan.head.byteLength;
      const isShort = snapshot.byteLength - from <= TEXT_BYTES_MAX;
      const text = isShort ? latin1Text(snapshot, from) : '';
      const reader = new OpeningReader(snapshot, from, text, plan.openers, limits, plan.decodeBlob);
      const nextId = reader.run(plan.rootShape);
      return new Opening(reader, plan, nextId, isShort ? text : new Uint8Array(snapshot));
    } catch {
      // whatever it was, the slow way meets it too and says what it is
      return undefined;
    } finally {
      SEALED.value = undefined;
    }
  }

  /** Makes a copy of the snapshot. */
  snapshot(): Uint8Array {
    const kept = this.#kept;
    if (typeof kept !== 'string') return new Uint8Array(kept);
    const head = this.#head;
    const bytes = new Uint8Array(head.byteLength + kept.length);
    bytes.set(head);
    writeLatin1(bytes, kept, head.byteLength);
    return bytes;
  }

  /** Makes the nodes that decoding and binding would have made, bound to the objects. */
  table(): NodeTable {
    const objects = this.#objects;
    const { limits, schema } = this.binding;
    const table = decodeSnapshot(this.snapshot(), limits, 'instance');
    table.schema = schema;
    let i = 0;
    for (const node of table.nodes.values()) {
      const live = objects[i++];
      node.source = live;
      if (live !== undefined) table.bySource.set(live, node);
      if (node.kind !== 'instance') continue;
      for (const stored of node.slots) if (isNode(stored) && stored.kind === 'blob') stored.holder = node;
    }
    invariant(i === objects.length, 'an opened snapshot has as many objects as nodes');
    return table;
  }
}

const byModel = new WeakMap<SessionModel, Plan[]>();

/** @throws {TwinstateError} for what has no head of a snapshot */
function planOf(snapshot: Uint8Array, model: SessionModel): Plan {
  let plans = byModel.get(model);
  if (plans === undefined) byModel.set(model, (plans = []));
  for (const plan of plans) {
    const { head } = plan;
    if (head.byteLength <= snapshot.byteLength && head.compare(snapshot, 0, head.byteLength) === 0) return plan;
  }
  const plan = newPlan(snapshot, model);
  if (plans.length >= PLANS_MAX) plans.length = 0;
  plans.push(plan);
  return plan;
}

function newPlan(snapshot: Uint8Array, model: SessionModel): Plan {
  const { offset, lengthBytes } = schemaSection(snapshot);
  const head = Buffer.from(snapshot.subarray(0, offset + lengthBytes));
  const schema = decodeSchema(new ByteReader(head.subarray(offset), 'snapshot'));
  const binding = new Binding(model, schema, blobCodec);
  const openers: (ClassOpener | undefined)[] = [];
  schema.shapes.forEach((_, shape) => {
    const bound = binding.ofShape(shape);
    openers.push(bound === undefined ? undefined : classOpener(bound, binding, openers));
  });
  return {
    head,
    binding,
    rootShape: schema.find(model.root.name) ?? -1,
    openers,
    decodeBlob: (attribute, bytes, coded) => decodeBlob(binding, attribute, bytes, coded),
  };
}

/** @returns undefined for a class with rules of its own about how it is made or written */
function classOpener(bound: BoundClass, binding: Binding, openers: (ClassOpener | undefined)[]): ClassOpener | undefined {
  const { of, attributes, properties, shape } = bound;
  const prototype = of.type.prototype as object;
  if (of.makes || !attributes.every((attribute) => attribute !== undefined && !attribute.accessor)) return undefined;
  const slots = (attributes as readonly AttributeModel[]).map((attribute): OpeningSlot => {
    const { property, mutable } = attribute;
    const blob = attribute.codec !== undefined || strategyOf(attribute).strategy === 'binary';
    return { property, by: !mutable ? 'seal' : property in prototype ? 'define' : 'assign', blob };
  });
  const { elementsMax } = binding.limits;
  const source = openingSource({ name: `class ${of.name}`, slots, open: of.open, elementsMax });
  const given = { ...GIVEN, type: of.type, prototype, attributes, properties };
  const opener = compile(source, given) as ClassOpener;
  return {
    make() {
      const live = opener.make();
      // the first instance shows whether the constructor leaves attributes that cannot just be assigned
      const isPlain = slots.every(({ property }) => isPlainly(Object.getOwnPropertyDescriptor(live, property)));
      openers[shape] = isPlain ? opener : undefined;
      return isPlain ? live : unusual();
    },
    fill: opener.fill,
  };
}

function isPlainly(own: PropertyDescriptor | undefined): boolean {
  return own === undefined || (own.writable === true && own.enumerable === true && own.configurable === true);
}

/** One descriptor for all: what it takes to make one is as much as the rest. Configurable, because a refresh may replace the value. */
const SEALED: PropertyDescriptor = { value: undefined, writable: false, enumerable: true, configurable: true };

function seal(live: object, property: string, value: unknown): void {
  SEALED.value = value;
  Object.defineProperty(live, property, SEALED);
}

const GIVEN = { getPrototypeOf: Object.getPrototypeOf, hasOwn: Object.hasOwn, seal, writeKey, UNUSUAL };
