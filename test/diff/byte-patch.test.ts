import { expect } from 'chai';
import * as fc from 'fast-check';
import { diffBytes, patchBytes } from '../../src/diff/byte-patch.js';

/** Lengths and places around the borders of what is compared in one go. */
const place = fc.oneof(
  fc.nat(300),
  fc.constantFrom(0, 63, 64, 65, 4095, 4096, 4159, 4160, 4161, 8255, 8256, 12_000),
  fc.nat(12_500),
);
const edits = fc.array(fc.tuple(place, fc.nat(9), fc.uint8Array({ maxLength: 9 })), { maxLength: 6 });

function apply(old: Uint8Array, changes: readonly (readonly [number, number, Uint8Array])[], keepLength: boolean): Uint8Array {
  let bytes = Buffer.from(old);
  for (const [at, removed, inserted] of changes) {
    if (keepLength) inserted.forEach((byte, i) => at + i < bytes.length && (bytes[at + i] = byte));
    else bytes = Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)]);
  }
  return new Uint8Array(bytes);
}

describe('the changed portions of bytes', () => {
  const bytes = fc.tuple(fc.nat(12_500), fc.nat(255)).map(([length, step]) => Uint8Array.from({ length }, (_, i) => i * step));

  for (const keepLength of [true, false]) {
    it(`make the new bytes out of the old, ${keepLength ? 'written in place' : 'inserted and removed'}`, () => {
      fc.assert(
        fc.property(bytes, edits, (old, changes) => {
          const now = apply(old, changes, keepLength);
          const patches = diffBytes(old, now);
          if (patches === undefined) return;
          expect(Buffer.compare(patchBytes(old, patches)!, now)).to.equal(0);
        }),
        { numRuns: 1000 },
      );
    });
  }

  it('begin and end with a byte that differs, and have no gap of four in them', () => {
    fc.assert(
      fc.property(bytes, edits, (old, changes) => {
        const now = apply(old, changes, true);
        let at = 0;
        for (const { kept, removed, inserted } of diffBytes(old, now) ?? []) {
          at += kept;
          expect(inserted.byteLength).to.equal(removed);
          expect(inserted[0]).not.to.equal(old[at]);
          expect(inserted.at(-1)).not.to.equal(old[at + removed - 1]);
          const equal = Array.from(inserted, (byte, i) => (byte === old[at + i] ? '=' : 'x')).join('');
          expect(equal).not.to.include('====');
          at += removed;
        }
      }),
      { numRuns: 1000 },
    );
  });

  /** Texts and records repeat themselves; a match may be found in many places, or in a wrong one. */
  const periodic = fc
    .tuple(fc.nat(400), fc.uint8Array({ minLength: 1, maxLength: 90 }), fc.nat(255))
    .map(([count, record, step]) =>
      Buffer.concat(Array.from({ length: count }, (_, i) => record.map((byte, k) => (k < 4 ? byte + i * step : byte)))),
    );

  it('make the new bytes out of the old where these repeat themselves, and parts were moved', () => {
    fc.assert(
      fc.property(
        periodic,
        edits,
        fc.array(fc.tuple(fc.nat(30_000), fc.nat(9000), fc.nat(30_000)), { maxLength: 4 }),
        (old, changes, moves) => {
          let now: Uint8Array = apply(old, changes, false);
          for (const [from, length, to] of moves) {
            const part = now.subarray(from, from + length);
            const rest = Buffer.concat([now.subarray(0, from), now.subarray(from + length)]);
            now = Buffer.concat([rest.subarray(0, to), part, rest.subarray(to)]);
          }
          const patches = diffBytes(old, now);
          if (patches !== undefined) expect(Buffer.compare(patchBytes(old, patches)!, now)).to.equal(0);
          expect(diffBytes(now, now)).to.deep.equal([]);
        },
      ),
      { numRuns: 1000 },
    );
  });

  const noise = (length: number, seed: number): Buffer => {
    const bytes = Buffer.alloc(length);
    for (let i = 0, x = seed; i < length; i++) bytes[i] = (x = Math.imul(x, 1_103_515_245) + 12_345) >>> 16;
    return bytes;
  };
  const without = (bytes: Buffer, from: number, length: number): Buffer =>
    Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)]);
  const withBytes = (bytes: Buffer, at: number, more: Uint8Array): Buffer =>
    Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
  const message = (i: number): string =>
    `{"role":"user","content":"${i}: ${'a text that says the same in every message; '.repeat(5)}","at":${1_790_000_000 + i}}`;
  const conversation = (numbers: readonly number[]): Buffer =>
    Buffer.from(JSON.stringify({ count: numbers.length, all: numbers.map(message) }));
  const hundreds = Array.from({ length: 300 }, (_, i) => i);
  const large = noise(1 << 20, 7);
  const cases: [string, Buffer, Buffer, number][] = [
    ['one byte of a megabyte', large, Buffer.from(large).fill(1, 500_000, 500_001), 8],
    ['an insertion in the middle of a megabyte', large, withBytes(large, 500_000, noise(1000, 9)), 1020],
    ['the middle cut out of a megabyte', large, without(large, 400_000, 300_000), 20],
    ['a megabyte cut short', large, large.subarray(0, 700_000), 20],
    ['five insertions, three cuts and twenty bytes in a megabyte', large, [1, 2, 3, 4, 5].reduce<Buffer>((bytes, k) => withBytes(without(bytes, k * 150_000, k % 2 === 0 ? 0 : 777), k * 170_000, noise(10, k)),
      Buffer.from(large.map((byte, i) => (i % 50_000 === 99 ? byte ^ 1 : byte)))), 400],
    ['a block written over in a megabyte', large, Buffer.concat([large.subarray(0, 300_000), noise(10_000, 5), large.subarray(310_000)]), 10_030],
    ['the halves of a megabyte exchanged', large, Buffer.concat([large.subarray(1 << 19), large.subarray(0, 1 << 19)]), (1 << 19) + 30],
    ['zeros that grow, with two set', Buffer.alloc(1 << 20), Buffer.alloc((1 << 20) + 100).fill(1, 5000, 5001).fill(2, 900_000, 900_001), 130],
    ['a message more', conversation(hundreds), conversation([...hundreds, 300]), 320],
    ['a message out of the middle', conversation(hundreds), conversation(hundreds.filter((i) => i !== 150)), 20],
    ['messages out of six places', conversation(hundreds), conversation(hundreds.filter((i) => i % 50 !== 7)), 200],
    ['a message first and a message last', conversation(hundreds), conversation([1000, ...hundreds, 1001]), 640],
    ['a message that moved to the front', conversation(hundreds), conversation([200, ...hundreds.filter((i) => i !== 200)]), 330],
  ]; // prettier-ignore
  for (const [name, old, now, bytesMax] of cases) {
    it(`are few for ${name}`, () => {
      const patches = diffBytes(old, now)!;
      expect(Buffer.compare(patchBytes(old, patches)!, now)).to.equal(0);
      let bytes = 0;
      for (const { inserted } of patches) bytes += inserted.byteLength + 6;
      expect(bytes).to.be.at.most(bytesMax);
    });
  }

  it('are none where everything is new: sending the whole is no longer', () => {
    expect(diffBytes(large, noise(1 << 20, 8))).to.equal(undefined);
    expect(diffBytes(large, noise(1 << 19, 8))).to.equal(undefined);
    expect(diffBytes(Buffer.alloc(1 << 20), Buffer.alloc(1 << 20, 1))).to.equal(undefined);
  });

  it('are one where bytes were inserted, far from both ends', () => {
    const old = Uint8Array.from({ length: 30_000 }, (_, i) => (i * 7919) >> 3);
    const now = Buffer.concat([old.subarray(0, 14_000), Buffer.from('inserted'), old.subarray(14_000)]);
    const patches = diffBytes(old, now)!;
    expect(patches).to.have.length(1);
    expect(patches[0]!.kept).to.be.within(13_990, 14_010);
    expect(patches[0]!.removed).to.equal(0);
    expect(patches[0]!.inserted.byteLength).to.equal(8);
  });
});
