/** What a resolved promise says: queued, in the log, or held by so many backups; and what a rejected one says instead. */
import { expect } from 'chai';
import type { SessionStore } from '../../src/index.js';
import { refused } from './refused.js';
import { Counter, SESSIONS } from './sessions.js';
import { clusterOf, inBothWorlds, TestCluster, until } from './world.js';

inBothWorlds('acknowledgements', (world) => {
  const cluster = clusterOf(world, 3, { sessions: SESSIONS, backups: 2 });
  const here = (): SessionStore => cluster().stores[0]!;

  it("'none' returns at once, and the change arrives", async () => {
    const counter = await here().create(Counter);
    const id = here().idOf(counter);
    for (let i = 1; i <= 5; i++) {
      counter.count = i;
      expect((await here().commit(counter, { ack: 'none' })).version).to.equal(i + 1);
    }
    await until(
      'it is stored',
      async () => (await cluster().stores[1]!.open(Counter, id, { consistency: 'strong' }))!.count === 5,
    );
  });

  it("'none' tells of its failure at the next commit", async () => {
    const counter = await here().create(Counter);
    await cluster().stores[1]!.update(Counter, here().idOf(counter), (other) => void (other.count = 10));
    counter.count = 1;
    await here().commit(counter, { ack: 'none' });
    counter.by['x'] = 1;
    await refused(here().commit(counter), 'STALE_INSTANCE', 'not-stored');
  });

  it('{ backups: n } resolves once n other nodes hold the change in memory', async () => {
    const counter = await here().create(Counter, {}, { ack: { backups: 2 } });
    const id = here().idOf(counter);
    for (let i = 1; i <= 10; i++) {
      counter.count = i;
      await here().commit(counter, { ack: { backups: 2 } });
      for (const store of cluster().stores) expect((await store.open(Counter, id, { consistency: 'local' }))!.count).to.equal(i);
    }
  });

  it('{ backups: n } with fewer than n of them is refused before anything is stored', async () => {
    const counter = await here().create(Counter);
    const id = here().idOf(counter);
    counter.count = 1;
    const error = await refused(here().commit(counter, { ack: { backups: 3 } }), 'NOT_ENOUGH_BACKUPS', 'not-stored');
    expect(error.message).to.include('3').and.to.include('2');
    await here().refresh(counter);
    expect(counter.count).to.equal(0);
    expect(here().versionOf(counter)).to.equal(1);
    await refused(here().create(Counter, {}, { id: `${id} more`, ack: { backups: 3 } }), 'NOT_ENOUGH_BACKUPS', 'not-stored');
    expect(await here().open(Counter, `${id} more`)).to.equal(undefined);
  });

  it('says stored, and the version, where a backup is lost after the change was appended', async () => {
    const alone = new TestCluster(world(), {
      sessions: SESSIONS,
      backups: 1,
      partitions: 1,
      timing: { silenceMs: 60_000, absentMs: 60_000 },
    });
    try {
      await alone.connectMany(2);
      await alone.backedUp(1);
      const primary = await alone.leader();
      const backup = alone.stores.find((store) => store !== primary)!;
      const counter = await primary.create(Counter, {}, { ack: { backups: 1 } });
      counter.count = 1;
      // its last report is fresh enough to count as live, but it hears nothing of what comes
      alone.node(backup).replicas[0]!.stop();
      const error = await refused(
        primary.commit(counter, { ack: { backups: 1 }, timeoutMs: 700 }),
        'NOT_ENOUGH_BACKUPS',
        'stored',
      );
      expect(error.version).to.equal(2);
      await primary.refresh(counter);
      expect([counter.count, primary.versionOf(counter)]).to.deep.equal([1, 2]);
    } finally {
      await alone.close();
    }
  });

  it('of a store can be set once for all of its writes', async () => {
    const strict = await cluster().connect({ nodeId: 'strict', role: 'client', ack: { backups: 3 } });
    await refused(strict.create(Counter), 'NOT_ENOUGH_BACKUPS', 'not-stored');
    expect(await strict.create(Counter, {}, { ack: 'log' })).to.be.instanceOf(Counter);
  });

  it('refuses what is no acknowledgement', async () => {
    const counter = await here().create(Counter);
    for (const ack of ['all', { backups: 0 }, { backups: 1.5 }, {}, 7, null]) {
      counter.count++;
      const error = await refused(here().commit(counter, { ack: ack as never }), 'OPTION_INVALID', 'not-stored');
      expect(error.message).to.include('backups: n');
    }
    expect((await here().commit(counter)).version, 'and nothing was lost by it').to.equal(2);
  });
});
