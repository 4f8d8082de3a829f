/** Every call ends: by its answer, by its time, by its signal or by the end of its store, and then says what became of it. */
import { expect } from 'chai';
import { connect, memoryEngine } from '../../src/index.js';
import type { SessionStore } from '../../src/index.js';
import { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import { refused } from './refused.js';
import { Bag, Counter, SESSIONS } from './sessions.js';
import { clusterOf, inBothWorlds, TestCluster, until } from './world.js';

inBothWorlds('bounds of a call', (world) => {
  const cluster = clusterOf(world, 2, { sessions: SESSIONS, backups: 1 });
  const here = (): SessionStore => cluster().stores[0]!;

  it('a signal that is aborted already ends a call before anything is stored', async () => {
    const counter = await here().create(Counter);
    const id = here().idOf(counter);
    const signal = AbortSignal.abort(new Error('mine'));
    const error = await refused(here().open(Counter, id, { signal }), 'ABORTED');
    expect((error.cause as Error).message).to.equal('mine');
    counter.count = 1;
    await refused(here().commit(counter, { signal }), 'ABORTED', 'not-stored');
    await here().refresh(counter);
    expect(counter.count).to.equal(0);
    await refused(here().create(Counter, {}, { id: 'aborted', signal }), 'ABORTED', 'not-stored');
    await refused(here().count(Counter, { signal }), 'ABORTED');
    expect(await here().open(Counter, 'aborted')).to.equal(undefined);
  });

  it('a signal ends a call under way, which then says that it does not know', async () => {
    const counter = await here().create(Counter);
    counter.count = 1;
    const controller = new AbortController();
    const committing = here().commit(counter, { signal: controller.signal });
    await Promise.resolve();
    controller.abort();
    const [result] = await Promise.allSettled([committing]);
    if (result.status === 'rejected') await refused(committing, 'ABORTED', 'unknown');
    await here().refresh(counter);
    expect(here().versionOf(counter)).to.be.oneOf([1, 2]);
    expect(counter.count).to.equal(here().versionOf(counter) - 1);
  });

  it('a call to a cluster without nodes ends at its time, and nothing is stored', async () => {
    const alone = new TestCluster(world(), { sessions: SESSIONS, backups: 0, partitions: 1 });
    try {
      const client = await alone.connect({ role: 'client' });
      const error = await refused(client.create(Counter, {}, { timeoutMs: 120 }), 'UNAVAILABLE', 'not-stored');
      expect(error.message).to.include('120 ms');
      await refused(client.open(Counter, 'x', { timeoutMs: 50 }), 'UNAVAILABLE');
      await refused(client.count(Counter, { timeoutMs: 50 }), 'UNAVAILABLE');
    } finally {
      await alone.close();
    }
  });

  it('close ends what is under way with a true outcome, and every later call with CLOSED', async () => {
    const alone = new TestCluster(world(), { sessions: SESSIONS, backups: 0, partitions: 1 });
    const store = await alone.connect({ nodeId: 'only' });
    const counters = await Promise.all(Array.from({ length: 10 }, () => store.create(Counter)));
    const told = counters.map((counter, i) => {
      counter.count = 1;
      return { id: store.idOf(counter), committing: store.commit(counter, i % 2 === 0 ? {} : { timeoutMs: 5_000 }) };
    });
    const closing = store.close();
    const results = await Promise.allSettled(told.map(({ committing }) => committing));
    await closing;
    await store.close();
    for (const result of results)
      if (result.status === 'rejected')
        expect((result.reason as { outcome?: string }).outcome).to.be.oneOf(['not-stored', 'unknown']);
    await refused(store.open(Counter, 'x'), 'CLOSED');
    await refused(store.commit(counters[0]!), 'CLOSED', 'not-stored');
    await refused(store.drain(), 'CLOSED');
    const again = await alone.connect({ nodeId: 'only' });
    for (const [i, { id }] of told.entries()) {
      const { count } = (await again.open(Counter, id, { consistency: 'strong' }))!;
      const result = results[i]!;
      if (result.status === 'fulfilled') expect(count, 'acknowledged').to.equal(1);
      else if ((result.reason as { outcome?: string }).outcome === 'not-stored') expect(count, 'not stored').to.equal(0);
    }
    await alone.close();
  });

  it('drain lets what is under way end, and the backups go on at once', async () => {
    const pair = new TestCluster(world(), { sessions: SESSIONS, backups: 1, partitions: 1 });
    try {
      const [one, two] = (await pair.connectMany(2)) as [SessionStore, SessionStore];
      const primary = await pair.leader();
      const other = primary === one ? two : one;
      const id = other.idOf(await other.create(Counter));
      const writes = Array.from({ length: 20 }, () => primary.update(Counter, id, (counter) => ++counter.count));
      await primary.drain();
      await Promise.all(writes);
      expect((await other.open(Counter, id, { consistency: 'strong' }))!.count).to.equal(20);
      await until('the other leads', () => pair.node(other).led.length === 1);
    } finally {
      await pair.close();
    }
  });

  it('await using closes a store', async () => {
    let kept: SessionStore;
    {
      await using store = await new TestCluster(world(), { sessions: SESSIONS, partitions: 1 }).connect();
      await store.create(Counter);
      kept = store;
    }
    await refused(kept.open(Counter, 'x'), 'CLOSED');
  });

  it('a session of several megabytes, larger than a message may be, is created, changed and opened elsewhere', async () => {
    const big = { text: 'x'.repeat(3_000_000), list: Array.from({ length: 20_000 }, (_, i) => ({ i })) };
    const bag = await here().create(Bag, { value: big, other: Buffer.alloc(2_000_000, 7) });
    const id = here().idOf(bag);
    const there = cluster().stores[1]!;
    (bag.value as typeof big).list[19_999]!.i = -1;
    expect((await here().commit(bag)).bytes).to.be.lessThan(32);
    bag.other = Buffer.alloc(3_000_000, 8);
    expect((await here().commit(bag)).bytes).to.be.greaterThan(2_900_000);
    const again = (await there.open(Bag, id))!;
    expect((again.value as typeof big).text.length).to.equal(3_000_000);
    expect((again.value as typeof big).list[19_999]).to.deep.equal({ i: -1 });
    expect(Buffer.alloc(3_000_000, 8).equals(again.other as Buffer)).to.equal(true);
    (again.value as typeof big).text = 'short';
    again.other = undefined;
    await there.commit(again);
    await here().refresh(bag);
    expect((bag.value as typeof big).text).to.equal('short');
  });
});

describe('connect', () => {
  const sessions = SESSIONS;

  it('needs nothing but session classes, and is a cluster of its own', async () => {
    const [one, two] = await Promise.all([connect({ sessions }), connect({ sessions })]);
    await one.create(Counter, { count: 1 }, { id: 'mine' });
    expect(await two.open(Counter, 'mine')).to.equal(undefined);
    expect((await one.open(Counter, 'mine'))!.count).to.equal(1);
    await Promise.all([one.close(), two.close()]);
  });

  it('refuses options that cannot be meant, and says which would be right', async () => {
    const wrong: readonly (readonly [string, object])[] = [
      ['sessions', { sessions: [] }],
      ['sessions', {}],
      ['cluster', { sessions, cluster: '' }],
      ['nodeId', { sessions, nodeId: 7 }],
      ['role', { sessions, role: 'master' }],
      ['backups', { sessions, backups: -1 }],
      ['backups', { sessions, backups: 1.5 }],
      ['partitions', { sessions, partitions: 0 }],
      ['partitions', { sessions, partitions: 5_000 }],
      ['ack', { sessions, ack: 'disk' }],
      ['takeover', { sessions, takeover: 'slow' }],
      ['timing.leaseMs', { sessions, timing: { leaseMs: -1 } }],
      ['timing.leaseMs', { sessions, timing: { leaseMs: NaN } }],
      ['timing.tempo', { sessions, timing: { tempo: 1 } }],
      ['backup', { sessions, backup: 1 }],
    ];
    for (const [name, options] of wrong) {
      const error = await refused(connect(options as never), 'OPTION_INVALID');
      expect(error.message).to.include(name);
      expect(error.expected, name).to.be.a('string');
      expect(error.cure, name).to.be.a('string');
    }
  });

  it('refuses what is no session class, and two classes of one name', async () => {
    await refused(connect({ sessions: [class Plain {}] }), 'NOT_A_SESSION');
    await refused(connect({ sessions: [7 as never] }), 'NOT_A_SESSION');
    const { Session, Mutable } = await import('../../src/index.js');
    @Session({ name: 'counter' })
    class Other {
      @Mutable() n = 0;
    }
    const error = await refused(connect({ sessions: [Counter, Other] }), 'DECLARATION_INVALID');
    expect(error.message).to.include('Other').and.to.include('Counter');
  });

  it('refuses another number of partitions than the cluster was started with', async () => {
    const engine = memoryEngine({ cluster: new MemoryCluster() });
    const first = await connect({ sessions, engine, partitions: 4 });
    const error = await refused(connect({ sessions, engine, partitions: 8 }), 'CLUSTER_MISMATCH');
    expect(error.message).to.include('partitions: 4').and.to.include('partitions: 8');
    const second = await connect({ sessions, engine });
    await first.create(Counter, {}, { id: 'found' });
    expect(await second.open(Counter, 'found')).to.be.instanceOf(Counter);
    await Promise.all([first.close(), second.close()]);
  });

  it('ends by its signal, also one that is aborted meanwhile', async () => {
    await refused(connect({ sessions, signal: AbortSignal.abort() }), 'ABORTED');
    const controller = new AbortController();
    const connecting = connect({ sessions, signal: controller.signal });
    controller.abort();
    await refused(connecting, 'ABORTED');
  });
});
