/** Clusters whose records, snapshots and messages are sealed: what shows, who is let in, how keys change, and what tampering does. */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { connect as connectClient } from 'nats';
import { SealedLog } from '../../src/engine/sealed/sealed-log.js';
import { Seals } from '../../src/engine/sealed/seals.js';
import type { EngineConnection } from '../../src/engine/port.js';
import { clusterStatus, reseal, subscribe } from '../../src/index.js';
import type { EncryptionOptions, ErrorCode } from '../../src/index.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { snapshotKey } from '../../src/node/stored-snapshots.js';
import { nodeId, partition, sequence, sessionId } from '../../src/shared/ids.js';
import { REAL_RUNTIME } from '../../src/store/real-runtime.js';
import { sealedUnder } from '../../src/wire/sealing.js';
import { refused } from './refused.js';
import { Bag, Counter, SESSIONS } from './sessions.js';
import { embeddedWorld, natsWorld, pause, TestCluster, until } from './world.js';
import type { World } from './world.js';

const K1 = { id: 'k1', key: randomBytes(32) };
const K2 = { id: 'k2', key: randomBytes(32).toString('base64') };
const P0 = partition(0);
const START = sequence(0);
/** In a value, and so nowhere else. */
const MARKER = 'marker-Zq7-in-a-value';
/** Every change becomes a stored snapshot soon. */
const TIMING = { checkpointRecords: 8, checkpointIdleMs: 150, snapshotMs: 20 };

describe('a sealed cluster, on the embedded engine', function () {
  this.timeout(60_000);
  const world = embeddedWorld();
  suite(() => world, true);
});

describe('a sealed cluster, on a real nats-server', function () {
  this.timeout(60_000);
  let world: World;
  before(async function () {
    this.timeout(300_000);
    world = await natsWorld();
  });
  suite(() => world, false);
  after(() => world.close());
});

