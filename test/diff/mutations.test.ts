// sparse arrays and changes in place are what this is about
/* oxlint-disable no-sparse-arrays, unicorn/no-new-array, unicorn/no-array-reverse, unicorn/no-array-sort */
import { expect } from 'chai';
import 'reflect-metadata';
import { Benchmark, Replica } from '../../src/diff/index.js';
import { Immutable } from '../../src/model/immutable.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';
import { difference } from './topology.js';

class Item {
  @Immutable() sku?: string;
  @Mutable() qty = 0;
  @Mutable() tags: string[] = [];
}

class Gift extends Item {
  @Mutable() note = '';
}

@Session({ name: 'mutations' })
class Cart {
  @Immutable() customer?: string;
  @Mutable() coupon?: string | undefined;
  @Mutable() value: unknown;
  @Mutable() other: unknown;
  @Mutable({ type: () => Gift }) items: Item[] = [];
  @Mutable({ type: () => Item, key: 'sku' }) keyed: Item[] = [];
  @Mutable() plain: Record<string, unknown> = {};
  @Mutable() map = new Map<unknown, unknown>();
  @Mutable() set = new Set<unknown>();
  transient?: unknown;
}

function item(sku: string, qty: number): Item {
  return Object.assign(new Item(), { sku, qty });
}

/** A primary and its replica; `sync` carries a change over, checks everything, and returns the delta. */
function pair(prepare: (cart: Cart) => void = () => {}): { cart: Cart; copy: Cart; sync: () => Uint8Array | null } {
  const cart = new Cart();
  prepare(cart);
  const benchmark = Benchmark.of(cart);
  const replica = Replica.restore(Cart, benchmark.snapshot());
  const sync = (): Uint8Array | null => {
    const delta = benchmark.diff(cart);
    if (delta !== null) replica.apply(delta);
    expect(difference(Object.assign({}, cart, { transient: 0 }), Object.assign({}, replica.instance, { transient: 0 }))).to.equal(
      undefined,
    );
    expect(Buffer.from(replica.snapshot()).equals(benchmark.snapshot())).to.equal(true);
    expect(benchmark.diff(cart)).to.equal(null);
    return delta;
  };
  expect(sync()).to.equal(null);
  return { cart, copy: replica.instance, sync };
}

