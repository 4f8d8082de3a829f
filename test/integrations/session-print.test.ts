import { expect } from 'chai';
import { isSamePrint, printOf } from '../../src/integrations/session-print.js';

class Item {
  constructor(public quantity: number) {}
}
class Other {
  constructor(public quantity: number) {}
}
class Private {
  #amount = 1;
  add(): number {
    return ++this.#amount;
  }
}

const shared = { city: 'Vienna' };
/** Each holds a session before, and what may have become of it. */
const CHANGES: Readonly<Record<string, readonly [object, object]>> = {
  'a number that became a text': [{ n: 1 }, { n: '1' }],
  'a number that became a bigint': [{ n: 1 }, { n: 1n }],
  'zero and its negative': [{ n: 0 }, { n: -0 }],
  'undefined and no key': [{ n: undefined }, {}],
  'null and undefined': [{ n: null }, { n: undefined }],
  'an entry of a Map': [{ m: new Map([['a', 1]]) }, { m: new Map([['a', 2]]) }],
  'a Map and the Set of its entries': [{ m: new Map([['a', 'b']]) }, { m: new Set(['a', 'b']) }],
  'the order of a Map': [{ m: new Map([['a', 1], ['b', 1]]) }, { m: new Map([['b', 1], ['a', 1]]) }],
  'a byte': [{ b: Buffer.from([1, 2]) }, { b: Buffer.from([1, 3]) }],
  'the kind of an array of bytes': [{ b: new Uint8Array(2) }, { b: new Int8Array(2) }],
  'the bytes of an ArrayBuffer': [{ b: new ArrayBuffer(1) }, { b: new ArrayBuffer(2) }],
  'a time': [{ at: new Date(1) }, { at: new Date(2) }],
  'a pattern': [{ p: /a/ }, { p: /a/i }],
  'an address': [{ u: new URL('http://a/') }, { u: new URL('http://b/') }],
  'a hole of an array': [{ a: [undefined] }, { a: Array(1) }],
  'the length of an array': [{ a: Array(1) }, { a: Array(2) }],
  'the class of an object': [{ i: new Item(1) }, { i: new Other(1) }],
  'an object that stands in two places': [{ a: shared, b: shared }, { a: shared, b: { ...shared } }],
  'a key that looks like two': [{ 'a":1,"b': 1 }, { a: 1, b: 1 }],
}; // prettier-ignore

describe("a session's print", () => {
  for (const [what, [before, after]] of Object.entries(CHANGES)) {
    it(`tells ${what}`, () => {
      expect(isSamePrint(printOf(before), printOf(before))).to.equal(true);
      expect(isSamePrint(printOf(before), printOf(after))).to.equal(false);
    });
  }

  it('does not depend on how the engine keeps an array or a number, nor on the cookie', () => {
    const sparse: number[] = [];
    sparse[1] = 2;
    sparse[0] = 1.5;
    sparse[0] = 1;
    expect(isSamePrint(printOf({ a: sparse, cookie: 1 }), printOf({ a: [1, 2], cookie: 2 }))).to.equal(true);
  });

  it('ends at a cycle', () => {
    const node: { next?: object } = {};
    node.next = node;
    expect(printOf({ node })).to.equal('"node":{"next":#0}');
  });

  it('of what nobody can look into equals nothing, itself included', () => {
    for (const value of [() => 1, Symbol('a'), new Private()]) {
      expect(isSamePrint(printOf({ value }), printOf({ value }))).to.equal(false);
    }
  });
});
