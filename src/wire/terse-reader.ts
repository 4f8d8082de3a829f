/**
 * Reads fields and primitive values quickly, and refuses without saying why.
 *
 * Invariant: what this reader accepts, `ByteReader` and `readPrimitive` accept, with the same result. Everything else, be it damage or
 * only rare, is `UNUSUAL`: the caller starts again with those, which find the right error or the right result. So no check here needs
 * a message, and none may be weaker than theirs. Reading a tag behind the end gives undefined and moves on: whoever has read
 * everything holds `at` against `end`.
 */
import { isAscii } from 'node:buffer';
import { lastByteOf, readDecimal } from './float.js';
import { Tag } from './format.js';
import { latin1Text } from './buffer-text.js';
import { ByteReader } from './reader.js';
import { isPrimitiveTag, readPrimitive, type Primitive } from './value.js';

/** Thrown where the slow way has to be taken; one for all, because nobody reads its trace. */
export const UNUSUAL = new Error('to be read the slow way');

export function unusual(): never {
  throw UNUSUAL;
}

/** Strings are parts of one text, decoded for so many bytes at a time: V8 keeps all of it for any long part. */
const WINDOW_BYTES = 8_192;
/** A longer string is decoded on its own. */
const PART_BYTES_MAX = 1_024;

/** Below this a loop is quicker than a call out of JavaScript. */
const NATIVE_BYTES_MIN = 96;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const doubles = new Float64Array(1);
const floats = new Float32Array(1);
const doubleBytes = new Uint8Array(doubles.buffer);
const floatBytes = new Uint8Array(floats.buffer);
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export class TerseReader {
  readonly bytes: Uint8Array;
  /** The next byte to be read. */
  at: number;
  readonly end: number;
  #text: string;
  #textAt: number;
  #textEnd: number;

  /** @param text what the bytes from `at` on are in Latin-1, where somebody keeps it anyway */
  constructor(bytes: Uint8Array, at: number, text: string) {
    this.bytes = bytes;
    this.at = at;
    this.end = bytes.byteLength;
    this.#text = text;
    this.#textAt = at;
    this.#textEnd = at + text.length;
  }

  varint(): number {
    const { bytes } = this;
    let value = bytes[this.at++]!;
    if (value < 0x80) return value;
    value &= 0x7f;
    let scale = 0x80;
    for (let i = 1; i < 8; i++) {
      const byte = bytes[this.at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw UNUSUAL;
        return value;
      }
      scale *= 0x80;
    }
    throw UNUSUAL;
  }

  /** Reads a string of so many bytes of UTF-8. */
  text(lengthBytes: number): string {
    const { bytes } = this;
    const from = this.at;
    const end = from + lengthBytes;
    if (end > this.end) throw UNUSUAL;
    this.at = end;
    // where it is not well-formed, this throws
    if (!this.#isAscii(from, end)) return utf8.decode(this.#view(from, lengthBytes));
    if (lengthBytes > PART_BYTES_MAX) return latin1Text(bytes, from, end);
    if (end > this.#textEnd) {
      const windowEnd = Math.min(from + WINDOW_BYTES, this.end);
      this.#text = latin1Text(bytes, from, windowEnd);
      this.#textAt = from;
      this.#textEnd = windowEnd;
    }
    return this.#text.substring(from - this.#textAt, end - this.#textAt);
  }

  /** Reads a string with its tag. */
  taggedText(): string {
    const tag = this.bytes[this.at++]!;
    if (tag >= Tag.fixstr && tag <= Tag.fixstrMax) return this.text(tag - Tag.fixstr);
    return tag === Tag.string || tag === Tag.string16 ? (this.primitive(tag) as string) : unusual();
  }

  /** Moves on behind a string with its tag, whatever its bytes are. */
  skipText(): void {
    const tag = this.bytes[this.at++]!;
    if (tag >= Tag.fixstr && tag <= Tag.fixstrMax) this.at += tag - Tag.fixstr;
    else if (tag === Tag.string || tag === Tag.string16) {
      const length = this.varint();
      this.at += tag === Tag.string ? length : length * 2;
    } else throw UNUSUAL;
    if (this.at > this.end) throw UNUSUAL;
  }

  /** What was read since `from`, unit for byte. */
  latin1Since(from: number): string {
    if (from < this.#textAt || this.at > this.#textEnd) return latin1Text(this.bytes, from, this.at);
    return this.#text.substring(from - this.#textAt, this.at - this.#textAt);
  }

  /** Reads the rest of a primitive whose tag was read. */
  primitive(tag: number): Primitive {
    if (tag <= Tag.fixintMax) return tag;
    if (tag <= Tag.fixstrMax) return this.text(tag - Tag.fixstr);
    switch (tag) {
      case Tag.string:
        return this.text(this.varint());
      case Tag.integer:
        return this.varint();
      case Tag.f64:
        return this.f64();
      case Tag.false:
        return false;
      case Tag.true:
        return true;
      case Tag.null:
        return null;
      case Tag.undefined:
        return undefined;
      case Tag.f32:
        return this.#f32();
      default:
        if (tag >= Tag.decimal && tag <= Tag.f56Max) return tag < Tag.f56 ? readDecimal(this, tag) : this.#f56(tag);
        return isPrimitiveTag(tag) ? this.#rare(tag) : unusual();
    }
  }

  fail(): never {
    throw UNUSUAL;
  }

  /** Reads a length and so many bytes: a view, never a `Buffer`. */
  raw(): Uint8Array {
    const length = this.varint();
    const from = this.at;
    if (from + length > this.end) throw UNUSUAL;
    this.at += length;
    return this.#view(from, length);
  }

  f64(): number {
    const { bytes, at } = this;
    if (!isLittleEndian || at + 8 > this.end) throw UNUSUAL;
    for (let i = 0; i < 8; i++) doubleBytes[i] = bytes[at + i]!;
    this.at = at + 8;
    return doubles[0]!;
  }

  #f56(tag: number): number {
    const { bytes, at } = this;
    if (!isLittleEndian || at + 7 > this.end) throw UNUSUAL;
    for (let i = 0; i < 7; i++) doubleBytes[i] = bytes[at + i]!;
    doubleBytes[7] = lastByteOf(tag);
    this.at = at + 7;
    return doubles[0]!;
  }

  #f32(): number {
    const { bytes, at } = this;
    if (!isLittleEndian || at + 4 > this.end) throw UNUSUAL;
    for (let i = 0; i < 4; i++) floatBytes[i] = bytes[at + i]!;
    this.at = at + 4;
    return floats[0]!;
  }

  #isAscii(from: number, end: number): boolean {
    if (end - from > NATIVE_BYTES_MIN) return isAscii(this.#view(from, end - from));
    const { bytes } = this;
    let units = 0;
    for (let i = from; i < end; i++) units |= bytes[i]!;
    return units < 0x80;
  }

  #view(from: number, length: number): Uint8Array {
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + from, length);
  }

  #rare(tag: number): Primitive {
    const reader = new ByteReader(this.#view(this.at, this.end - this.at), 'value');
    const value = readPrimitive(reader, tag);
    this.at += reader.offset;
    return value;
  }
}