describe('a delta carries', () => {
  const buffer = new ArrayBuffer(8);
  const values: [string, unknown][] = [
    ...[undefined, null, true, false, 0, -0, 1, -1, 127, 128, -128, 2 ** 28, -(2 ** 28), 2 ** 31, 2 ** 53 - 1, -(2 ** 53 - 1)],
    ...[2 ** 53, 1e300, -1e-300, 0.5, 0.1, NaN, Infinity, -Infinity, 5e-324, '', 'short', 'x'.repeat(31), 'x'.repeat(32)],
    ...['ä€😀', '\ud800 alone', 'x'.repeat(5000), 0n, -1n, 255n, 256n, 2n ** 200n, -(2n ** 200n)],
  ].map((value) => [typeof value === 'string' ? JSON.stringify(value.slice(0, 12)) : String(value), value]);
  const objects: [string, () => unknown][] = [
    ['a plain object', () => ({ a: 1, b: undefined, 7: 'seven', 'two words': null })],
    ['an object without a prototype', () => Object.assign(Object.create(null) as object, { a: 1 })],
    ['keys that name a prototype', () => JSON.parse('{"__proto__":{"polluted":1},"constructor":2,"toString":3}') as unknown],
    ['a sparse array', () => Object.assign([1, , undefined, , ,], { 9: 'end' })],
    ['an array of holes', () => new Array(5)],
    ['a Map with keys of every kind', () => new Map<unknown, unknown>([[1, 'n'], ['1', 's'], [NaN, 'nan'], [{ k: 1 }, 'o'], [null, {}]])],
    ['a Set with members of every kind', () => new Set<unknown>([1, '1', NaN, undefined, null, {}, [], 1n])],
    ['a Date', () => new Date(0)],
    ['an invalid Date', () => new Date(NaN)],
    ['a RegExp in use', () => Object.assign(/a\/b(?<n>.)/giu, { lastIndex: 3 })],
    ['a URL', () => new URL('https://user@example.org:8080/a?b=c#d')],
    ['a Buffer', () => Buffer.from('pooled')],
    ['an empty Buffer', () => Buffer.alloc(0)],
    ['an ArrayBuffer', () => new ArrayBuffer(3)],
    ['two views of one buffer', () => [new Uint8Array(buffer, 2), new DataView(buffer, 4, 2), buffer, new Float64Array(buffer)]],
    ['every typed array', () => [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array].map((type) => new type([1, 2]))],
    ['bigint arrays', () => [new BigInt64Array([-1n]), new BigUint64Array([1n])]],
    ['an instance', () => item('a', 1)],
    ['an instance of a subclass', () => Object.assign(new Gift(), { sku: 'g', note: 'hi' })],
  ]; // prettier-ignore
  for (const [name, make] of [...values.map(([name, value]): [string, () => unknown] => [name, () => value]), ...objects]) {
    it(name, () => {
      const { cart, sync } = pair((fresh) => (fresh.other = make()));
      cart.value = make();
      cart.plain['k'] = make();
      cart.map.set('k', make());
      cart.set.add(make());
      sync();
      cart.value = cart.plain['k'] = 0;
      cart.other = undefined;
      cart.map.clear();
      cart.set.clear();
      sync();
    });
  }

  it('a cycle, and the end of one', () => {
    const { cart, sync } = pair();
    const self: { self?: unknown; cart?: Cart } = { cart };
    self.self = self;
    cart.value = [self, self];
    sync();
    delete self.self;
    sync();
  });

  it('an object that moves, as a reference and not as its content', () => {
    const { cart, copy, sync } = pair((fresh) => (fresh.value = { text: 'x'.repeat(1000) }));
    const moved = copy.value;
    cart.other = cart.value;
    cart.value = undefined;
    expect(sync()!.byteLength).to.be.lessThan(10);
    expect(copy.other).to.equal(moved);
  });

  it('nothing of undeclared members', () => {
    const { cart, copy, sync } = pair();
    cart.transient = () => 'a function';
    expect(sync()).to.equal(null);
    expect(copy.transient).to.equal(undefined);
  });

  it('nothing for an immutable attribute, which a replica cannot write', () => {
    const { cart, copy, sync } = pair((fresh) => (fresh.customer = 'c-42'));
    cart.customer = 'other';
    const benchmark = Benchmark.of(cart);
    expect(benchmark.diff(cart)).to.equal(null);
    cart.customer = 'c-42';
    expect(sync()).to.equal(null);
    expect(() => (copy.customer = 'mine')).to.throw(TypeError);
  });

  it('contents only, for an object that was replaced by a look-alike', () => {
    const { cart, copy, sync } = pair((fresh) => (fresh.items = [item('a', 1), item('b', 2)]));
    const [first, second] = copy.items;
    cart.items = cart.items.map((old) => Object.assign(new Item(), old, { qty: old.qty + 1 }));
    expect(sync()!.byteLength).to.be.lessThan(12);
    expect([...copy.items]).to.deep.equal([first, second]);
    expect(copy.items[0]).to.equal(first);
  });

  it('a whole new object, where the look-alike has another immutable attribute or another class', () => {
    const { cart, copy, sync } = pair((fresh) => (fresh.items = [item('a', 1), item('b', 1)]));
    const [first, second] = copy.items;
    cart.items = [item('z', 1), Object.assign(new Gift(), { sku: 'b', qty: 1 })];
    sync();
    expect(copy.items[0]).not.to.equal(first);
    expect(copy.items[1]).to.be.instanceOf(Gift);
    expect(copy.items[1]).not.to.equal(second);
  });

  it('elements by their key, wherever their look-alikes stand', () => {
    const { cart, copy, sync } = pair((fresh) => (fresh.keyed = ['a', 'b', 'c', 'd'].map((sku) => item(sku, 1))));
    const bySku = new Map(copy.keyed.map((held) => [held.sku, held]));
    cart.keyed = ['d', 'b', 'a'].map((sku) => item(sku, 2));
    sync();
    for (const held of copy.keyed) expect(held).to.equal(bySku.get(held.sku));
  });
});

