/**
 * Bytes as text and back, unit for byte.
 *
 * Invariant: what `latin1Text` makes of bytes, `writeLatin1` turns into the same bytes. Both take any `Uint8Array`: a `Buffer` over
 * the same memory would cost as much as the work itself.
 */

/** What `toString('latin1')` and `write` of a `Buffer` call, in every Node. */
interface Latin1 {
  latin1Slice(this: Uint8Array, from: number, end: number): string;
  latin1Write(this: Uint8Array, text: string, at: number, length: number): number;
}

const latin1 = Buffer.prototype as unknown as Latin1;

export function latin1Text(bytes: Uint8Array, from = 0, end = bytes.byteLength): string {
  return latin1.latin1Slice.call(bytes, from, end);
}

/** Writes all units of the text, none of them above 255. */
export function writeLatin1(bytes: Uint8Array, text: string, at: number): void {
  latin1.latin1Write.call(bytes, text, at, text.length);
}
