/**
 * Writes the primitive fields that every format of Twinstate is made of.
 *
 * Invariant: what `ByteWriter` writes, `ByteReader` reads back, field for field. Integers are unsigned LEB128 (`varint`), floats
 * IEEE 754 little endian, strings a varint of their length in UTF-8 bytes and then these bytes.
 */
import { writeUtf8 } from './buffer-text.js';

const SMALL_BYTES = 32;
/** Up to 64 bytes an array has no memory of its own; what is longer is mostly a good deal longer. */
const GROWN_BYTES_MIN = 256;
const LOW_END = 2 ** 28;

export class ByteWriter {
  #bytes: Uint8Array;
  /** Made when it is needed: bytes of few numbers stay where they are cheapest. */
  #view: DataView | undefined;
  #length = 0;

  constructor(capacityBytes = 256) {
    this.#bytes = new Uint8Array(capacityBytes);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  /** @param value an integer from 0 to `Number.MAX_SAFE_INTEGER` */
  varint(value: number): void {
    this.#room(8);
    const bytes = this.#bytes;
    let at = this.#length;
    let rest = value;
    if (value >= LOW_END) {
      // the low four groups of seven bits apart, so that everything else is arithmetic of 32 bits
      rest = Math.floor(value / LOW_END);
      const low = value - rest * LOW_END;
      bytes[at++] = low | 0x80;
      bytes[at++] = (low >>> 7) | 0x80;
      bytes[at++] = (low >>> 14) | 0x80;
      bytes[at++] = (low >>> 21) | 0x80;
    }
    for (; rest > 0x7f; rest >>>= 7) bytes[at++] = rest | 0x80;
    bytes[at++] = rest;
    this.#length = at;
  }

  u32(value: number): void {
    this.#room(4);
    this.#numbers().setUint32(this.#length, value, true);
    this.#length += 4;
  }

  f32(value: number): void {
    this.#room(4);
    this.#numbers().setFloat32(this.#length, value, true);
    this.#length += 4;
  }

  f64(value: number): void {
    this.#room(8);
    this.#numbers().setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** A float without its last byte, which holds the sign and most of the exponent. */
  f56(value: number): void {
    this.f64(value);
    this.#length--;
  }

  /** Well-formed Unicode only; `wire/value.ts` has another form for lone surrogates. */
  string(value: string): void {
    // a UTF-16 unit takes at most 3 bytes
    const bytesMax = value.length * 3;
    this.#room(bytesMax + 8);
    const lengthAt = this.#length;
    // the length stands before the text; where it takes as many bytes in any case, it need not be known before
    if (varintBytes(value.length) === varintBytes(bytesMax)) {
      this.#length += varintBytes(bytesMax);
      const end = this.#length + writeUtf8(this.#bytes, value, this.#length);
      const lengthBytes = end - this.#length;
      this.#length = lengthAt;
      this.varint(lengthBytes);
      this.#length = end;
      return;
    }
    this.varint(Buffer.byteLength(value));
    this.#length += writeUtf8(this.#bytes, value, this.#length);
  }

  /** A byte and the units of a string behind it, without an encoder's overhead; false, and nothing written, where one is no ASCII. */
  ascii(head: number, value: string): boolean {
    const { length } = value;
    this.#room(length + 1);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = head;
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) return false;
      bytes[at++] = unit;
    }
    this.#length = at;
    return true;
  }

  /** Bytes without their length. */
  raw(value: Uint8Array): void {
    this.#room(value.byteLength);
    this.#bytes.set(value, this.#length);
    this.#length += value.byteLength;
  }

  /** A varint of the length, then the bytes. */
  bytes(value: Uint8Array): void {
    this.varint(value.byteLength);
    this.raw(value);
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    const length = this.#length;
    if (length > SMALL_BYTES) return this.#bytes.slice(0, length);
    // a few bytes are copied in less time than `slice` takes to begin
    const bytes = this.#bytes;
    const copy = new Uint8Array(length);
    for (let i = 0; i < length; i++) copy[i] = bytes[i]!;
    return copy;
  }

  /** What was written, without a copy: valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Forgets everything behind `length`, or everything. */
  reset(length = 0): void {
    this.#length = length;
  }

  #numbers(): DataView {
    return (this.#view ??= new DataView(this.#bytes.buffer));
  }

  #room(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.byteLength) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.byteLength * 2, GROWN_BYTES_MIN));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = undefined;
  }
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}