/** @param all also what does not depend on the engine */
function suite(world: () => World, all: boolean): void {
  let cluster: TestCluster;
  let raw: EngineConnection | undefined;

  beforeEach(() => {
    cluster = new TestCluster(world(), { sessions: SESSIONS, partitions: 1, timing: TIMING, encryption: { keys: [K1] } });
  });
  afterEach(async () => {
    await cluster.close();
    await raw?.close();
    raw = undefined;
  });

  /** What stands in the engine, as whoever has it sees it. */
  async function stored(): Promise<EngineConnection> {
    const { clock, random } = REAL_RUNTIME;
    const request = {
      cluster: cluster.name,
      generation: 'newest',
      node: nodeId('eye~1'),
      clock,
      random,
      timeoutMs: 10_000,
    } as const;
    raw ??= await cluster.engine.connect(request);
    return raw;
  }

  async function allBytes(): Promise<Buffer> {
    const { log, snapshots } = await stored();
    let all: Uint8Array[] = [];
    // nobody may answer for a moment
    await until('log and snapshots answer', async () => {
      const read = await log.read(P0, START);
      const listed = await snapshots.list(P0);
      all = [...(read?.entries ?? []).map(({ record }) => record), ...(listed?.entries ?? []).map(({ value }) => value)];
      return read !== undefined && listed !== undefined;
    });
    return Buffer.concat(all);
  }

  async function saved(count: number): Promise<void> {
    const { snapshots } = await stored();
    await until('the snapshots are stored', async () => (await snapshots.list(P0))!.entries.length >= count);
  }

  it('shows no value in log and snapshots, which a plain cluster does', async () => {
    for (const encryption of [undefined, { keys: [K1] }]) {
      const each = new TestCluster(world(), { sessions: SESSIONS, partitions: 1, timing: TIMING });
      cluster = each;
      raw = undefined;
      const store = await each.connect({ encryption });
      const bag = await store.create(Bag, { value: MARKER }, { id: 'bag' });
      bag.other = `${MARKER} again`;
      await store.commit(bag);
      const inLog = (await allBytes()).includes(MARKER);
      await saved(1);
      const inAll = (await allBytes()).includes(MARKER);
      expect([inLog, inAll], encryption === undefined ? 'plain' : 'sealed').to.deep.equal(
        Array(2).fill(encryption === undefined),
      );
      if (encryption !== undefined) break;
      await each.close();
      await raw!.close();
    }
  });

  it('is taken over, and read cold, by others that have the key', async () => {
    const [first, second] = await cluster.connectMany(2);
    await cluster.backedUp(1);
    const counter = await first!.create(Counter, { count: 1 }, { id: 'c' });
    counter.count = 2;
    await first!.commit(counter);
    await first!.close();
    await second!.update(Counter, 'c', (session) => void session.count++);
    expect((await second!.open(Counter, 'c'))!.count).to.equal(3);
    await second!.close();
    const third = await cluster.connect({ nodeId: 'n3' });
    expect((await third.open(Counter, 'c'))!.count).to.equal(3);
  });

  it('changes its keys without a failed commit, and needs the old one until everything is sealed anew', async () => {
    const stages: EncryptionOptions[] = [{ keys: [K1] }, { keys: [K1, K2] }, { keys: [K2, K1] }];
    let store = await cluster.connect({ nodeId: 'a0' });
    for (let i = 0; i < 12; i++) await store.create(Counter, {}, { id: `c${i}` });
    await saved(5);
    const client = await cluster.connect({ role: 'client', encryption: { keys: [K1, K2] } });
    let commits = 0;
    let live = true;
    const load = (async () => {
      while (live) {
        await client.update(Counter, `c${commits % 3}`, (session) => void session.count++);
        commits++;
      }
    })();
    for (const [i, encryption] of stages.entries()) {
      const next = await cluster.connect({ nodeId: `a${i + 1}`, encryption });
      await store.drain();
      store = next;
      const at = commits;
      await until('commits go on', () => commits > at + 20);
    }
    live = false;
    await load;
    const early = await refused(cluster.connect({ nodeId: 'early', encryption: { keys: [K2] } }), 'KEY_UNKNOWN');
    expect(early.message).to.contain('"k1"');
    const { resealed, left } = await reseal({ engine: cluster.engine, cluster: cluster.name, encryption: { keys: [K2, K1] } });
    expect(left).to.equal(0);
    expect(resealed, 'sessions that nobody changed meanwhile').to.be.at.least(5);
    const { log, snapshots } = await stored();
    const under = [...(await log.read(P0, START))!.entries.map(({ record }) => sealedUnder(record))];
    under.push(...(await snapshots.list(P0))!.entries.map(({ value }) => sealedUnder(value)));
    expect([...new Set(under)]).to.deep.equal(['k2']);
    await client.close();
    await store.close();
    const last = await cluster.connect({ nodeId: 'late', encryption: { keys: [K2] } });
    let total = 0;
    for (let i = 0; i < 12; i++) total += (await last.open(Counter, `c${i}`))!.count;
    expect(total).to.equal(commits);
  });

  if (!all) return;

  const wrong: readonly (readonly [string, EncryptionOptions | undefined, ErrorCode, RegExp])[] = [
    ['another key', { keys: [K2] }, 'KEY_UNKNOWN', /the key "k1".*keys "k2"/],
    ['another key of the same id', { keys: [{ id: 'k1', key: K2.key }] }, 'KEY_UNKNOWN', /another key of that id/],
    ['no key', undefined, 'CLUSTER_MISMATCH', /are sealed/],
  ];
  for (const [what, encryption, code, says] of wrong) {
    it(`refuses a process with ${what}, which has changed nothing`, async () => {
      const store = await cluster.connect();
      await store.create(Counter, { count: 1 }, { id: 'c' });
      await store.close();
      const before = await allBytes();
      for (const role of ['node', 'client'] as const) {
        const error = await refused(cluster.connect({ encryption, role }), code);
        expect(error.message).to.match(says);
      }
      expect(before.equals(await allBytes())).to.equal(true);
      const again = await cluster.connect();
      expect((await again.open(Counter, 'c'))!.count).to.equal(1);
    });
  }

  it('is made of a plain one in three steps, while it runs', async () => {
    const plain = await cluster.connect({ nodeId: 'p', encryption: undefined });
    for (let i = 0; i < 5; i++) await plain.create(Counter, { count: i }, { id: `c${i}` });
    const hasty = await refused(cluster.connect({ nodeId: 'hasty' }), 'CLUSTER_MISMATCH');
    expect(hasty.message).to.contain("plain: 'write'");
    const writing = await cluster.connect({ nodeId: 'w', encryption: { keys: [K1], plain: 'write' } });
    await plain.drain();
    await writing.update(Counter, 'c1', (session) => void (session.count += 10));
    const accepting = await cluster.connect({ nodeId: 'a', encryption: { keys: [K1], plain: 'accept' } });
    await writing.drain();
    await accepting.update(Counter, 'c1', (session) => void (session.count += 10));
    const early = await refused(cluster.connect({ nodeId: 'early' }), 'CLUSTER_MISMATCH');
    expect(early.message).to.contain('reseal');
    expect((await reseal({ engine: cluster.engine, cluster: cluster.name, encryption: { keys: [K1] } })).left).to.equal(0);
    const sealed = await cluster.connect({ nodeId: 's' });
    await accepting.drain();
    expect((await sealed.open(Counter, 'c1'))!.count).to.equal(21);
    const { log, snapshots } = await stored();
    for (const { record } of (await log.read(P0, START))!.entries) expect(sealedUnder(record)).to.equal('k1');
    for (const { value } of (await snapshots.list(P0))!.entries) expect(sealedUnder(value)).to.equal('k1');
  });

  it('is not led, trimmed or written by a node that meets a record that was changed', async () => {
    const store = await cluster.connect();
    const counter = await store.create(Counter, { count: 1 }, { id: 'c' });
    counter.count = 2;
    await store.commit(counter);
    await store.close();
    const { log } = await stored();
    const { entries, last } = (await log.read(P0, START))!;
    const changed = new Uint8Array(entries.at(-1)!.record);
    changed[changed.byteLength - 20]! ^= 1;
    expect((await log.append(P0, last, changed)).outcome).to.equal('stored');
    const before = await allBytes();
    const error = await refused(cluster.connect({ nodeId: 'other' }), 'BYTES_CORRUPT');
    expect(error.message).to.contain('partition 0').and.contain('does not open');
    expect(before.equals(await allBytes())).to.equal(true);
  });

  it('is silent where a record does not open, and tells nothing of what is behind it', async () => {
    const { log } = await stored();
    const seals = new Seals(cluster.name, { keys: [K1], plain: 'refuse' }, REAL_RUNTIME.uniqueId);
    const told: string[] = [];
    const sealed = new SealedLog(log, 1, seals, REAL_RUNTIME.clock, (_, error, stops) => stops && told.push(error.code));
    const first = await sealed.append(P0, START, Buffer.from([0x54, 1]));
    if (first.outcome !== 'stored') throw new Error(first.outcome);
    const { entries } = (await log.read(P0, START))!;
    const changed = new Uint8Array(entries[0]!.record);
    changed[changed.byteLength - 1]! ^= 1;
    const second = await log.append(P0, first.sequence, changed);
    if (second.outcome !== 'stored') throw new Error(second.outcome);
    await sealed.append(P0, second.sequence, Buffer.from([0x54, 2]));
    expect(await sealed.read(P0, START)).to.equal(undefined);
    const heard: number[] = [];
    const following = sealed.follow(P0, START, ({ record }) => heard.push(record[1]!));
    await until('it met the record', () => told.length >= 2);
    await pause(50);
    following.stop();
    expect(heard).to.deep.equal([1]);
    expect(new Set(told)).to.deep.equal(new Set(['BYTES_CORRUPT']));
  });

  it('is not gone on from by a plain node that meets a sealed record', async () => {
    const store = await cluster.connect({ encryption: undefined });
    await store.create(Counter, { count: 1 }, { id: 'c' });
    const { log } = await stored();
    const sealed = new Seals(cluster.name, { keys: [K1], plain: 'refuse' }, REAL_RUNTIME.uniqueId);
    await until('somebody who has keys was quicker', async () => {
      const { last } = (await log.read(P0, START))!;
      const bytes = sealed.seal(sealed.record(1, P0), last, Buffer.from([0x54, 2, 1]));
      return (await log.append(P0, last, bytes)).outcome === 'stored';
    });
    const { last } = (await log.read(P0, START))!;
    await refused(
      store.update(Counter, 'c', (session) => void session.count++, { timeoutMs: 700 }),
      'UNAVAILABLE',
    );
    expect((await log.read(P0, START))!.last).to.equal(last);
  });

  it('goes over a copy of an older record, on the primary, on a backup, and after a cold start', async () => {
    const [first] = await cluster.connectMany(2, { timing: { ...TIMING, checkpointIdleMs: 600_000 } });
    await cluster.backedUp(1);
    const counter = await first!.create(Counter, { count: 1 }, { id: 'c' });
    counter.count = 2;
    await first!.commit(counter);
    const { log } = await stored();
    await until('the copy is in', async () => {
      const { entries, last } = (await log.read(P0, START))!;
      return (await log.append(P0, last, entries[0]!.record)).outcome === 'stored';
    });
    counter.count = 3;
    await first!.commit(counter);
    for (const store of cluster.stores) expect((await store.open(Counter, 'c'))!.count).to.equal(3);
    for (const store of cluster.stores) await store.close();
    const cold = await cluster.connect({ nodeId: 'cold' });
    expect((await cold.open(Counter, 'c'))!.count).to.equal(3);
  });

  /** Stores a session, lets it be saved, closes the store. */
  async function twoSaved(): Promise<void> {
    const store = await cluster.connect();
    await store.create(Counter, { count: 1 }, { id: 'ada' });
    await store.create(Counter, { count: 2 }, { id: 'bob' });
    await saved(2);
    // the log gives up what the snapshots hold
    const { log } = await stored();
    await until('the log is short', async () => (await log.read(P0, START))!.entries.length <= 2);
    await store.close();
  }

  for (const [what, from] of [
    ['changed', 'ada'],
    ["another session's", 'bob'],
  ] as const) {
    it(`quarantines the one session whose snapshot was ${what}`, async () => {
      await twoSaved();
      const { snapshots } = await stored();
      const ada = (await snapshots.get(P0, snapshotKey(sessionId('ada'))))!;
      const value = new Uint8Array((await snapshots.get(P0, snapshotKey(sessionId(from))))!.value);
      if (from === 'ada') value[value.byteLength - 1]! ^= 0x80;
      expect((await snapshots.put(P0, ada.key, value, ada.revision)).outcome).to.equal('stored');
      const told: string[] = [];
      const stop = subscribe('malformed', ({ cluster: of, error }) => of === cluster.name && told.push(String(error)));
      const store = await cluster.connect({ nodeId: 'later' });
      await refused(store.open(Counter, 'ada'), 'SESSION_QUARANTINED');
      expect((await store.open(Counter, 'bob'))!.count).to.equal(2);
      stop();
      expect(told.join()).to.contain('the snapshot "s:ada" of partition 0 does not open');
    });
  }

  it('neither serves nor writes over a snapshot that a later release has sealed, and does not call it damaged', async () => {
    await twoSaved();
    const { snapshots } = await stored();
    const { key, value, revision } = (await snapshots.get(P0, snapshotKey(sessionId('ada'))))!;
    const later = Uint8Array.from(value);
    later[1]! += 1;
    await snapshots.put(P0, key, later, revision);
    const told: string[] = [];
    const stop = subscribe('malformed', ({ cluster: of, error }) => of === cluster.name && told.push(String(error)));
    // it may meet the snapshot before it is connected, or soon after
    const store = await cluster.connect({ nodeId: 'older' }).catch((error: TwinstateError) => error);
    if (store instanceof TwinstateError) expect(store.code).to.equal('FORMAT_UNSUPPORTED');
    else {
      await refused(store.open(Counter, 'ada', { timeoutMs: 300 }), 'UNAVAILABLE');
      await refused(store.destroy(Counter, 'ada', { timeoutMs: 300 }), 'UNAVAILABLE');
    }
    await until('it is told', () => told.join().includes('sealed by another release'));
    stop();
    expect((await snapshots.get(P0, key))!.value).to.deep.equal(later);
  });

  it('never serves an older snapshot where the log knows of a later one', async () => {
    const store = await cluster.connect({ timing: { ...TIMING, checkpointRecords: 8 } });
    const counter = await store.create(Counter, { count: 1 }, { id: 'ada' });
    for (let i = 0; i < 3; i++) {
      counter.count += 10;
      await store.commit(counter);
    }
    await saved(1);
    const { snapshots } = await stored();
    const old = (await snapshots.get(P0, snapshotKey(sessionId('ada'))))!;
    for (let i = 2; i <= 12; i++) {
      counter.count = i;
      await store.commit(counter);
    }
    await until('it is saved anew', async () => (await snapshots.get(P0, old.key))!.revision > old.revision);
    await store.close();
    const now = (await snapshots.get(P0, old.key))!;
    expect((await snapshots.put(P0, old.key, old.value, now.revision)).outcome).to.equal('stored');
    // whoever comes reads a state that the log contradicts, and waits for the right one rather than serve it
    const later = cluster.connect({ nodeId: 'later' });
    const served = await Promise.race([later.then((opened) => opened.open(Counter, 'ada')), pause(1_500)]);
    if (served !== undefined) expect(served.count).to.equal(12);
    const put = (await snapshots.get(P0, old.key))!;
    await snapshots.put(P0, old.key, now.value, put.revision);
    expect((await (await later).open(Counter, 'ada'))!.count).to.equal(12);
  });

  it('tells its status to those who have the key only', async () => {
    const store = await cluster.connect();
    await store.create(Counter, {}, { id: 'c' });
    const asked = { engine: cluster.engine, cluster: cluster.name, listenMs: 600 };
    const known = await clusterStatus({ ...asked, encryption: { keys: [K1] } });
    expect(known.members.map(({ status }) => status?.replicas.length)).to.deep.equal([1]);
    expect((await clusterStatus(asked)).members).to.deep.equal([]);
  });

  it('writes no key into errors of its options', async () => {
    const key = randomBytes(31);
    for (const keys of [
      [{ id: 'a', key }],
      [{ id: 'a', key: key.toString('base64') }],
      [{ id: '', key }],
      [K1, K1],
      [],
      'x',
      [{ key }],
    ]) {
      const error = await refused(cluster.connect({ encryption: { keys } as unknown as EncryptionOptions }), 'OPTION_INVALID');
      for (const secret of [key.toString('base64'), key.toString('hex'), K1.key.toString('base64')])
        expect(error.message).not.to.contain(secret);
    }
  });
}

