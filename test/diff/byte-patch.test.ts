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
