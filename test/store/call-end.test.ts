/** Every public call ends with its own time and its own signal, wherever it waits, and what it says of its write is true. */
import { setMaxListeners } from 'node:events';
import { expect } from 'chai';
import type { CallOptions, SessionStore, TwinstateError } from '../../src/index.js';
import { refused } from './refused.js';
import { Counter, SESSIONS } from './sessions.js';
import { embeddedWorld, pause, TestCluster, until } from './world.js';

describe('the end of a call', function () {
  this.timeout(60_000);
  let cluster: TestCluster;
  let client: SessionStore;
  let node: SessionStore | undefined;

  beforeEach(async () => {
    cluster = new TestCluster(embeddedWorld(), { sessions: SESSIONS, backups: 0, partitions: 1 });
    client = await cluster.connect({ role: 'client', nodeId: 'client' });
  });
  afterEach(() => cluster.close());

  const withNode = async (): Promise<SessionStore> => {
    node = await cluster.connect({ nodeId: 'node' });
    await cluster.leader();
    return node;
  };

  /** Every call that waits, on sessions that the client has open, or by their ids. */
  async function calls(): Promise<Readonly<Record<string, (options: CallOptions) => Promise<unknown>>>> {
    const counters = await Promise.all(Array.from({ length: 4 }, () => client.create(Counter)));
    const [commits, refreshes, idle, other] = counters as [Counter, Counter, Counter, Counter];
    const id = client.idOf(other);
    return {
      create: (options) => client.create(Counter, {}, { ...options, id: 'made' }),
      open: (options) => client.open(Counter, id, options),
      strong: (options) => client.open(Counter, id, { ...options, consistency: 'strong' }),
      local: (options) => client.open(Counter, id, { ...options, consistency: 'local' }),
      commit: (options) => {
        commits.count++;
        return client.commit(commits, options);
      },
      refresh: (options) => client.refresh(refreshes, options),
      update: (options) => client.update(Counter, client.idOf(idle), (counter) => ++counter.count, options),
      touch: (options) => client.touch(Counter, `${id}-touched`, options),
      destroy: (options) => client.destroy(Counter, `${id}-destroyed`, options),
      count: (options) => client.count(Counter, options),
      list: (options) => client.list(Counter, options).next(),
      watch: async (options) => client.watch(Counter, id, options)[Symbol.asyncIterator]().next(),
    };
  }
  const WRITES = ['create', 'commit', 'update', 'touch', 'destroy'];

  it('without a node each ends by its time as UNAVAILABLE, and no write of it was stored', async () => {
    await withNode();
    const all = await calls();
    await node!.close();
    const ended = Object.entries(all).map(async ([name, call]) => {
      const error = await refused(call({ timeoutMs: 150 }), 'UNAVAILABLE');
      if (WRITES.includes(name)) expect(error.outcome, name).to.be.oneOf(['not-stored', 'unknown']);
      else expect(error.outcome, name).to.equal(undefined);
    });
    await Promise.all(ended);
  });

  it('each ends by its signal as ABORTED, before and meanwhile', async () => {
    await withNode();
    const all = await calls();
    await node!.close();
    for (const [name, call] of Object.entries(all)) {
      const error = await call({ signal: AbortSignal.abort('now') }).catch((caught: unknown) => caught);
      expect((error as TwinstateError).code, name).to.equal('ABORTED');
      if (WRITES.includes(name)) expect((error as TwinstateError).outcome, name).to.equal('not-stored');
    }
    // commits of an instance that is behind are refused at once, so it is left out here
    const later = Object.entries(all).filter(([name]) => name !== 'commit');
    const controller = new AbortController();
    setMaxListeners(50, controller.signal);
    const ended = later.map(([, call]) => call({ signal: controller.signal }).catch((caught: unknown) => caught));
    await pause(30);
    controller.abort('later');
    const errors = await Promise.all(ended);
    expect(errors.map((error) => (error as TwinstateError).code)).to.deep.equal(later.map(() => 'ABORTED'));
    expect(errors.every((error) => (error as TwinstateError).cause === 'later')).to.equal(true);
  });

  it('a write behind another one of its session ends by its own time as TIMEOUT, and is never sent', async () => {
    const first = client.create(Counter, { count: 1 }, { id: 'x' });
    const error = await refused(client.create(Counter, { count: 2 }, { id: 'x', timeoutMs: 50 }), 'TIMEOUT', 'not-stored');
    expect(error.message).to.include('behind');
    await refused(client.touch(Counter, 'x', { timeoutMs: 50 }), 'TIMEOUT', 'not-stored');
    const controller = new AbortController();
    const destroying = client.destroy(Counter, 'x', { signal: controller.signal });
    controller.abort();
    await refused(destroying, 'ABORTED', 'not-stored');
    await withNode();
    await first;
    expect((await node!.open(Counter, 'x', { consistency: 'strong' }))!.count).to.equal(1);
  });

  it('whoever comes behind one that gave up waits for those before it, and is stored once, in order', async () => {
    const first = client.create(Counter, { count: 1 }, { id: 'x' });
    const given = refused(client.touch(Counter, 'x', { timeoutMs: 20 }), 'TIMEOUT', 'not-stored');
    const last = client.destroy(Counter, 'x');
    await given;
    await withNode();
    await first;
    expect(await last).to.equal(true);
    expect(await node!.open(Counter, 'x', { consistency: 'strong' })).to.equal(undefined);
  });

  it('a commit that gave up its turn leaves the instance stale, and the one before it is stored all the same', async () => {
    await withNode();
    const counter = await client.create(Counter);
    const id = client.idOf(counter);
    await node!.close();
    counter.count = 1;
    const before = client.commit(counter);
    counter.count = 2;
    await refused(client.commit(counter, { timeoutMs: 30 }), 'TIMEOUT', 'not-stored');
    await refused(client.commit(counter), 'STALE_INSTANCE', 'not-stored');
    await cluster.connect({ nodeId: 'next' });
    expect((await before).version).to.equal(2);
    await client.refresh(counter);
    expect(counter.count).to.equal(1);
    counter.count++;
    await client.commit(counter);
    expect((await client.open(Counter, id, { consistency: 'strong' }))!.count).to.equal(2);
  });

  it('an update ends with its time also where its function does not, and then nothing is committed', async () => {
    await withNode();
    const id = node!.idOf(await node!.create(Counter));
    let go!: () => void;
    const hold = new Promise<void>((resolve) => (go = resolve));
    const slow = client.update(
      Counter,
      id,
      async (counter) => {
        counter.count = 99;
        await hold;
      },
      { timeoutMs: 50 },
    );
    const error = await refused(slow, 'TIMEOUT', 'not-stored');
    expect(error.message).to.include('function');
    go();
    await client.update(Counter, id, (counter) => void counter.count++);
    expect((await node!.open(Counter, id, { consistency: 'strong' }))!.count).to.equal(1);
  });

  it('the time of an update is one for all of its attempts', async () => {
    await withNode();
    const id = node!.idOf(await node!.create(Counter));
    const controller = new AbortController();
    let runs = 0;
    const losing = client.update(
      Counter,
      id,
      async (counter) => {
        runs++;
        await node!.update(Counter, id, (theirs) => void theirs.count++);
        counter.count = -1;
        if (runs === 5) controller.abort();
      },
      { attempts: 1_000_000, signal: controller.signal },
    );
    const code = ((await losing.catch((caught: unknown) => caught)) as TwinstateError).code;
    expect([code, runs]).to.deep.equal(['ABORTED', 5]);
    const timed = client.update(
      Counter,
      id,
      async (counter) => {
        await node!.update(Counter, id, (theirs) => void theirs.count++);
        counter.count = -1;
      },
      { attempts: 1_000_000, timeoutMs: 200 },
    );
    const error = (await timed.catch((caught: unknown) => caught)) as TwinstateError;
    expect(error.code).to.be.oneOf(['CONFLICT', 'TIMEOUT', 'UNAVAILABLE']);
    expect(error.outcome).to.be.oneOf(['not-stored', 'unknown', undefined]);
    expect((await node!.open(Counter, id, { consistency: 'strong' }))!.count).to.be.greaterThan(5);
  });

  it('bounds that cannot be meant are refused before anything is sent', async () => {
    await withNode();
    const all = await calls();
    for (const options of [{ timeoutMs: NaN }, { timeoutMs: -1 }, { timeoutMs: '5' }, { timeoutMs: 1e12 }, { signal: {} }]) {
      for (const [name, call] of Object.entries(all)) {
        const ended = (async () => call(options as never))();
        const error = await refused(ended, 'OPTION_INVALID');
        if (WRITES.includes(name)) expect(error.outcome, name).to.equal('not-stored');
      }
    }
    await refused(client.open(Counter, 'x', { atLeast: 1.5 }), 'OPTION_INVALID');
    await refused(client.open(Counter, 'x', { atLeast: '2' as never }), 'OPTION_INVALID');
    for (const cacheBytesMax of [-1, NaN, '1']) {
      await refused(cluster.connect({ limits: { cacheBytesMax: cacheBytesMax as never } }), 'OPTION_INVALID');
    }
  });

  it('a watch that never began tells why; one that has begun waits for the next primary', async () => {
    await withNode();
    const counter = await client.create(Counter);
    const id = client.idOf(counter);
    const changes = client.watch(Counter, id)[Symbol.asyncIterator]();
    const next = changes.next();
    await until('it has begun', async () => {
      counter.count++;
      await client.commit(counter);
      return Promise.race([next.then(() => true), pause(5).then(() => false)]);
    });
    await node!.close();
    const later = changes.next();
    await cluster.connect({ nodeId: 'next' });
    await client.refresh(counter);
    counter.count = 1_000;
    const { version } = await client.commit(counter);
    let change = await later;
    while (change.value !== undefined && (change.value as { version: number }).version < version) change = await changes.next();
    expect((change.value as { version: number }).version).to.equal(version);
    await changes.return!(undefined);
  });
});
