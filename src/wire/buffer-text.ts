/**
 * Bytes as text and back, by what the methods of `Buffer` call.
 *
 * Invariant: what `latin1Text` makes of bytes, `writeLatin1` turns into the same bytes. All take any `Uint8Array`: a `Buffer` over the
 * same memory would cost as much as the work itself.
 */

/** What `toString` and `write` of a `Buffer` call, in every Node. */
interface BufferText {
  latin1Slice(this: Uint8Array, from: number, end: number): string;
  latin1Write(this: Uint8Array, text: string, at: number, lengthBytes: number): number;
  utf8Write(this: Uint8Array, text: string, at: number, lengthBytes: number): number;
}

const buffers = Buffer.prototype as unknown as BufferText;

export function latin1Text(bytes: Uint8Array, from = 0, end = bytes.byteLength): string {
  return buffers.latin1Slice.call(bytes, from, end);
}

/** Writes all units of the text, none of them above 255. */
export function writeLatin1(bytes: Uint8Array, text: string, at: number): void {
  buffers.latin1Write.call(bytes, text, at, text.length);
}

/** Writes a well-formed text, for which there is room. @returns how many bytes it took */
export function writeUtf8(bytes: Uint8Array, text: string, at: number): number {
  return buffers.utf8Write.call(bytes, text, at, bytes.byteLength - at);
}
