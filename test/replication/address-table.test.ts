import { expect } from 'chai';
import * as fc from 'fast-check';
import { AddressTable } from '../../src/replication/address-table.js';
import type { Address } from '../../src/replication/slab-store.js';

const change = fc.oneof(
  { weight: 6, arbitrary: fc.record({ insert: fc.nat(2 ** 32 - 2), times: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 3, arbitrary: fc.record({ remove: fc.nat(), times: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ move: fc.nat() }) },
);

describe('the table of addresses', () => {
  for (const [name, hashOf] of [
    ['spread hashes', (n: number) => Math.imul(n, 0x9e3779b1) >>> 0],
    ['hashes that agree in their lower bits, as those of one partition do', (n: number) => (n * 64) >>> 0],
    ['few hashes', (n: number) => n % 3],
  ] as const) {
    it(`finds what was inserted and not removed, while it grows: ${name}`, () => {
      fc.assert(
        fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
          const index = new AddressTable();
          const expected = new Map<Address, number>();
          let addresses = 0;
          for (const each of changes) {
            if ('insert' in each) {
              for (let i = 0; i < each.times; i++) {
                const hash = hashOf(each.insert + i);
                expected.set(++addresses, hash);
                index.insert(hash, addresses);
              }
              continue;
            }
            const times = 'remove' in each ? each.times : 1;
            for (let i = 0; i < times && expected.size > 0; i++) {
              const all = [...expected.keys()];
              const address = all[('remove' in each ? each.remove + i * 7 : each.move) % all.length]!;
              const hash = expected.get(address)!;
              expected.delete(address);
              if ('remove' in each) index.remove(hash, address);
              else {
                expected.set(++addresses, hash);
                index.move(hash, address, addresses);
              }
            }
          }
          expect(index.size).to.equal(expected.size);
          for (const [address, hash] of expected) expect(index.find(hash, (each) => each === address)).to.equal(address);
          for (let address = 1; address <= addresses; address++) {
            if (expected.has(address)) continue;
            for (const hash of new Set(expected.values())) expect(index.find(hash, (each) => each === address)).to.equal(0);
          }
        }),
        { numRuns: 60 },
      );
    });
  }

  it('takes about sixteen bytes an entry, more only while it grows', () => {
    const index = new AddressTable();
    for (let i = 1; i <= 90_000; i++) index.insert(Math.imul(i, 0x85ebca6b) >>> 0, i);
    expect(index.bytes / index.size).to.be.below(16);
  });
});
