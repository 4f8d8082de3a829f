import { expect } from 'chai';
import * as fc from 'fast-check';
import { TwinstateError } from '../../src/shared/errors.js';
import { ByteReader } from '../../src/wire/reader.js';
import { readPrimitive, readText, writePrimitive, writeText, type Primitive } from '../../src/wire/value.js';
import { ByteWriter } from '../../src/wire/writer.js';

/** The number so many representable ones further on. */
function next(value: number, steps: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigInt64(0) + BigInt(steps);
  view.setBigInt64(0, bits < 0n ? 0n : bits);
  return view.getFloat64(0);
}

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
  /** What people write down: an integer with a point in it. */
  const decimal = fc
    .tuple(fc.maxSafeInteger(), fc.nat(12), fc.nat(9))
    .map(([n, fewer, digits]) => Math.trunc(n / 10 ** fewer) / 10 ** digits);
  const primitive = fc.oneof(
    fc.double(),
    decimal,
    fc.double({ min: -1e12, max: 1e12 }),
    fc.maxSafeInteger(),
    fc.integer(),
    fc.float(),
    fc.bigInt(),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
    fc.constantFrom(undefined, null, true, false, -0, NaN, Infinity, -Infinity),
    // the borders between two forms, and what is next to them
    fc
      .tuple(
        fc.constantFrom(2 ** 53, 2 ** 49, 2 ** 41 / 10, 22_517_998, 2 ** 20 / 10, 2 ** 65, 2 ** -63, 2 ** -1022, 0),
        fc.nat(4),
        fc.boolean(),
      )
      .map(([border, ulps, negative]) => next(border, ulps - 2) * (negative ? -1 : 1)),
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
    ...([[128, 3], [-1, 2], [2 ** 28 - 1, 5], [2 ** 28, 5], [0.5, 2], [1 / 1024, 5], [0.1, 2], [1000.01, 4], [-1234.56, 4],
      [52.5200066, 6], [1.00390625, 5], [2 ** 53 - 1, 8], [-(2 ** 53) + 1, 8], [Math.PI, 8], [-1e-15, 8], [1e-20, 9], [1.1e300, 9], [5e-324, 9], [2 ** 49, 5], [2 ** 49 + 1, 8], [1.7e12 + 1, 7], ['a', 2], ['x'.repeat(31), 32]] as [Primitive, number][]),
    ...([['x'.repeat(32), 34], ['ä'.repeat(16), 34], [0n, 3], [255n, 3], [-256n, 4]] as [Primitive, number][]),
  ]; // prettier-ignore
  for (const [value, bytes] of sizes) {
    it(`${typeof value === 'string' ? `a string of ${value.length}` : `${String(value)} (${typeof value})`} takes ${bytes} bytes`, () => {
      expect(encode(value).byteLength).to.equal(bytes);
    });
  }

  it('is a decimal exactly where a text of at most eight digits behind the point gives the number', () => {
    const any = fc.oneof(
      decimal,
      fc.double({ min: -1e13, max: 1e13, noNaN: true }),
      fc.float({ noNaN: true, noDefaultInfinity: true }),
    );
    fc.assert(
      fc.property(any, (value) => {
        if (Number.isInteger(value)) return;
        const text = [1, 2, 3, 4, 5, 6, 7, 8]
          .map((digits) => Math.abs(value).toFixed(digits))
          .find((one) => Number(one) === Math.abs(value));
        const digits = text === undefined ? '' : text.replace('.', '').replace(/^0+/, '');
        const isShort = text !== undefined && Number(digits) < (Math.fround(value) === value ? 2 ** 20 : 2 ** 41);
        const [tag] = encode(value);
        expect(tag! >= 0xc8 && tag! <= 0xcf, String(value)).to.equal(isShort);
        if (isShort) expect(tag! - 0xc7).to.equal(text.split('.')[1]!.length);
      }),
      { numRuns: 5000 },
    );
  });

  it('that is a double between 2^-63 and 2^65 takes eight bytes at most', () => {
    fc.assert(
      fc.property(fc.double({ min: 2 ** -63, max: 2 ** 65, maxExcluded: true }), fc.boolean(), (value, negative) => {
        expect(encode(negative ? -value : value).byteLength).to.be.at.most(8);
      }),
      { numRuns: 2000 },
    );
  });

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
      'c8',
      'd0000000000000',
      // decimals that end with 0, are no fraction, or would be shorter otherwise
      'c814',
      'c800',
      'c9c801',
      'c882808080808001',
      'cfc2dbde5f',
    ]) {
      expect(() => decode(Buffer.from(bytes, 'hex')), bytes).to.throw(TwinstateError, /BYTES_CORRUPT/);
    }
  });
});
