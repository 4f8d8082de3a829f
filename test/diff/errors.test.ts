// sparse arrays and changes in place are what this is about
/* oxlint-disable no-sparse-arrays, unicorn/no-new-array, unicorn/no-array-reverse, unicorn/no-array-sort */
import { expect } from 'chai';
import 'reflect-metadata';
import { Benchmark, Replica } from '../../src/diff/index.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { difference } from './topology.js';

class Stranger {
  a = 1;
}

@Session({ name: 'errors', limits: { objectsMax: 50, elementsMax: 40, deltaBytesMax: 2000 } })
class Box {
  @Mutable() items: unknown[] = [{ price: 1 }];
  @Mutable() map = new Map<unknown, unknown>();
  @Mutable() count = 0;
}

function caught(fn: () => unknown): TwinstateError {
  try {
    fn();
  } catch (error) {
    expect(error).to.be.instanceOf(TwinstateError);
    return error as TwinstateError;
  }
  throw new Error('nothing was thrown');
}

describe('a value that cannot be replicated', () => {
  const cases: [string, string, string, (box: Box) => unknown][] = [
    ['a function', 'VALUE_UNSUPPORTED', 'items[0].price', (box) => ((box.items[0] as { price: unknown }).price = () => 1)],
    ['a symbol', 'VALUE_UNSUPPORTED', 'map.get("k")', (box) => box.map.set('k', Symbol('s'))],
    ['a symbol as a key', 'VALUE_UNSUPPORTED', 'map.keys()[1]', (box) => box.map.set(Symbol('s'), 1)],
    ['a promise', 'VALUE_UNSUPPORTED', 'items[1]', (box) => box.items.push(Promise.resolve())],
    ['a weak collection', 'VALUE_UNSUPPORTED', 'items[1]', (box) => box.items.push(new WeakMap())],
    ['a boxed primitive', 'VALUE_UNSUPPORTED', 'items[1]', (box) => box.items.push(Object(1))],
    ['an error', 'VALUE_UNSUPPORTED', 'items[1]', (box) => box.items.push(new RangeError('no'))],
    ['shared memory', 'VALUE_UNSUPPORTED', 'items[1]', (box) => box.items.push(new SharedArrayBuffer(8))],
    ['a view of shared memory', 'VALUE_UNSUPPORTED', 'items[1]', (box) => box.items.push(new Uint8Array(new SharedArrayBuffer(8)))],
    ['an object with a symbol key', 'VALUE_UNSUPPORTED', 'items[1]', (box) => box.items.push({ [Symbol('s')]: 1 })],
    ['an array with a property', 'VALUE_UNSUPPORTED', 'items[1]', (box) => box.items.push(Object.assign([1, 2], { total: 3 }))],
    ['a long array with a property', 'VALUE_UNSUPPORTED', 'items[1]', (box) => box.items.push(Object.assign(new Array(30).fill(0), { total: 3 }))],
    ['an array with a property that looks like an index', 'VALUE_UNSUPPORTED', 'items[1]', (box) => box.items.push(Object.assign([1], { '4294967295': 3 }))],
    ['what an expression matched', 'VALUE_UNSUPPORTED', 'items[1]', (box) => box.items.push('abc'.match(/b/))],
    ['an array with a symbol', 'VALUE_UNSUPPORTED', 'items[1]', (box) => box.items.push(Object.assign([1], { [Symbol('s')]: 3 }))],
    ['an array that changed and got a property', 'VALUE_UNSUPPORTED', 'items', (box) => Object.assign(box.items, { total: box.items.push(1) })],
    ['an array by an equal one with a property', 'VALUE_UNSUPPORTED', 'items', (box) => (box.items = Object.assign([...box.items], { total: 3 }))],
    ['a Map with a property', 'VALUE_UNSUPPORTED', 'map', (box) => Object.assign(box.map, { total: 3 })],
    ['a Set with a property', 'VALUE_UNSUPPORTED', 'items[1]', (box) => box.items.push(Object.assign(new Set([1]), { total: 3 }))],
    ['a Date with a property', 'VALUE_UNSUPPORTED', 'items[1]', (box) => box.items.push(Object.assign(new Date(0), { zone: 'UTC' }))],
    ['a subclass of Map', 'CLASS_UNKNOWN', 'items[1]', (box) => box.items.push(new (class Rows extends Map {})())],
    ['a subclass of Set', 'CLASS_UNKNOWN', 'items[1]', (box) => box.items.push(new (class Rows extends Set {})())],
    ['a subclass of a typed array', 'CLASS_UNKNOWN', 'items[1]', (box) => box.items.push(new (class Rows extends Uint8Array {})(2))],
    ['a subclass of Date', 'CLASS_UNKNOWN', 'items[1]', (box) => box.items.push(new (class Day extends Date {})(0))],
    ['an undeclared class', 'CLASS_UNKNOWN', 'items[1].deep["a b"]', (box) => box.items.push({ deep: { 'a b': new Stranger() } })],
    ['a subclass of Array', 'CLASS_UNKNOWN', 'items[1]', (box) => box.items.push(new (class Rows extends Array {})())],
    ['an object that only inherits', 'CLASS_UNKNOWN', 'items[1]', (box) => box.items.push(Object.create({ a: 1 }))],
    ['a false Map', 'VALUE_UNSUPPORTED', 'items[1]', (box) => box.items.push(Object.create(Map.prototype))],
    ['a getter that throws', 'VALUE_UNSUPPORTED', 'items[1]', (box) => box.items.push({ get bad(): number { throw new Error('mine'); } })],
    ['too many objects', 'LIMIT_EXCEEDED', 'items[1][9]', (box) => box.items.push(Array.from({ length: 20 }, () => [[], [], []]))],
    ['too many elements', 'LIMIT_EXCEEDED', 'items[1]', (box) => box.items.push(new Array(41).fill(0))],
    ['a huge sparse array', 'LIMIT_EXCEEDED', 'items[1]', (box) => box.items.push(Object.assign([], { length: 4e9 }))],
    ['too many holes together', 'LIMIT_EXCEEDED', 'items[2]', (box) => box.items.push(new Array(30), new Array(30))],
  ]; // prettier-ignore
  for (const [name, code, path, change] of cases) {
    it(`${name}: an error that names ${path}, and nothing advanced`, () => {
      const box = new Box();
      const benchmark = Benchmark.of(box);
      const replica = Replica.restore(Box, benchmark.snapshot());
      const before = benchmark.snapshot();
      box.count = 7;
      box.map.set('new', { deep: box.items });
      const kept = box.items[0];
      change(box);
      const error = caught(() => benchmark.diff(box));
      expect(error.code).to.equal(code);
      expect(error.cure).to.be.a('string');
      if (name !== 'too many objects') expect(error.path).to.equal(path);
      expect(Buffer.from(benchmark.snapshot()).equals(before), 'the benchmark is as before').to.equal(true);
      expect(caught(() => Benchmark.of(box)).code).to.equal(code);

      box.items = [kept];
      (kept as { price: unknown }).price = 2;
      box.map = new Map([['k', 1]]);
      replica.apply(benchmark.diff(box)!);
      expect(difference(box, replica.instance)).to.equal(undefined);
    });
  }

  it('look-alikes that were adopted before the error are given back', () => {
    const box = new Box();
    box.items = [{ a: 1 }, { b: 2 }];
    const benchmark = Benchmark.of(box);
    const replica = Replica.restore(Box, benchmark.snapshot());
    const kept = box.items;
    box.items = [{ a: 1 }, { b: 2 }, Symbol('bad')];
    expect(caught(() => benchmark.diff(box)).code).to.equal('VALUE_UNSUPPORTED');
    box.items = kept;
    kept.reverse();
    const [first, second] = replica.instance.items;
    replica.apply(benchmark.diff(box)!);
    expect(replica.instance.items[0]).to.equal(second);
    expect(replica.instance.items[1]).to.equal(first);
    expect(difference(box, replica.instance)).to.equal(undefined);
  });

  it('a delta over its limit advances nothing', () => {
    const box = new Box();
    const benchmark = Benchmark.of(box);
    const before = benchmark.snapshot();
    box.items = ['x'.repeat(3000)];
    expect(caught(() => benchmark.diff(box)).code).to.equal('LIMIT_EXCEEDED');
    expect(Buffer.from(benchmark.snapshot()).equals(before)).to.equal(true);
  });

  it("another instance than the benchmark's is refused", () => {
    expect(caught(() => Benchmark.of(new Box()).diff(new Box())).code).to.equal('NOT_OPEN');
  });

  it('an instance of a class that is no session is refused', () => {
    expect(caught(() => Benchmark.of(new Stranger())).code).to.equal('NOT_A_SESSION');
    expect(caught(() => Benchmark.of(Object.create(null) as object)).code).to.equal('NOT_A_SESSION');
  });

  it('the root in another place of the session is a reference like others', () => {
    const box = new Box();
    const benchmark = Benchmark.of(box);
    const replica = Replica.restore(Box, benchmark.snapshot());
    box.items.push(box);
    replica.apply(benchmark.diff(box)!);
    expect(replica.instance.items[1]).to.equal(replica.instance);
  });
});
