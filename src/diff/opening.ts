/**
 * Opens a snapshot as live objects without making the graph of nodes, which a session that is only read never needs.
 *
 * Invariant: the objects are those that decoding and binding would make, and `table` gives the nodes that they would have: it is read
 * from the bytes that were opened and never from the objects, which the application may have changed meanwhile. What the generated
 * readers do not know is left to the slow way, and so is everything where code generation is disallowed.
 */
import { copyBytes } from '../shared/bytes.js';
import type { SessionModel } from '../model/session-model.js';
import { latin1Text, writeLatin1 } from '../wire/buffer-text.js';
import { Binding } from './binding.js';
import { blobCodec } from './blob.js';
import { classOpener, forgetSealed } from './class-opener.js';
import { canGenerate } from './generated-code.js';
import { decodeBlob } from './materialiser.js';
import type { NodeTable } from './node-table.js';
import { OpeningReader, type ClassOpener, type DecodeBlob } from './opening-reader.js';
import { HEAD_BYTES_MAX, headOf, type SnapshotHead } from './snapshot.js';
import { TableReader, type Opened } from './table-reader.js';

/** Up to here a snapshot is kept as the text that its strings are parts of, which costs nothing beside them. */
const TEXT_BYTES_MAX = 16_384;

/** What the sessions of one model with the same schema have in common. */
interface Plan {
  readonly head: SnapshotHead;
  readonly binding: Binding;
  readonly rootShape: number;
  /** By shape; undefined where instances take the slow way. */
  readonly openers: readonly (ClassOpener | undefined)[];
  /** By shape and slot. */
  readonly properties: readonly (readonly string[])[];
  readonly decodeBlob: DecodeBlob;
}

/** A session that was opened and has no nodes yet. */
export class Opening {
  readonly root: object;
  /** The id that the next new node gets. */
  readonly nextId: number;
  readonly #plan: Plan;
  readonly #objects: readonly (object | undefined)[];
  /** The whole snapshot; or what stands behind the head, in Latin-1. */
  readonly #kept: Uint8Array | string;

  private constructor(plan: Plan, { objects }: OpeningReader, nextId: number, kept: Uint8Array | string) {
    this.root = objects[0]!;
    this.nextId = nextId;
    this.#plan = plan;
    this.#objects = objects;
    this.#kept = kept;
  }

  /** @returns undefined where the slow way has to be taken, also for bytes that are no snapshot */
  static of(snapshot: Uint8Array, model: SessionModel): Opening | undefined {
    if (!canGenerate()) return undefined;
    try {
      const head = headOf(snapshot);
      const plan = planOf(head, model);
      const { limits } = plan.binding;
      const from = head.byteLength;
      if (from > HEAD_BYTES_MAX || snapshot.byteLength > limits.sessionBytesMax) return undefined;
      const isShort = snapshot.byteLength - from <= TEXT_BYTES_MAX;
      const text = isShort ? latin1Text(snapshot, from) : '';
      const reader = new OpeningReader(snapshot, from, text, plan.openers, limits, plan.decodeBlob);
      const nextId = reader.run(plan.rootShape);
      return new Opening(plan, reader, nextId, isShort ? text : copyBytes(snapshot));
    } catch {
      // whatever it was, the slow way meets it too and says what it is
      return undefined;
    } finally {
      forgetSealed();
    }
  }

  get binding(): Binding {
    return this.#plan.binding;
  }

  /** Makes a copy of the snapshot. */
  snapshot(): Uint8Array {
    const kept = this.#kept;
    if (typeof kept !== 'string') return copyBytes(kept);
    const { bytes: head, byteLength } = this.#plan.head;
    const bytes = new Uint8Array(byteLength + kept.length);
    bytes.set(head);
    writeLatin1(bytes, kept, byteLength);
    return bytes;
  }

  /** Makes the nodes that decoding and binding would have made, bound to the objects. */
  table(): NodeTable {
    const objects = this.#objects;
    const { properties } = this.#plan;
    try {
      return this.#table({ objects, properties });
    } catch {
      // a getter that the application has put on an object may throw
      return this.#table({ objects, properties: undefined });
    }
  }

  #table(opened: Opened): NodeTable {
    const { head, binding } = this.#plan;
    const kept = this.#kept;
    const [bytes, text] = typeof kept === 'string' ? [this.snapshot(), kept] : [kept, ''];
    return new TableReader(bytes, head.byteLength, text, head.schema, binding.limits, opened).run('instance');
  }
}

const byModel = new WeakMap<SessionModel, WeakMap<SnapshotHead, Plan>>();

function planOf(head: SnapshotHead, model: SessionModel): Plan {
  let plans = byModel.get(model);
  if (plans === undefined) byModel.set(model, (plans = new WeakMap()));
  let plan = plans.get(head);
  if (plan === undefined) plans.set(head, (plan = newPlan(head, model)));
  return plan;
}

function newPlan(head: SnapshotHead, model: SessionModel): Plan {
  const { schema } = head;
  const binding = Binding.of(model, schema, blobCodec);
  const openers: (ClassOpener | undefined)[] = [];
  const bounds = schema.shapes.map((_, shape) => binding.ofShape(shape));
  for (const bound of bounds) openers.push(bound === undefined ? undefined : classOpener(bound, binding, openers));
  return {
    head,
    binding,
    rootShape: schema.find(model.root.name) ?? -1,
    openers,
    properties: bounds.map((bound) => bound?.attributes.map((attribute) => attribute?.property ?? '') ?? []),
    decodeBlob: (attribute, bytes, coded) => decodeBlob(binding, attribute, bytes, coded),
  };
}
