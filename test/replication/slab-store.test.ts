import { expect } from 'chai';
import * as fc from 'fast-check';
import { FRAME_BYTES, SlabStore } from '../../src/replication/slab-store.js';
import type { Address } from '../../src/replication/slab-store.js';

/** A store beside a Map that says what must be in it; a record is filled with one byte and has its key as hash. */
class Watched {
  readonly expected = new Map<number, { address: Address; fill: number; lengthBytes: number; marked: boolean }>();
  readonly store = new SlabStore((hash, from, to) => {
    const known = this.expected.get(hash)!;
    expect(known.address, 'what moves stood there').to.equal(from);
    known.address = to;
  });
  #keys = 0;

  append(lengthBytes: number, fill: number, marked = false): number {
    const key = ++this.#keys;
    const record = new Uint8Array(FRAME_BYTES + lengthBytes).fill(fill);
    this.expected.set(key, { address: this.store.append(record, key, marked), fill, lengthBytes, marked });
    this.store.tidy(record.byteLength);
    return key;
  }

  free(key: number): void {
    this.store.free(this.expected.get(key)!.address);
    this.expected.delete(key);
  }

  check(): void {
    for (const [key, { address, fill, lengthBytes, marked }] of this.expected) {
      expect(this.store.hashOf(address)).to.equal(key);
      expect(this.store.isMarked(address)).to.equal(marked);
      const bytes = this.store.at(address).subarray(FRAME_BYTES);
      expect(bytes.byteLength - lengthBytes).to.be.within(0, 7);
      expect(bytes.subarray(0, lengthBytes).every((byte) => byte === fill)).to.equal(true);
      expect(bytes.subarray(lengthBytes).every((byte) => byte === 0)).to.equal(true);
    }
    const addresses = [...this.expected.values()].map(({ address }) => address);
    expect(new Set(this.store.addresses())).to.deep.equal(new Set(addresses));
    expect(this.store.marked).to.equal([...this.expected.values()].filter(({ marked }) => marked).length);
  }
}

const change = fc.oneof(
  { weight: 5, arbitrary: fc.record({ append: fc.nat(3_000), fill: fc.nat(255), marked: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ append: fc.integer({ min: 60_000, max: 400_000 }), fill: fc.nat(255), marked: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ free: fc.nat() }) },
);

describe('the slabs', () => {
  it('hold every record as it was, whatever is appended and freed around it', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 120 }), (changes) => {
        const watched = new Watched();
        for (const each of changes) {
          const keys = [...watched.expected.keys()];
          if ('append' in each) watched.append(each.append, each.fill, each.marked);
          else if (keys.length > 0) watched.free(keys[each.free % keys.length]!);
        }
        watched.check();
      }),
      { numRuns: 100 },
    );
  });

  it('keep what was freed at about an eighth of what lives, and give slabs back', () => {
    const watched = new Watched();
    let random = 1;
    const next = (below: number): number => (random = (random * 48_271) % 2_147_483_647) % below;
    const keys = Array.from({ length: 4_000 }, () => watched.append(500 + next(600), next(256)));
    for (let i = 0; i < 10_000; i++) {
      const at = next(keys.length);
      watched.free(keys[at]!);
      keys[at] = watched.append(500 + next(600), next(256));
    }
    const { liveBytes, freedBytes, reservedBytes } = watched.store;
    // and the slab that is written to, and the one that is being emptied
    const slabs = 2 * 262_144;
    expect(freedBytes).to.be.below(liveBytes / 8 + slabs);
    expect(reservedBytes).to.be.below((liveBytes * 9) / 8 + slabs);
    watched.check();
    for (const key of keys) watched.free(key);
    expect(watched.store.liveBytes).to.equal(0);
    expect(watched.store.reservedBytes).to.be.at.most(2 * 262_144);
  });

  it('move a bounded part at a time', () => {
    const watched = new Watched();
    const keys = Array.from({ length: 2_000 }, () => watched.append(792, 1));
    let most = 0;
    for (const [i, key] of keys.entries()) {
      if (i % 3 === 0) continue;
      watched.free(key);
      if (i % 20 !== 1) continue;
      const before = new Map([...watched.expected].map(([each, { address }]) => [each, address]));
      watched.append(792, 2);
      let moved = 0;
      for (const [each, address] of before) if (watched.expected.get(each)!.address !== address) moved++;
      most = Math.max(most, moved);
    }
    expect(most).to.be.within(1, 14);
    watched.check();
  });

  it('are walked in pieces, and every marked record that stays is met', () => {
    const watched = new Watched();
    const marked = new Set<number>();
    for (let i = 0; i < 3_000; i++) {
      const key = watched.append(200, 3, i % 7 === 0);
      if (i % 7 === 0) marked.add(key);
    }
    const position = { slab: 0, offset: 0, of: undefined };
    for (let round = 0; round < 200 && marked.size > 0; round++) {
      watched.store.walk(position, 50, 'marked', (address) => {
        const key = watched.store.hashOf(address);
        expect(marked.delete(key), 'a record is met once').to.equal(true);
        // as settling does: what was met is freed and stands elsewhere, unmarked
        watched.free(key);
        watched.append(150, 4);
      });
    }
    expect(marked.size).to.equal(0);
    expect(watched.store.marked).to.equal(0);
    watched.check();
  });

  it('are walked on rightly although a slab is given back and taken again meanwhile', () => {
    const watched = new Watched();
    const position = { slab: 0, offset: 0, of: undefined };
    const first = Array.from({ length: 30 }, () => watched.append(992, 6, true));
    // to the middle of the first slab, which is then emptied, and filled with records of another length
    watched.store.walk(position, 9, 'marked', () => undefined);
    for (const key of first.slice(0, 20)) watched.free(key);
    for (let i = 0; i < 60; i++) watched.append(600, 6, true);
    const addresses = new Set([...watched.expected.values()].map(({ address }) => address));
    const met = new Set<Address>();
    watched.store.walk(position, 300, 'marked', (address) => void met.add(address));
    expect(met).to.deep.equal(addresses);
  });
});
