/** Two commits of one session merge where they changed different slots, and conflict where they changed the same. */
import { expect } from 'chai';
import { ConflictError } from '../../src/index.js';
import type { SessionStore } from '../../src/index.js';
import { refused } from './refused.js';
import { Bag, Cart, Counter, SESSIONS, item } from './sessions.js';
import { clusterOf, inBothWorlds } from './world.js';

inBothWorlds('two commits of one session', (world) => {
  const cluster = clusterOf(world, 2, { sessions: SESSIONS, backups: 1 });
  const here = (): SessionStore => cluster().stores[0]!;
  const there = (): SessionStore => cluster().stores[1]!;

  async function two(): Promise<{ id: string; mine: Cart; theirs: Cart }> {
    const cart = await here().create(Cart, { ...Cart.init, items: [item('tea', 1), item('jam', 1)] });
    const id = here().idOf(cart);
    return { id, mine: (await here().open(Cart, id))!, theirs: (await there().open(Cart, id))! };
  }

  it('merge where they changed different slots of different objects', async () => {
    const { id, mine, theirs } = await two();
    mine.items[0]!.qty = 10;
    theirs.items[1]!.qty = 20;
    theirs.coupon = 'SAVE10';
    expect((await there().commit(theirs)).version).to.equal(2);
    expect((await here().commit(mine)).version).to.equal(3);
    expect(
      mine.items.map(({ qty }) => qty),
      'what the other did is here already',
    ).to.deep.equal([10, 20]);
    expect(mine.coupon).to.equal('SAVE10');
    expect(await here().open(Cart, id)).to.deep.equal(mine);
  });

  it('merge where they set different keys of one Map and one plain object', async () => {
    const { id, mine, theirs } = await two();
    mine.notes.set('a', '1');
    theirs.notes.set('b', '2');
    await Promise.all([here().commit(mine), there().commit(theirs)]);
    const merged = (await here().open(Cart, id, { consistency: 'strong' }))!;
    expect([...merged.notes]).to.have.deep.members([
      ['a', '1'],
      ['b', '2'],
    ]);
  });

  it('merge where both made new objects, and go on from there', async () => {
    const { id } = await two();
    const bag = await here().create(Bag, { value: {}, other: {} }, { id: `${id} bag` });
    const [one, other] = [bag, (await there().open(Bag, `${id} bag`))!];
    (one.value as Record<string, unknown>)['mine'] = { list: [{ n: 1 }] };
    (other.other as Record<string, unknown>)['theirs'] = { list: [{ n: 2 }] };
    await there().commit(other);
    await here().commit(one);
    (one.value as { mine: { list: { n: number }[] } }).mine.list[0]!.n = 3;
    (one.other as { theirs: { list: { n: number }[] } }).theirs.list[0]!.n = 4;
    await here().commit(one);
    await there().refresh(other);
    expect(other).to.deep.equal(one);
    expect(other.value).to.deep.equal({ mine: { list: [{ n: 3 }] } });
  });

  it('conflict where they changed the same slot, and say both versions and the slot', async () => {
    const { id, mine, theirs } = await two();
    mine.coupon = 'mine';
    theirs.coupon = 'theirs';
    await there().commit(theirs);
    const error = (await refused(here().commit(mine), 'CONFLICT', 'not-stored')) as ConflictError;
    expect(error).to.be.instanceOf(ConflictError);
    expect(error.base).to.equal(1);
    expect(error.version).to.equal(2);
    expect(error.slots).to.deep.equal(['coupon']);
    expect(error.message).to.match(/expected a base of version 2, received a base of version 1 that also changed coupon/);
    expect((await here().open(Cart, id))!.coupon).to.equal('theirs');
  });

  it('conflict where both changed the order or length of one array', async () => {
    const { mine, theirs } = await two();
    mine.items.push(item('milk', 1));
    theirs.items.pop();
    await there().commit(theirs);
    await refused(here().commit(mine), 'CONFLICT', 'not-stored');
  });

  it('conflict where one changed an object that the other took out', async () => {
    const { mine, theirs } = await two();
    mine.items[1]!.qty = 9;
    theirs.items.pop();
    await there().commit(theirs);
    await refused(here().commit(mine), 'CONFLICT', 'not-stored');
  });

  it('after a conflict the instance is stale until it is refreshed', async () => {
    const { id, mine, theirs } = await two();
    const [tea] = mine.items;
    mine.coupon = 'mine';
    theirs.coupon = 'theirs';
    await there().commit(theirs);
    const first = here().commit(mine);
    mine.total = 5;
    const inFlight = here().commit(mine);
    await refused(first, 'CONFLICT', 'not-stored');
    await refused(inFlight, 'STALE_INSTANCE', 'not-stored');
    const stale = await refused(here().commit(mine), 'STALE_INSTANCE', 'not-stored');
    expect(stale.cure).to.include('refresh');
    expect(await here().refresh(mine)).to.deep.equal({ version: 2, bytes: 0 });
    expect(mine).to.include({ coupon: 'theirs', total: 0 });
    expect(mine.items[0], 'in place: objects stay the same').to.equal(tea);
    mine.total = 6;
    expect((await here().commit(mine)).version).to.equal(3);
    expect((await there().open(Cart, id))!.total).to.equal(6);
  });

  it('conflict where one takes out what the other has just changed: nobody loses work unasked', async () => {
    const mine = await here().create(Bag, { value: new Map([['a', { n: 1 }]]) });
    const theirs = (await there().open(Bag, here().idOf(mine)))!;
    (mine.value as Map<string, { n: number }>).get('a')!.n = 2;
    await here().commit(mine);
    (theirs.value as Map<string, unknown>).delete('a');
    const error = (await refused(there().commit(theirs), 'CONFLICT', 'not-stored')) as ConflictError;
    expect(error.slots).to.deep.equal(['value.get("a").n']);
    await there().refresh(theirs);
    expect(theirs).to.deep.equal(mine);
    (theirs.value as Map<string, unknown>).delete('a');
    expect((await there().commit(theirs)).version).to.equal(3);
  });

  it('leave what was made here and never stored to whoever made it: a refresh does not take it for something of theirs', async () => {
    const { mine, theirs } = await two();
    theirs.items.push(item('milk', 1));
    await there().commit(theirs);
    const own = item('own', 7);
    mine.items.push(own);
    await refused(here().commit(mine), 'CONFLICT', 'not-stored');
    await here().refresh(mine);
    expect(mine.items.map(({ sku, qty }) => [sku, qty])).to.deep.equal([['tea', 1], ['jam', 1], ['milk', 1]]); // prettier-ignore
    expect(mine.items[2]).to.not.equal(own);
    expect(own).to.include({ sku: 'own', qty: 7 });
    mine.items.push(own);
    expect((await here().commit(mine)).version).to.equal(3);
  });

  it('of an old base merge as long as the primary remembers, and conflict behind that', async () => {
    const counter = await here().create(Counter);
    const id = here().idOf(counter);
    const [recent, old] = [(await there().open(Counter, id))!, (await there().open(Counter, id))!];
    for (let i = 0; i < 20; i++) {
      counter.count++;
      await here().commit(counter);
    }
    recent.by['recent'] = 1;
    expect((await there().commit(recent)).version).to.equal(22);
    expect(recent.count).to.equal(20);
    await here().refresh(counter);
    for (let i = 0; i < 1_200; i++) {
      counter.count++;
      void here().commit(counter, { ack: 'none' });
    }
    await here().commit(counter);
    old.by['old'] = 1;
    const error = (await refused(there().commit(old), 'CONFLICT', 'not-stored')) as ConflictError;
    expect(error.base).to.equal(1);
    expect(error.message).to.match(/its base is older than the history that its primary keeps: 256 commits, 16384 bytes/);
    await there().refresh(old);
    expect([old.count, old.by]).to.deep.equal([1_220, { recent: 1 }]);
  });

  it('by several writers at once lose nothing, whoever merges', async () => {
    const id = here().idOf(await here().create(Counter));
    const writers = await Promise.all(
      [here(), there(), here(), there()].map(async (store) => ({ store, mine: (await store.open(Counter, id))! })),
    );
    await Promise.all(
      writers.map(async ({ store, mine }, writer) => {
        for (let i = 1; i <= 15; i++) {
          mine.by[`w${writer}`] = i;
          await store.commit(mine);
        }
      }),
    );
    const end = (await here().open(Counter, id, { consistency: 'strong' }))!;
    expect(end.by).to.deep.equal({ w0: 15, w1: 15, w2: 15, w3: 15 });
    for (const { store, mine } of writers) {
      await store.refresh(mine);
      expect(mine).to.deep.equal(end);
    }
  });

  it('where the session was destroyed are SESSION_GONE, also once the id was created anew', async () => {
    const { id, mine, theirs } = await two();
    await there().destroy(Cart, id);
    mine.total = 1;
    await refused(here().commit(mine), 'SESSION_GONE', 'not-stored');
    await there().create(Cart, { customerId: 'new' }, { id });
    theirs.total = 2;
    await refused(there().commit(theirs), 'SESSION_GONE', 'not-stored');
    await refused(there().refresh(theirs), 'SESSION_GONE');
    expect(await here().open(Cart, id)).to.include({ customerId: 'new', total: 0 });
  });
});
