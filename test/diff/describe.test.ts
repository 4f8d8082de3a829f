import { expect } from 'chai';
import 'reflect-metadata';
import { Benchmark, describe as describeDelta, paths, Replica, type Change } from '../../src/diff/index.js';
import { Immutable } from '../../src/model/immutable.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';

class Line {
  @Immutable() sku?: string;
  @Mutable() qty = 1;
  @Mutable({ sensitive: true }) note?: string;
}

@Session({ name: 'described' })
class Cart {
  @Mutable({ name: 'c' }) coupon?: string;
  @Mutable({ type: () => Line }) lines: Line[] = [Object.assign(new Line(), { sku: 'tea' })];
  @Mutable() byName = new Map<string, unknown>([['a b', { n: 1 }]]);
  @Mutable({ sensitive: true }) secrets: Record<string, unknown> = { token: 't', nested: { pin: 1 } };
}

@Session({ name: 'open-described' })
class Plain {
  @Mutable({ type: () => Leaf }) leaf = new Leaf();
}

class Leaf {
  @Mutable() size = 1;
}

function changed(change: (cart: Cart) => void): { before: Change[]; after: Change[]; without: Change[]; paths: string[] } {
  const cart = new Cart();
  const benchmark = Benchmark.of(cart);
  const replica = Replica.restore(Cart, benchmark.snapshot());
  change(cart);
  const delta = benchmark.diff(cart)!;
  const before = describeDelta(Cart, delta, replica);
  const result = {
    before,
    after: describeDelta(Cart, delta, benchmark),
    without: describeDelta(Cart, delta),
    paths: paths(Cart, delta, replica),
  };
  replica.apply(delta);
  return result;
}

describe('describe', () => {
  it('names the property, what was there and what is there now', () => {
    const { before, after, without } = changed((cart) => (cart.coupon = 'SAVE10'));
    expect(before).to.deep.equal([{ path: 'coupon', from: undefined, to: 'SAVE10' }]);
    expect(after).to.deep.equal([{ path: 'coupon', to: 'SAVE10' }]);
    expect(without).to.deep.equal([{ path: 'coupon', to: 'SAVE10' }]);
  });

  it('gives objects inside the session their paths', () => {
    expect(changed((cart) => (cart.lines[0]!.qty = 3)).before).to.deep.equal([{ path: 'lines[0].qty', from: 1, to: 3 }]);
    const deep = changed((cart) => ((cart.byName.get('a b') as { n: number }).n = 2));
    expect(deep.before).to.deep.equal([{ path: 'byName.get("a b").n', from: 1, to: 2 }]);
    expect(deep.paths).to.deep.equal(['byName.get("a b").n']);
  });

  it('shows new objects as they are', () => {
    const { before } = changed((cart) => cart.lines.push(Object.assign(new Line(), { sku: 'milk', qty: 2, note: 'psst' })));
    expect(before).to.deep.equal([{ path: 'lines[1]', to: { sku: 'milk', qty: 2, note: '[redacted]' } }]);
  });

  it('says nothing of what is sensitive, not even a key', () => {
    const all = changed((cart) => {
      cart.secrets['token'] = 'new-secret';
      (cart.secrets['nested'] as { pin: number }).pin = 1234;
      cart.lines[0]!.note = 'new-secret';
    });
    expect(all.paths.toSorted()).to.deep.equal(['lines[0].note', 'secrets']);
    const text = JSON.stringify([all.before, all.after, all.without]);
    expect(text).not.to.match(/new-secret|1234|token.*secret/);
    expect(text).to.contain('[redacted]');
  });

  it('shows objects inside the session by number where there is no graph', () => {
    const plain = new Plain();
    const benchmark = Benchmark.of(plain);
    plain.leaf.size = 5;
    expect(describeDelta(Plain, benchmark.diff(plain)!)).to.deep.equal([{ path: '#1.size', to: 5 }]);
  });

  it('has a line for every kind of operation', () => {
    const { paths: all } = changed((cart) => {
      cart.byName.delete('a b');
      cart.byName.set('d', new Date(1));
      cart.lines.length = 0;
    });
    expect(all).to.deep.equal(
      ['lines[0] (1 removed)', 'byName.get("a b")', 'byName.get("d")'].toSorted((a, b) => all.indexOf(a) - all.indexOf(b)),
    );
  });
});
