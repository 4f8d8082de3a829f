/**
 * @colyseus/schema: classes whose writes are tracked.
 *
 * Work: the application's writes through its setters, `encode`, `discardChanges`. The bytes stand in its own buffer, uncopied.
 */
import { ArraySchema, Decoder, Encoder, MapSchema, Schema } from '@colyseus/schema';

Encoder.BUFFER_SIZE = 1024 * 1024;

/** Declared once for each shape, as an application does. */
const declared = new Map();
const schemaOf = (shape) => {
  if (!declared.has(shape.name)) declared.set(shape.name, shape.colyseus());
  return declared.get(shape.name);
};

export const colyseus = {
  name: '@colyseus/schema',
  work: 'writes through setters; encode; discardChanges',
  open(shape) {
    if (shape.colyseus === undefined) throw new Error('no schema says this shape');
    const { type, make, element } = schemaOf(shape);
    const state = make(shape.plain());
    const encoder = new Encoder(state);
    const decoder = new Decoder(new type());
    decoder.decode(encoder.encodeAll());
    encoder.discardChanges();
    return {
      state: () => plainOf(state),
      step(change, i) {
        (change.colyseus ?? change.apply)(state, i, element);
        const bytes = encoder.encode();
        encoder.discardChanges();
        return bytes.length === 0 ? null : bytes;
      },
      receive: (bytes) => decoder.decode(bytes),
      received: () => plainOf(decoder.state),
    };
  },
};

/** The same values in plain objects, identities kept, so that the common oracle can compare them. */
function plainOf(value, seen = new Map()) {
  if (typeof value !== 'object' || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  const plain = value instanceof ArraySchema ? [] : value instanceof MapSchema ? new Map() : {};
  seen.set(value, plain);
  if (value instanceof ArraySchema) for (const one of value.values()) plain.push(plainOf(one, seen));
  else if (value instanceof MapSchema) for (const [key, one] of value.entries()) plain.set(key, plainOf(one, seen));
  else if (value instanceof Schema) {
    for (const { name } of fieldsOf(value)) if (value[name] !== undefined) plain[name] = plainOf(value[name], seen);
  }
  return plain;
}

function fieldsOf(value) {
  return Object.values(value.constructor[Symbol.metadata]).filter((field) => typeof field?.name === 'string');
}
