import { expect } from 'chai';
import * as fc from 'fast-check';
import { TwinstateError } from '../../src/shared/errors.js';
import { ByteReader } from '../../src/wire/reader.js';
import { readPrimitive, readText, writePrimitive, writeText, type Primitive } from '../../src/wire/value.js';
import { ByteWriter } from '../../src/wire/writer.js';

function encode(value: Primitive): Uint8Array {
  const writer = new ByteWriter(1);
  writePrimitive(writer, value);
  return writer.finish();
}

function decode(bytes: Uint8Array): Primitive {
  const reader = new ByteReader(bytes, 'value');
  const value = readPrimitive(reader, reader.u8());
  reader.end();
  return value;
}

describe('a primitive value', () => {
  const primitive = fc.oneof(
    fc.double(),
    fc.maxSafeInteger(),
    fc.integer(),
    fc.float(),
    fc.bigInt(),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
    fc.constantFrom(undefined, null, true, false, -0, NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53)),
  );

  it('is read back as it was written', () => {
    fc.assert(
      fc.property(primitive, (value) => {
        expect(Object.is(decode(encode(value)), value)).to.equal(true);
      }),
      { numRuns: 3000 },
    );
  });

  const sizes: [Primitive, number][] = [
    ...[0, 1, 127, true, null, undefined, NaN, -0, Infinity, ''].map((value): [Primitive, number] => [value, 1]),
    ...([[128, 3], [-1, 2], [2 ** 28 - 1, 5], [2 ** 28, 5], [0.5, 5], [0.1, 9], [1.7e12 + 1, 7], ['a', 2], ['x'.repeat(31), 32]] as [Primitive, number][]),
    ...([['x'.repeat(32), 34], ['ä'.repeat(16), 34], [0n, 3], [255n, 3], [-256n, 4]] as [Primitive, number][]),
  ]; // prettier-ignore
  for (const [value, bytes] of sizes) {
    it(`${typeof value === 'string' ? `a string of ${value.length}` : `${String(value)} (${typeof value})`} takes ${bytes} bytes`, () => {
      expect(encode(value).byteLength).to.equal(bytes);
    });
  }

  it('is one string to itself, whatever its units', () => {
    for (const text of ['', '\ud800', '\udc00\ud800', 'ok\ud800', '😀', '\u0000', 'x'.repeat(100_000)]) {
      const writer = new ByteWriter();
      writeText(writer, text);
      expect(readText(new ByteReader(writer.finish(), 'text'))).to.equal(text);
    }
  });

  it('that is cut short or damaged is an error', () => {
    for (const bytes of [
      'ab00',
      'ac05aa',
      '83ff6161',
      'ad0500',
      'ae00',
      'a9ffffffffffffff0f',
      'a8ffffffffffffffff',
      '81c3',
      'b7',
    ]) {
      expect(() => decode(Buffer.from(bytes, 'hex')), bytes).to.throw(TwinstateError, /BYTES_CORRUPT/);
    }
  });
});