describe('a sealed cluster on the wire', function () {
  this.timeout(120_000);
  let world: World;
  before(async function () {
    this.timeout(300_000);
    world = await natsWorld();
  });
  after(() => world.close());

  it('shows no value, and uses no nonce twice over restarts, in anything that NATS carries', async () => {
    const ear = await connectClient({ servers: world.server!.url });
    const heard: Buffer[] = [];
    ear.subscribe('>', { callback: (_, { data }) => void heard.push(Buffer.from(data)) });
    await ear.flush();
    const run = async (
      encryption: EncryptionOptions | undefined,
      restarts: number,
    ): Promise<readonly [boolean, readonly Buffer[]]> => {
      heard.length = 0;
      const cluster = new TestCluster(world, { sessions: SESSIONS, partitions: 1, timing: TIMING, encryption });
      for (let restart = 0; restart < restarts; restart++) {
        const node = await cluster.connect({ nodeId: 'n' });
        const client = await cluster.connect({ role: 'client' });
        await client.update(Bag, 'bag', (bag) => void (bag.value = `${MARKER} ${restart}`), { create: {} });
        expect((await node.open(Bag, 'bag'))!.value).to.equal(`${MARKER} ${restart}`);
        await client.close();
        await node.close();
      }
      await cluster.close();
      await ear.flush();
      return [heard.some((each) => each.includes(MARKER)), [...heard]];
    };
    expect((await run(undefined, 1))[0]).to.equal(true);
    const [shows, all] = await run({ keys: [K1] }, 2);
    expect(shows).to.equal(false);
    // the same bytes may come twice: a record that is stored is delivered to those who follow
    const bodies = new Map<string, string>();
    const head = Buffer.from([0xe5, 1, 2, 0x6b, 0x31]);
    for (const each of all) {
      const at = each.indexOf(head);
      if (at === -1) continue;
      const nonceAt = at + head.byteLength + 8;
      let end = nonceAt + 16;
      while (each[end]! >= 0x80) end++;
      const nonce = each.subarray(nonceAt, end + 1).toString('hex');
      const body = each.subarray(at).toString('hex');
      expect(bodies.get(nonce) ?? body).to.equal(body);
      bodies.set(nonce, body);
    }
    expect(bodies.size).to.be.greaterThan(30);
    await ear.close();
  });
});
