/** A delta of plain JSON as bytes, and back. */
export const toBytes = (value) => Buffer.from(JSON.stringify(value));
export const fromBytes = (bytes) => JSON.parse(Buffer.from(bytes).toString());
