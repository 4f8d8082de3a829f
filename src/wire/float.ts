/**
 * Numbers that are no short integers, in the shortest form that gives them back exactly: a decimal of few digits, as amounts and
 * coordinates are, 32 bits where these are exact, a float without its last byte, a whole one.
 *
 * Invariant: which form a number gets depends on the number only. `format.ts` has the forms.
 */
import type { ByteReader } from './reader.js';
import type { ByteWriter } from './writer.js';
import { Tag } from './format.js';

const DIGITS_MAX = 8;
const POWERS = Array.from({ length: DIGITS_MAX + 1 }, (_, digits) => 10 ** digits);
/** Below this a number times 10^8 is below 2^51, so that rounding the product finds the integer that it was divided from. */
const ALL_DIGITS_END = 22_517_998;
/** From there on an integer below `MANTISSA_END` has been divided by 10^4 at most, and times 10^4 the same holds up to its end. */
const FEW_DIGITS = 4;
const MANTISSA_END = 2 ** 41;
const DECIMAL_END = MANTISSA_END / 10;
/** A shorter decimal than a float of 32 bits takes at most three bytes behind its tag. */
const SHORT_MANTISSA_END = 2 ** 20;
/** Of the last byte without the sign: what the tags `f56` stand for. */
const LAST_BYTE_MIN = 0x3c;
const LAST_BYTES = 8;

const scratch = new DataView(new ArrayBuffer(8));

/** @param value finite, and no integer below 2^49 that is not exact in 32 bits */
export function writeFloat(writer: ByteWriter, value: number): void {
  const isSingle = Math.fround(value) === value;
  if (Math.abs(value) < DECIMAL_END && writeDecimal(writer, value, isSingle ? SHORT_MANTISSA_END : MANTISSA_END)) return;
  if (isSingle) {
    writer.u8(Tag.f32);
    return writer.f32(value);
  }
  scratch.setFloat64(0, value);
  const last = scratch.getUint8(0);
  const place = (last & 0x7f) - LAST_BYTE_MIN;
  if (place < 0 || place >= LAST_BYTES) {
    writer.u8(Tag.f64);
    return writer.f64(value);
  }
  writer.u8(Tag.f56 + place + (last > 0x7f ? LAST_BYTES : 0));
  writer.f56(value);
}

/** @returns the byte that a tag from `f56` on stands for */
export function lastByteOf(tag: number): number {
  const place = tag - Tag.f56;
  return place < LAST_BYTES ? LAST_BYTE_MIN + place : LAST_BYTE_MIN + place - LAST_BYTES + 0x80;
}

/** False, and nothing written, where no integer below `mantissaEnd` and no power gives exactly this number. */
function writeDecimal(writer: ByteWriter, value: number, mantissaEnd: number): boolean {
  const size = Math.abs(value);
  // most have two, and zeros are taken off a short number in less time
  let digits = 2;
  let mantissa = Math.round(size * 100);
  if (mantissa / 100 !== size) {
    digits = size < ALL_DIGITS_END ? DIGITS_MAX : FEW_DIGITS;
    mantissa = Math.round(size * POWERS[digits]!);
    // the quotient of two exact numbers is rounded once, as it is where the text of the decimal is read
    if (mantissa / POWERS[digits]! !== size) return false;
  }
  if (Number.isInteger(size)) return false;
  for (; mantissa % 10 === 0; mantissa /= 10) digits--;
  if (mantissa >= mantissaEnd) return false;
  writer.u8(Tag.decimal + digits - 1);
  writer.varint(mantissa * 2 + (value < 0 ? 1 : 0));
  return true;
}

/** Reads the rest of a decimal whose tag was read. */
export function readDecimal(reader: Pick<ByteReader, 'varint' | 'fail'>, tag: number): number {
  const signed = reader.varint();
  const isNegative = signed % 2 === 1;
  const mantissa = (signed - (isNegative ? 1 : 0)) / 2;
  const size = mantissa / POWERS[tag - Tag.decimal + 1]!;
  if (mantissa >= (Math.fround(size) === size ? SHORT_MANTISSA_END : MANTISSA_END) || mantissa % 10 === 0) {
    return reader.fail('a decimal in its shortest form', 'another form of it');
  }
  return isNegative ? -size : size;
}
