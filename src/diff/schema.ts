/**
 * A graph's own schema: which classes stand in it and what their slots are called, so that it needs no class to be read.
 *
 * Invariant: a `Schema` never changes; a change makes another one. A shape keeps its number and a slot its place for ever: later
 * models add shapes and slots at the end. Names are unique within the schema, slots within their shape.
 */
import type { SessionModel } from '../model/session-model.js';

export interface Shape {
  /** The class's wire name. */
  readonly name: string;
  /** The wire names of its attributes, mutable and immutable, in slot order. */
  readonly attributes: readonly string[];
}

export class Schema {
  readonly shapes: readonly Shape[];
  /** Of the model that wrote the schema last. */
  readonly fingerprint: string;
  readonly #byName = new Map<string, number>();

  constructor(shapes: readonly Shape[], fingerprint: string) {
    this.shapes = shapes;
    this.fingerprint = fingerprint;
    shapes.forEach((shape, index) => this.#byName.set(shape.name, index));
  }

  /** The number of the shape with this class name. */
  find(name: string): number | undefined {
    return this.#byName.get(name);
  }

  /** @returns undefined where a name is taken */
  withShape(shape: Shape): Schema | undefined {
    if (this.#byName.has(shape.name) || new Set(shape.attributes).size < shape.attributes.length) return undefined;
    return new Schema([...this.shapes, shape], this.fingerprint);
  }

  /** @returns undefined where there is no such shape or a name is taken */
  withAttributes(index: number, attributes: readonly string[]): Schema | undefined {
    const shape = this.shapes[index];
    if (shape === undefined) return undefined;
    const all = [...shape.attributes, ...attributes];
    if (new Set(all).size < all.length) return undefined;
    return new Schema(this.shapes.with(index, { name: shape.name, attributes: all }), this.fingerprint);
  }

  withFingerprint(fingerprint: string): Schema {
    return new Schema(this.shapes, fingerprint);
  }
}

const schemas = new WeakMap<SessionModel, Schema>();

/** The schema with which sessions of a model begin: all classes at once and the root's first, so that all have the same bytes. */
export function schemaOf(model: SessionModel): Schema {
  let schema = schemas.get(model);
  if (schema === undefined) {
    const classes = new Set([model.root, ...model.classes.values()]);
    const shapes = Array.from(classes, ({ name, attributes }) => ({
      name,
      attributes: attributes.map(({ wireName }) => wireName),
    }));
    schemas.set(model, (schema = new Schema(shapes, model.fingerprint)));
  }
  return schema;
}