describe('a change of an array costs what changed', () => {
  const many = (): unknown[] => Array.from({ length: 1000 }, (_, i) => ({ i, text: 'x'.repeat(20) }));
  const cases: [string, number, (array: unknown[]) => void][] = [
    ['push', 20, (array) => array.push({ i: 1 })],
    ['pop', 8, (array) => array.pop()],
    ['shift', 8, (array) => array.shift()],
    ['unshift', 20, (array) => array.unshift({ i: 1 })],
    ['splice in the middle', 30, (array) => array.splice(500, 3, { i: 1 })],
    ['a swap', 20, (array) => ([array[10], array[900]] = [array[900], array[10]])],
    ['an element moved to the front', 20, (array) => array.unshift(array.splice(700, 1)[0])],
    ['an element moved to the end', 20, (array) => array.push(...array.splice(300, 1))],
    ['truncation', 8, (array) => (array.length = 10)],
    ['filter', 3000, (array) => array.splice(0, array.length, ...array.filter((_, i) => i % 2 === 0))],
    ['reverse', 8000, (array) => array.reverse()],
    ['a hole', 8, (array) => Reflect.deleteProperty(array, 5)],
    ['growth by length', 12, (array) => (array.length += 50)],
  ];
  for (const [name, bytesMax, change] of cases) {
    it(`${name}: at most ${bytesMax} bytes`, () => {
      const { cart, sync } = pair((fresh) => (fresh.value = many()));
      change(cart.value as unknown[]);
      expect(sync()!.byteLength).to.be.at.most(bytesMax);
    });
  }

  it('and tells 0 from -0', () => {
    const { cart, sync } = pair((fresh) => (fresh.value = [0, 5, -0, 0]));
    cart.value = [-0, 0, 7, -0];
    sync();
    (cart.value as number[])[1] = -0;
    expect(sync()).not.to.equal(null);
    (cart.value as number[]).reverse();
    sync();
  });

  it('and of numbers, by value', () => {
    const { cart, sync } = pair((fresh) => (fresh.value = Array.from({ length: 1000 }, (_, i) => i % 7)));
    (cart.value as number[]).splice(500, 1);
    expect(sync()!.byteLength).to.be.at.most(10);
    (cart.value as number[])[3] = -0;
    sync();
  });
});

describe('the order of keys is kept', () => {
  it('of a Map, by the fewest deletions', () => {
    const { cart, sync } = pair(
      (fresh) => (fresh.map = new Map(Array.from({ length: 100 }, (_, i) => [i, { i, text: 'x'.repeat(50) }]))),
    );
    const used = cart.map.get(5);
    cart.map.delete(5);
    cart.map.set(5, used);
    expect(sync()!.byteLength).to.be.at.most(12);
    cart.map = new Map([...cart.map].reverse());
    sync();
  });

  it('of a Set', () => {
    const { cart, sync } = pair((fresh) => (fresh.set = new Set([1, 2, 3])));
    cart.set.delete(1);
    cart.set.add(1);
    sync();
  });

  it('of a plain object, where numeric keys come first by themselves', () => {
    const { cart, copy, sync } = pair((fresh) => (fresh.plain = { b: 1, 5: 'five', a: 2 }));
    delete cart.plain['b'];
    cart.plain['b'] = 1;
    cart.plain['3'] = 'three';
    sync();
    expect(Object.keys(copy.plain)).to.deep.equal(['3', '5', 'a', 'b']);
    cart.plain['1'] = 'one';
    expect(sync()!.byteLength).to.be.lessThan(12);
  });
});

describe('changes inside objects that are no containers are noticed', () => {
  it('Date, RegExp, URL, Buffer and views, which stay the same objects', () => {
    const data = new Uint8Array(1000);
    const { cart, copy, sync } = pair((fresh) => {
      fresh.value = [new Date(1), /a/g, new URL('https://example.org/'), Buffer.alloc(1000), data, data.subarray(10, 20)];
    });
    const before = [...(copy.value as unknown[])];
    const [date, regexp, url, bytes] = cart.value as [Date, RegExp, URL, Buffer];
    date.setTime(2);
    regexp.lastIndex = 4;
    url.searchParams.set('q', '1');
    bytes[500] = 1;
    data[12] = 7;
    data[900] = 7;
    expect(sync()!.byteLength).to.be.lessThan(80);
    (copy.value as unknown[]).forEach((value, i) => expect(value).to.equal(before[i]));
  });
});
