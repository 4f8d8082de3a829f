import { expect } from 'chai';
import * as fc from 'fast-check';
import { OrderedMap, OrderedSet } from '../../src/diff/ordered-entries.js';
import type { Stored } from '../../src/diff/node.js';

const names: readonly Stored[] = [
  NaN,
  0,
  -0,
  '',
  'a',
  'b',
  undefined,
  null,
  1n,
  true,
  ...Array.from({ length: 20 }, (_, i) => i),
];
const step = fc.tuple(fc.constantFrom('set', 'set', 'delete', 'clear', 'read', 'copy'), fc.nat(names.length - 1), fc.nat(9));

describe('what a Map or Set of the graph holds', () => {
  it('is what a Map and a Set hold, in their order, whatever is done', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let [map, set] = [new OrderedMap<Stored, Stored>(), new OrderedSet<Stored>()];
        const [likeMap, likeSet] = [new Map<Stored, Stored>(), new Set<Stored>()];
        for (const [what, at, value] of steps) {
          const name = names[at];
          if (what === 'set') {
            map.set(name, value);
            set.add(name);
            likeMap.set(name, value);
            likeSet.add(name);
          } else if (what === 'delete') {
            expect(map.delete(name)).to.equal(likeMap.delete(name));
            expect(set.delete(name)).to.equal(likeSet.delete(name));
          } else if (what === 'clear' && value === 0) for (const each of [map, set, likeMap, likeSet]) each.clear();
          else if (what === 'copy') [map, set] = [map.copy(), set.copy()];
          else if (what === 'read') expect([...map]).to.deep.equal([...likeMap]);
          expect(map.size).to.equal(likeMap.size);
          expect(map.has(name)).to.equal(likeMap.has(name));
          expect(map.get(name)).to.equal(likeMap.get(name));
          expect(set.has(name)).to.equal(likeSet.has(name));
        }
        expect([...map]).to.deep.equal([...likeMap]);
        expect([...map.keys()]).to.deep.equal([...likeMap.keys()]);
        expect([...map.values()]).to.deep.equal([...likeMap.values()]);
        expect([...set]).to.deep.equal([...likeSet]);
      }),
      { numRuns: 300 },
    );
  });

  it('knows where every name stands after half of many are gone', () => {
    const map = new OrderedMap<Stored, Stored>();
    for (let i = 0; i < 50_000; i++) map.set(i, i);
    for (let i = 0; i < 50_000; i += 2) map.delete(i);
    expect(map.size).to.equal(25_000);
    expect(map.names[100]).to.equal(201);
    expect(map.get(201)).to.equal(201);
  });
});
