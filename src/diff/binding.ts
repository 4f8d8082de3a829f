/**
 * A session model laid over a graph's schema: which attribute stands in which slot.
 *
 * Invariant: a binding fits one schema object, and all graphs that have both share it; where a graph's schema changes, another is
 * found. A slot without an attribute is
 * *foreign*: kept and passed on, never read or written on live objects.
 */
import type { AttributeModel, ClassModel, SessionModel } from '../model/session-model.js';
import { resolveLimits, type Limits } from '../wire/limits.js';
import { kindsOf, type LiveKind } from './live-kind.js';
import type { Schema } from './schema.js';

/** The self-contained encoding of one value, for attributes that are compared as bytes. */
export interface BlobCodec {
  /** @param pathOf where a value stands in the session, for errors */
  encode(value: unknown, model: SessionModel, pathOf?: (live: unknown) => string | undefined): Uint8Array;
  decode(bytes: Uint8Array, model: SessionModel): unknown;
}

export interface BoundClass {
  readonly of: ClassModel;
  readonly shape: number;
  /** By the attribute's index; -1 where the shape lacks it. */
  readonly slots: readonly number[];
  /** By slot; undefined where it is foreign. */
  readonly attributes: readonly (AttributeModel | undefined)[];
  /** The properties that are attributes or transient; in an open class the other keys are attributes too. */
  readonly properties: ReadonlySet<string>;
}

export class Binding {
  readonly model: SessionModel;
  readonly schema: Schema;
  readonly limits: Limits;
  readonly kinds: ReadonlyMap<object, LiveKind>;
  /** Undefined while a blob's content is handled: within one, attributes declared binary are compared as graphs. */
  readonly blobs: BlobCodec | undefined;
  readonly #byShape: (BoundClass | undefined)[];
  readonly #byName = new Map<string, BoundClass>();

  /** @param blobs the codec, or undefined within a blob */
  static of(model: SessionModel, schema: Schema, blobs: BlobCodec | undefined): Binding {
    const bindings = blobs === undefined ? inBlobs : inSessions;
    let byModel = bindings.get(schema);
    if (byModel === undefined) bindings.set(schema, (byModel = new WeakMap()));
    let binding = byModel.get(model);
    if (binding === undefined) byModel.set(model, (binding = new Binding(model, schema, blobs)));
    return binding;
  }

  private constructor(model: SessionModel, schema: Schema, blobs: BlobCodec | undefined) {
    this.model = model;
    this.schema = schema;
    this.blobs = blobs;
    this.limits = resolveLimits(model.limits);
    this.kinds = kindsOf(model);
    this.#byShape = schema.shapes.map(({ name, attributes }, shape) => {
      const of = model.classes.get(name);
      if (of === undefined) return undefined;
      const bound = bindClass(of, shape, attributes);
      this.#byName.set(name, bound);
      return bound;
    });
  }

  withSchema(schema: Schema): Binding {
    return Binding.of(this.model, schema, this.blobs);
  }

  /** @returns undefined where the model does not know the class */
  ofShape(shape: number): BoundClass | undefined {
    return this.#byShape[shape];
  }

  /** @returns undefined where the schema does not know the class */
  ofClass(of: ClassModel): BoundClass | undefined {
    return this.#byName.get(of.name);
  }
}

const inSessions = new WeakMap<Schema, WeakMap<SessionModel, Binding>>();
const inBlobs = new WeakMap<Schema, WeakMap<SessionModel, Binding>>();

function bindClass(of: ClassModel, shape: number, names: readonly string[]): BoundClass {
  const byName = new Map(of.attributes.map((attribute) => [attribute.wireName, attribute]));
  const slotByName = new Map(names.map((name, slot) => [name, slot]));
  return {
    of,
    shape,
    slots: of.attributes.map((attribute) => slotByName.get(attribute.wireName) ?? -1),
    attributes: names.map((name) => byName.get(name)),
    properties: new Set([...of.attributes.map(({ property }) => property), ...of.transient]),
  };
}
