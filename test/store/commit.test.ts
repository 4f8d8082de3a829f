/** A commit publishes what changed when it was called, and nothing else; one that fails says what became of it. */
import { expect } from 'chai';
import type { SessionStore } from '../../src/index.js';
import { LogEye } from './log-eye.js';
import { refused } from './refused.js';
import { Bag, Cart, Counter, SESSIONS, item } from './sessions.js';
import { clusterOf, inBothWorlds } from './world.js';

inBothWorlds('commit', (world) => {
  const cluster = clusterOf(world, 2, { sessions: SESSIONS, backups: 1 });
  const here = (): SessionStore => cluster().stores[0]!;
  const there = (): SessionStore => cluster().stores[1]!;
  let eye: LogEye;
  before(async () => (eye = await LogEye.open(cluster(), 2)));
  after(() => eye.close());

  it('raises the version by one and says how many bytes the delta has', async () => {
    const cart = await here().create(Cart, Cart.init);
    cart.coupon = 'SAVE10';
    const { version, bytes } = await here().commit(cart);
    expect(version).to.equal(2).and.to.equal(here().versionOf(cart));
    const [delta] = await eye.deltasOf(here().idOf(cart));
    expect(bytes).to.equal(delta!.byteLength).and.to.be.greaterThan(0);
    expect((await there().open(Cart, here().idOf(cart)))!.coupon).to.equal('SAVE10');
  });

  it('of an instance in which nothing changed writes no record and keeps the version', async () => {
    const cart = await here().create(Cart, { ...Cart.init, items: [item('tea', 1)] });
    expect(await here().commit(cart)).to.deep.equal({ version: 1, bytes: 0 });
    cart.socket = {};
    cart.coupon = 'x';
    cart.coupon = undefined as never;
    cart.items = [...cart.items];
    cart.items.pop();
    cart.items.push(item('tea', 2));
    cart.items[0]!.qty = 1;
    const { version } = await here().commit(cart);
    expect(await here().commit(cart)).to.deep.equal({ version, bytes: 0 });
    expect(await eye.deltasOf(here().idOf(cart))).to.have.length(version - 1);
  });

  it('takes what stood there when it was called; what is changed while it is awaited belongs to the next', async () => {
    const counter = await here().create(Counter);
    counter.count = 1;
    const first = here().commit(counter);
    counter.count = 2;
    counter.by['late'] = 1;
    expect((await first).version).to.equal(2);
    const seen = (await there().open(Counter, here().idOf(counter), { consistency: 'strong' }))!;
    expect([seen.count, seen.by]).to.deep.equal([1, {}]);
    expect((await here().commit(counter)).version).to.equal(3);
    const next = (await there().open(Counter, here().idOf(counter), { atLeast: 3 }))!;
    expect([next.count, next.by]).to.deep.equal([2, { late: 1 }]);
  });

  it('may be called again before it has resolved: commits in flight are stored in order', async () => {
    const bag = await here().create(Bag, { value: [] as number[] });
    const commits = [];
    for (let i = 0; i < 50; i++) {
      (bag.value as number[]).push(i);
      commits.push(here().commit(bag));
    }
    expect((await Promise.all(commits)).map(({ version }) => version)).to.deep.equal(Array.from({ length: 50 }, (_, i) => i + 2));
    const again = (await there().open(Bag, here().idOf(bag)))!;
    expect(again.value).to.deep.equal(Array.from({ length: 50 }, (_, i) => i));
  });

  it('of what cannot be stored leaves nothing advanced, and does not make the instance stale', async () => {
    const bag = await here().create(Bag, { value: { a: 1 } });
    const id = here().idOf(bag);
    bag.other = 'changed too';
    (bag.value as Record<string, unknown>)['fn'] = () => 1;
    const error = await refused(here().commit(bag), 'VALUE_UNSUPPORTED', 'not-stored');
    expect(error.message).to.include('value.fn');
    expect(await eye.deltasOf(id)).to.deep.equal([]);
    expect(here().versionOf(bag)).to.equal(1);
    (bag.value as Record<string, unknown>)['fn'] = 'text';
    expect((await here().commit(bag)).version).to.equal(2);
    const again = (await there().open(Bag, id))!;
    expect([again.value, again.other]).to.deep.equal([{ a: 1, fn: 'text' }, 'changed too']);
  });

  it('keeps values of every kind as they are', async () => {
    const date = new Date(7);
    const shared = { shared: true };
    const cyclic: Record<string, unknown> = { shared };
    cyclic['self'] = cyclic;
    const values = {
      undefined: undefined,
      null: null,
      nan: NaN,
      negativeZero: -0,
      big: 2n ** 70n,
      date,
      pattern: /a+/giu,
      url: new URL('https://example.org/a?b#c'),
      buffer: Buffer.from('bytes'),
      floats: new Float64Array([1.5, -0]),
      map: new Map<unknown, unknown>([
        [shared, 'by identity'],
        ['k', new Set([1, shared])],
      ]),
      sparse: Object.assign([], { 3: 'x' }),
      cyclic,
      shared,
    };
    const bag = await here().create(Bag);
    bag.value = values;
    await here().commit(bag);
    const again = (await there().open(Bag, here().idOf(bag)))!.value as typeof values;
    expect(again).to.deep.equal(values);
    expect(Object.is(again.negativeZero, -0)).to.equal(true);
    expect(again.map.has(again.shared), 'a shared reference is one object there too').to.equal(true);
    expect(again.cyclic['self']).to.equal(again.cyclic);
    expect(0 in again.sparse, 'a hole stays a hole').to.equal(false);
  });

  it('works on two instances of one session that share nothing', async () => {
    const cart = await here().create(Cart, { ...Cart.init, items: [item('tea', 1)] });
    const id = here().idOf(cart);
    const [one, two] = [(await here().open(Cart, id))!, (await here().open(Cart, id))!];
    expect(one).to.not.equal(two);
    expect(one.items[0]).to.not.equal(two.items[0]);
    one.items[0]!.qty = 5;
    one.items.push(item('jam', 1));
    expect(two).to.deep.equal(cart);
    await here().commit(one);
    expect(two.items, 'until it is refreshed').to.have.length(1);
  });

  it('neither holds on to nor changes what the application gave it', async () => {
    const inner = { n: 1 };
    const bag = await here().create(Bag, { value: inner });
    expect(bag.value).to.equal(inner);
    const other = (await there().open(Bag, here().idOf(bag)))!;
    (other.value as typeof inner).n = 2;
    await there().commit(other);
    expect(inner.n).to.equal(1);
    await here().refresh(bag);
    expect(bag.value, 'in place').to.equal(inner);
    expect(inner.n).to.equal(2);
  });

  it('through the process that does not lead is the same', async () => {
    const counter = await here().create(Counter);
    const id = here().idOf(counter);
    const other = (await there().open(Counter, id))!;
    for (let i = 0; i < 5; i++) {
      other.count++;
      await there().commit(other);
    }
    expect((await here().open(Counter, id, { consistency: 'strong' }))!.count).to.equal(5);
  });
});
