/** A release that was rolled back: what a later one has stored is kept, served by nobody who cannot read it, and served again by who can. */
import { expect } from 'chai';
import type { Engine, EngineConnection, Log } from '../../src/engine/port.js';
import { snapshotKey } from '../../src/node/stored-snapshots.js';
import { nodeId, partition, sequence, sessionId } from '../../src/shared/ids.js';
import { REAL_RUNTIME } from '../../src/store/real-runtime.js';
import type { SessionStore } from '../../src/index.js';
import { isLater, laterRelease } from './later-release.js';
import { refused } from './refused.js';
import { Counter, SESSIONS } from './sessions.js';
import { embeddedWorld, pause, TestCluster, until } from './world.js';

const P0 = partition(0);
const TIMING = { checkpointRecords: 8, checkpointIdleMs: 100, snapshotMs: 10 };
/** No snapshot is written and nothing is given up by itself: what was committed last stands in the log alone. */
const LAZY = { ...TIMING, checkpointIdleMs: 60_000 };

describe('what a later release has stored', function () {
  this.timeout(60_000);
  let cluster: TestCluster;
  let eye: EngineConnection;
  beforeEach(async () => {
    cluster = new TestCluster(embeddedWorld(), { sessions: SESSIONS, partitions: 1, backups: 0, timing: TIMING });
    const { clock, random } = REAL_RUNTIME;
    const request = {
      cluster: cluster.name,
      generation: 'newest',
      node: nodeId('eye~1'),
      clock,
      random,
      timeoutMs: 10_000,
    } as const;
    eye = await cluster.engine.connect(request);
  });
  afterEach(async () => {
    await cluster.close();
    await eye.close();
  });

  const later = (timing = TIMING): Promise<SessionStore> => cluster.connect({ engine: laterRelease(cluster.engine), timing });
  const stored = async (id: string) => (await eye.snapshots.get(P0, snapshotKey(sessionId(id))))?.value;
  const log = async () => (await eye.log.read(P0, sequence(0)))!.entries;
  /** Creates sessions in a later release, until they are in its snapshots, and nothing of them in the log. */
  async function saved(store: SessionStore, ...ids: string[]): Promise<void> {
    for (const id of ids) await store.create(Counter, { count: 1 }, { id });
    const { sequence: last } = (await log()).at(-1)!;
    // a checkpoint leaves itself and the record before it
    await store.create(Counter, {}, { id: 'after them' });
    await until('they are stored', async () => (await log())[0]!.sequence > last, 5_000);
    for (const id of ids) expect(isLater((await stored(id))!)).to.equal(true);
  }

  /** A later release has stored `a` and `b`, and both have changed since: only the log has that. */
  async function rolledBack(): Promise<{ readonly store: SessionStore; readonly before: readonly (Uint8Array | undefined)[] }> {
    const newer = await later();
    await saved(newer, 'a', 'b', 'c');
    await newer.close();
    const busy = await later(LAZY);
    for (const id of ['a', 'b']) await busy.update(Counter, id, (counter) => void counter.count++);
    const before = [await stored('a'), await stored('b'), await stored('c')];
    await busy.close();
    return { store: await cluster.connect(), before };
  }

  it('is served by nobody of an older one, who is told to upgrade and not to destroy it', async () => {
    const { store } = await rolledBack();
    for (const consistency of ['primary', 'strong', 'local'] as const) {
      const error = await refused(store.open(Counter, 'a', { consistency }), 'FORMAT_UNSUPPORTED');
      expect(error.cure).to.include('upgrade');
      expect(error.message).to.include('format 4').and.not.include('destroy');
    }
    const client = await cluster.connect({ role: 'client' });
    for (const each of [store, client]) {
      await refused(each.open(Counter, 'a'), 'FORMAT_UNSUPPORTED');
      for (const write of [
        () => each.create(Counter, { count: 100 }, { id: 'a' }),
        () => each.update(Counter, 'a', (counter) => void counter.count++, { create: {} }),
        () => each.touch(Counter, 'a'),
        () => each.destroy(Counter, 'a'),
      ]) {
        const error = await refused(write(), 'FORMAT_UNSUPPORTED');
        expect(error.cure).to.include('upgrade');
        expect(error.outcome ?? 'not-stored').to.equal('not-stored');
      }
      await refused(each.watch(Counter, 'a')[Symbol.asyncIterator]().next(), 'FORMAT_UNSUPPORTED');
    }
  });

  it('is not written over, nor is what the log says behind it given up, and a newer process has both again', async () => {
    const { store, before } = await rolledBack();
    for (const id of ['a', 'b', 'c']) await refused(store.open(Counter, id), 'FORMAT_UNSUPPORTED');
    // all others go on, and would push what is old out of the log
    for (let i = 0; i < 60; i++) await store.update(Counter, 'other', (counter) => void counter.count++, { create: {} });
    await until('its own snapshot is stored', async () => (await stored('other')) !== undefined);
    await pause(300);
    expect((await log()).length, 'the log still has what no snapshot holds').to.be.greaterThan(60);
    expect([await stored('a'), await stored('b'), await stored('c')]).to.deep.equal(before);
    await store.close();
    const newer = await later();
    const counts = await Promise.all(['a', 'b', 'c', 'other'].map(async (id) => (await newer.open(Counter, id))?.count));
    expect(counts).to.deep.equal([2, 2, 1, 60]);
    await until('the log is short again', async () => (await log()).length < 20);
    await newer.close();
    expect(await (await later()).open(Counter, 'a')).to.include({ count: 2 });
  });

  it('is served where the log alone says all of it, and is not written over there either', async () => {
    const lasting: Engine = {
      name: 'a log of which nothing is given up',
      async connect(request) {
        const inner = await cluster.engine.connect(request);
        const log: Log = {
          append: (...args) => inner.log.append(...args),
          read: (...args) => inner.log.read(...args),
          follow: (...args) => inner.log.follow(...args),
          identity: () => inner.log.identity(),
          trim: () => Promise.resolve(),
        };
        const { generation, snapshots, bus, messageBytesMax, link } = inner;
        const own = { generation, log, snapshots, bus, messageBytesMax, link };
        const { open, generations, close } = inner;
        return { ...own, open: open.bind(inner), generations: generations.bind(inner), close: close.bind(inner) };
      },
    };
    const newer = await cluster.connect({ engine: laterRelease(lasting) });
    for (const id of ['a', 'b', 'c']) await newer.create(Counter, { count: 1 }, { id });
    await until('it is stored', async () => isLater((await stored('a')) ?? new Uint8Array(2)));
    await newer.close();
    const before = await stored('a');
    const store = await cluster.connect();
    await store.update(Counter, 'a', (counter) => void counter.count++);
    for (let i = 0; i < 30; i++) await store.update(Counter, 'other', (counter) => void counter.count++, { create: {} });
    await until('its own snapshot is stored', async () => (await stored('other')) !== undefined);
    await pause(300);
    expect(await stored('a')).to.deep.equal(before);
    await store.close();
    expect((await (await later()).open(Counter, 'a'))?.count).to.equal(2);
  });

  it('that was damaged is quarantined as before', async () => {
    const newer = await later();
    await saved(newer, 'a');
    await newer.close();
    const { value, revision } = (await eye.snapshots.get(P0, snapshotKey(sessionId('a'))))!;
    const damaged = Uint8Array.from(value);
    damaged[9]! ^= 1;
    await eye.snapshots.put(P0, snapshotKey(sessionId('a')), damaged, revision);
    await refused((await cluster.connect()).open(Counter, 'a'), 'SESSION_QUARANTINED');
  });
});
