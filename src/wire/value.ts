/**
 * Primitive values as bytes; `format.ts` says which.
 *
 * Invariant: every primitive is read back as it was written by `Object.is`, and each has one form only, so equal states give
 * equal bytes. Readers accept only what a writer could have meant, and throw `BYTES_CORRUPT` for everything else.
 */
import type { ByteReader } from './reader.js';
import type { ByteWriter } from './writer.js';
import { Tag } from './format.js';
import { lastByteOf, readDecimal, writeFloat } from './float.js';

export type Primitive = undefined | null | boolean | number | string | bigint;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const FIXSTR_BYTES_MAX = Tag.fixstrMax - Tag.fixstr;
/** Below this an integer takes at most four bytes as a varint, which a float cannot beat. */
const SHORT_VARINT_END = 2 ** 28;
/** Below this it takes at most seven, as a float without its last byte does. */
const LONG_VARINT_END = 2 ** 49;

export function writePrimitive(writer: ByteWriter, value: Primitive): void {
  switch (typeof value) {
    case 'string':
      return writeText(writer, value);
    case 'number':
      return writeNumber(writer, value);
    case 'boolean':
      return writer.u8(value ? Tag.true : Tag.false);
    case 'bigint':
      return writeBigint(writer, value);
    case 'undefined':
      return writer.u8(Tag.undefined);
    default:
      return writer.u8(Tag.null);
  }
}

export function writeNumber(writer: ByteWriter, value: number): void {
  if (Number.isSafeInteger(value)) {
    if (value >= 0 && value <= Tag.fixintMax) {
      if (Object.is(value, -0)) writer.u8(Tag.negativeZero);
      else writer.u8(value);
      return;
    }
    const size = Math.abs(value);
    if (size < SHORT_VARINT_END || (size < LONG_VARINT_END && Math.fround(value) !== value)) {
      writer.u8(value > 0 ? Tag.integer : Tag.negativeInteger);
      writer.varint(value > 0 ? value : -1 - value);
      return;
    }
  }
  if (value !== value) writer.u8(Tag.nan);
  else if (value === Infinity) writer.u8(Tag.infinity);
  else if (value === -Infinity) writer.u8(Tag.negativeInfinity);
  else writeFloat(writer, value);
}

/** Any string, lone surrogates included. */
export function writeText(writer: ByteWriter, value: string): void {
  if (value.length <= FIXSTR_BYTES_MAX && writer.ascii(Tag.fixstr + value.length, value)) return;
  // in the types only since ES2024, in every Node that runs this
  if (!(value as unknown as { isWellFormed(): boolean }).isWellFormed()) {
    writer.u8(Tag.string16);
    writer.varint(value.length);
    writer.raw(Buffer.from(value, 'utf16le'));
    return;
  }
  const lengthBytes = value.length > FIXSTR_BYTES_MAX ? value.length : Buffer.byteLength(value);
  if (lengthBytes <= FIXSTR_BYTES_MAX) {
    writer.u8(Tag.fixstr + lengthBytes);
    writer.raw(Buffer.from(value));
  } else {
    writer.u8(Tag.string);
    writer.string(value);
  }
}

function writeBigint(writer: ByteWriter, value: bigint): void {
  writer.u8(value < 0n ? Tag.negativeBigint : Tag.bigint);
  const hex = (value < 0n ? -value : value).toString(16);
  writer.bytes(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex'));
}

/** True for a tag that `readPrimitive` knows. */
export function isPrimitiveTag(tag: number): boolean {
  return tag <= Tag.negativeBigint || (tag >= Tag.decimal && tag <= Tag.f56Max);
}

/** Reads the rest of a primitive whose tag was read. */
export function readPrimitive(reader: ByteReader, tag: number): Primitive {
  if (tag <= Tag.fixintMax) return tag;
  if (tag <= Tag.fixstrMax) return utf8(reader, tag - Tag.fixstr);
  if (tag >= Tag.decimal && tag <= Tag.f56Max) return tag < Tag.f56 ? readDecimal(reader, tag) : reader.f56(lastByteOf(tag));
  switch (tag) {
    case Tag.undefined:
      return undefined;
    case Tag.null:
      return null;
    case Tag.true:
      return true;
    case Tag.false:
      return false;
    case Tag.nan:
      return NaN;
    case Tag.negativeZero:
      return -0;
    case Tag.infinity:
      return Infinity;
    case Tag.negativeInfinity:
      return -Infinity;
    case Tag.integer:
      return reader.varint();
    case Tag.negativeInteger:
      return readNegativeInteger(reader);
    case Tag.f32:
      return reader.f32();
    case Tag.f64:
      return reader.f64();
    case Tag.string:
      return reader.string();
    case Tag.string16:
      return readString16(reader);
    case Tag.bigint:
      return readBigint(reader);
    case Tag.negativeBigint:
      return -readBigint(reader);
    default:
      return reader.fail('a primitive value', `the tag ${tag}`);
  }
}

/** Reads a string with its tag. */
export function readText(reader: ByteReader): string {
  const tag = reader.u8();
  if (tag >= Tag.fixstr && tag <= Tag.fixstrMax) return utf8(reader, tag - Tag.fixstr);
  if (tag === Tag.string) return reader.string();
  if (tag === Tag.string16) return readString16(reader);
  return reader.fail('a string', `the tag ${tag}`);
}

function utf8(reader: ByteReader, lengthBytes: number): string {
  const bytes = reader.raw(lengthBytes);
  let text = '';
  for (let i = 0; i < lengthBytes; i++) {
    const unit = bytes[i]!;
    if (unit > 0x7f) return decodeUtf8(reader, bytes);
    text += String.fromCharCode(unit);
  }
  return text;
}

function decodeUtf8(reader: ByteReader, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    return reader.fail('well-formed UTF-8', 'other bytes', cause);
  }
}

function readString16(reader: ByteReader): string {
  const bytes = reader.raw(reader.count(2) * 2);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf16le');
}

function readNegativeInteger(reader: ByteReader): number {
  const value = -1 - reader.varint();
  return Number.isSafeInteger(value) ? value : reader.fail('an integer of at most 53 bits', 'a longer one');
}

function readBigint(reader: ByteReader): bigint {
  const bytes = reader.bytes();
  if (bytes.byteLength === 0) return reader.fail('the bytes of a bigint', 'none');
  return BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`);
}
