// sparse arrays and changes in place are what this is about
/* oxlint-disable no-sparse-arrays, unicorn/no-new-array, unicorn/no-array-reverse, unicorn/no-array-sort */
import { expect } from 'chai';
import 'reflect-metadata';
import { Benchmark, Replica } from '../../src/diff/index.js';
import { Immutable } from '../../src/model/immutable.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';

class Line {
  @Immutable() sku?: string;
  @Mutable() qty = 1;
}

@Session({ name: 'cart' })
class Cart {
  @Immutable() id = 'c1';
  @Mutable() total = 0;
  @Mutable({ type: () => Line }) lines: unknown = [];
  @Mutable() more: unknown;
}

function hex(bytes: Uint8Array | null): string {
  return bytes === null ? 'null' : Buffer.from(bytes).toString('hex');
}

/** The delta of one change, in hexadecimal. */
function delta(change: (cart: Cart) => void, prepare: (cart: Cart) => void = () => {}): string {
  const cart = new Cart();
  prepare(cart);
  const benchmark = Benchmark.of(cart);
  const replica = Replica.restore(Cart, benchmark.snapshot());
  change(cart);
  const bytes = benchmark.diff(cart);
  if (bytes !== null) replica.apply(bytes);
  return hex(bytes);
}

const line = (sku: string): Line => Object.assign(new Line(), { sku });

describe('the bytes of a delta', () => {
  // a change of these is a change of the format: bump SNAPSHOT_VERSION, and keep reading the old one
  const golden: [string, string, (cart: Cart) => void, ((cart: Cart) => void)?][] = [
    ['nothing', 'null', () => {}],
    ['a small integer', '0105', (cart) => (cart.total = 5)],
    ['an amount of money', '01c9 c29a0c', (cart) => (cart.total = 1000.01)],
    ['a negative decimal', '01c8 03', (cart) => (cart.total = -0.1)],
    ['a double in nine bytes', '01d4 182d4454fb2109', (cart) => (cart.total = Math.PI)],
    ['a double that is exact in 32 bits', '01aa0000803a', (cart) => (cart.total = 1 / 1024)],
    ['a double beyond 2^65', '01ab 9c7500883ce4377e', (cart) => (cart.total = 1e300)],
    ['a larger integer', '01a8ac02', (cart) => (cart.total = 300)],
    ['a negative integer', '01a963', (cart) => (cart.total = -100)],
    ['-0', '01a5', (cart) => (cart.total = -0)],
    ['a short string', '0382 6869', (cart) => (cart.more = 'hi')],
    ['a lone surrogate', '03ad01 00d8', (cart) => (cart.more = '\ud800')],
    ['a bigint', '03ae020100', (cart) => (cart.more = 256n)],
    ['an element', 'ff01 e4 00 00 01 e1 fe 02 83746561 01', (cart) => (cart.lines as unknown[]).push(line('tea'))],
    ['a slot of an element', 'ff02 01 09', (cart) => ((cart.lines as Line[])[0]!.qty = 9), (cart) => (cart.lines = [line('tea')])],
    ['a key', 'ff02 e1 8161 01', (cart) => ((cart.more as { a: number }).a = 1), (cart) => (cart.more = {})],
    ['a key deleted', 'ff02 e2 8161', (cart) => delete (cart.more as { a?: number }).a, (cart) => (cart.more = { a: 1 })],
    ['an entry', 'ff02 e6 01 8161', (cart) => (cart.more as Map<unknown, unknown>).set(1, 'a'), (cart) => (cart.more = new Map())],
    ['a member', 'ff02 e8 01', (cart) => (cart.more as Set<unknown>).add(1), (cart) => (cart.more = new Set())],
    ['a cleared Set', 'ff02 ea', (cart) => (cart.more as Set<unknown>).clear(), (cart) => (cart.more = new Set([1, 2]))],
    ['an index', 'ff02 e3 01 07', (cart) => ((cart.more as number[])[1] = 7), (cart) => (cart.more = [1, 2, 3])],
    ['two places of an array', 'ff02 e5 02 00 01 00 02 00 01 09', (cart) => (cart.more = [2, 3, 9]), (cart) => (cart.more = [1, 2, 3])],
    ['a Date', 'ff02 eb 000000000000f03f', (cart) => (cart.more as Date).setTime(1), (cart) => (cart.more = new Date(0))],
    ['bytes', 'ff02 ef 01 04 01 01 ff', (cart) => ((cart.more as Buffer)[4] = 255), (cart) => (cart.more = Buffer.alloc(99))],
    ['an alias', '03 b2 01', (cart) => (cart.more = cart.lines)],
    ['a new object used twice', '03c2 fe 02 c0 b301 fe 00', (cart) => { const o = {}; cart.more = [o, o]; }],
    ['a sparse array', '03c2 fe 04 01 b1 02 02', (cart) => (cart.more = [1, , , 2])],
    ['a view', '03c501 fe bc020102 01 01', (cart) => (cart.more = new Uint8Array(new Uint8Array([1, 2]).buffer, 1))],
  ]; // prettier-ignore
  for (const [name, expected, change, prepare] of golden) {
    it(name, () => {
      expect(delta(change, prepare)).to.equal(expected.replaceAll(' ', ''));
    });
  }
});

describe('the bytes of a snapshot', () => {
  it('are specified', () => {
    const cart = new Cart();
    cart.lines = [line('tea')];
    const snapshot = hex(Benchmark.of(cart).snapshot());
    const [head, body] = [snapshot.slice(0, 6), snapshot.slice(8 + 2 * Number.parseInt(snapshot.slice(6, 8), 16))];
    expect(head).to.equal('545701');
    expect(body).to.equal('03 e0 fe 04 826331 00 c2 a0 fe 01 e1 fe 02 83746561 01'.replaceAll(' ', ''));
  });

  it('are the same for equal states, and from a replica', () => {
    const [a, b] = [new Cart(), new Cart()];
    a.more = b.more = new Map([[{}, new Date(5)]]);
    expect(hex(Benchmark.of(a).snapshot())).to.equal(hex(Benchmark.of(b).snapshot()));
    expect(hex(Replica.restore(Cart, Benchmark.of(a).snapshot()).snapshot())).to.equal(hex(Benchmark.of(a).snapshot()));
  });
});
