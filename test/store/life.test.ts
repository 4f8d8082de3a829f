/** A session lives until it is destroyed; then it is gone for everybody, and a new one of the same id is another one. */
import { expect } from 'chai';
import type { SessionStore } from '../../src/index.js';
import { LogEye } from './log-eye.js';
import { refused } from './refused.js';
import { Bag, Cart, Counter, SESSIONS } from './sessions.js';
import { clusterOf, inBothWorlds } from './world.js';

inBothWorlds('touch, destroy, list and count', (world) => {
  const cluster = clusterOf(world, 2, { sessions: SESSIONS, backups: 1 });
  const here = (): SessionStore => cluster().stores[0]!;
  const there = (): SessionStore => cluster().stores[1]!;

  async function collect(ids: AsyncIterable<string>): Promise<string[]> {
    const all: string[] = [];
    for await (const id of ids) all.push(id);
    return all.toSorted();
  }

  it('touch changes neither version nor state, and where nothing expires it needs no record', async () => {
    const counter = await here().create(Counter, { count: 1 });
    const id = here().idOf(counter);
    await there().touch(Counter, id);
    const eye = await LogEye.open(cluster(), 2);
    expect((await eye.entriesOf(id)).map(({ kind }) => kind)).to.deep.equal(['create']);
    await eye.close();
    counter.count = 2;
    expect((await here().commit(counter)).version).to.equal(2);
    await refused(here().touch(Counter, 'never made'), 'SESSION_GONE', 'not-stored');
  });

  it('destroy says whether there was one', async () => {
    const id = here().idOf(await here().create(Counter));
    expect(await there().destroy(Counter, id)).to.equal(true);
    expect(await here().destroy(Counter, id)).to.equal(false);
    expect(await here().destroy(Counter, 'never made')).to.equal(false);
    await refused(there().touch(Counter, id), 'SESSION_GONE', 'not-stored');
  });

  it('a late commit does not bring it back', async () => {
    const counter = await here().create(Counter);
    const id = here().idOf(counter);
    counter.count = 1;
    const [destroyed, committed] = await Promise.allSettled([there().destroy(Counter, id), here().commit(counter)]);
    expect(destroyed.status).to.equal('fulfilled');
    counter.count = 2;
    const error = await refused(
      here().commit(counter),
      committed.status === 'fulfilled' ? 'SESSION_GONE' : 'STALE_INSTANCE',
      'not-stored',
    );
    expect(error.message).to.include(id);
    for (const store of [here(), there()]) expect(await store.open(Counter, id, { consistency: 'strong' })).to.equal(undefined);
  });

  it('a new session of the same id is another one: old instances are gone, whatever their version', async () => {
    const old = await here().create(Counter);
    const id = here().idOf(old);
    for (let i = 0; i < 3; i++) {
      old.count++;
      await here().commit(old);
    }
    await here().destroy(Counter, id);
    const anew = await there().create(Counter, { count: 100 }, { id });
    for (let i = 0; i < 3; i++) {
      anew.count++;
      await there().commit(anew);
    }
    expect(there().versionOf(anew), 'versions go on behind the tombstone').to.be.greaterThan(here().versionOf(old));
    old.count = -1;
    await refused(here().commit(old), 'SESSION_GONE', 'not-stored');
    await refused(here().refresh(old), 'SESSION_GONE');
    expect((await here().open(Counter, id, { consistency: 'strong' }))!.count).to.equal(103);
  });

  it('the id may be used for a session of another class, and the wrong class can neither destroy nor touch it', async () => {
    const id = here().idOf(await here().create(Counter));
    await refused(there().destroy(Bag, id), 'CLASS_UNKNOWN', 'not-stored');
    await refused(there().touch(Bag, id), 'CLASS_UNKNOWN', 'not-stored');
    expect(await there().open(Counter, id)).to.be.instanceOf(Counter);
    await here().destroy(Counter, id);
    await there().create(Bag, { value: 1 }, { id });
    expect((await here().open(Bag, id))!.value).to.equal(1);
    await here().destroy(Bag, id);
  });

  it('list yields every id of a class once, over more than one page, and count counts them', async () => {
    expect(await here().count(Cart)).to.equal(0);
    expect(await collect(there().list(Cart))).to.deep.equal([]);
    const ids = Array.from({ length: 1_150 }, (_, i) => `cart ${i}`);
    await Promise.all(ids.map((id, i) => (i % 2 === 0 ? here() : there()).create(Cart, Cart.init, { id })));
    await here().create(Bag);
    for (const store of [here(), there()]) {
      expect(await collect(store.list(Cart))).to.deep.equal([...ids].toSorted());
      expect(await store.count(Cart)).to.equal(ids.length);
    }
    await Promise.all(ids.slice(0, 700).map((id) => here().destroy(Cart, id)));
    expect(await there().count(Cart)).to.equal(450);
    expect(await collect(there().list(Cart))).to.have.length(450);
  });
});
