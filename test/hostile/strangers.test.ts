/**
 * Strangers: bytes that no node wrote, on every subject that nodes listen to and in every place that they read. Each is refused
 * with a typed error or counted; nothing crashes, nothing is half applied, and everybody's commits go on.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { expect } from 'chai';
import { connect as connectClient, createInbox } from 'nats';
import type { NatsConnection } from 'nats';
import { Benchmark } from '../../src/diff/index.js';
import { Names } from '../../src/engine/nats/names.js';
import { encodeWhole } from '../../src/engine/nats/parts.js';
import { split } from '../../src/engine/nats/transfers.js';
import type { SessionStore } from '../../src/index.js';
import { BATCH_PARTS_MAX, encodeBatch, encodeMessage, decodeMessage } from '../../src/node/message.js';
import { decodeReply } from '../../src/node/reply.js';
import { snapshotKey } from '../../src/node/stored-snapshots.js';
import { nodeId, partition, sequence, sessionId, version } from '../../src/shared/ids.js';
import type { Sequence } from '../../src/shared/ids.js';
import { patterned } from '../../src/testing/engine-world.js';
import { seededRandom } from '../../src/testing/simulated-time.js';
import { LogEye } from '../store/log-eye.js';
import { refused } from '../store/refused.js';
import { Bag, Counter, SESSIONS } from '../store/sessions.js';
import { natsWorld, TestCluster, until } from '../store/world.js';
import type { World } from '../store/world.js';

const P0 = partition(0);
const TIMING = { checkpointRecords: 15, checkpointIdleMs: 200, snapshotMs: 30 };

describe('strangers', function () {
  this.timeout(120_000);
  let world: World;
  let stranger: NatsConnection;
  let cluster: TestCluster;
  let names: Names;
  let eye: LogEye;
  let stores: SessionStore[];
  const events: { readonly type: string; readonly where?: string; readonly notice?: { readonly kind: string } }[] = [];
  const record = (event: unknown): void => void events.push(event as never);
  const malformed = (where: string): number =>
    events.filter((event) => event.type === 'malformed' && event.where === where).length;
  const noticed = (kind: string): number => events.filter(({ notice }) => notice?.kind === kind).length;

  before(async function () {
    this.timeout(300_000);
    subscribe('twinstate:malformed', record);
    subscribe('twinstate:notice', record);
    world = await natsWorld();
    stranger = await connectClient({ servers: world.server!.url });
  });
  beforeEach(async () => {
    events.length = 0;
    cluster = new TestCluster(world, { sessions: SESSIONS, partitions: 1, backups: 1, timing: TIMING });
    names = new Names(cluster.name, 1);
    stores = await cluster.connectMany(2);
    eye = await LogEye.open(cluster, 1);
  });
  afterEach(async () => {
    await eye.close();
    await cluster.close();
  });
  after(async () => {
    unsubscribe('twinstate:malformed', record);
    unsubscribe('twinstate:notice', record);
    await stranger.close();
    await world.close();
  });

  /** Everybody can still write, and all replicas agree. */
  async function goesOn(id: string): Promise<void> {
    for (const store of stores) await store.update(Counter, id, (counter) => void counter.count++, { attempts: 100 });
    const counter = (await stores[0]!.open(Counter, id, { consistency: 'strong' }))!;
    const at = stores[0]!.versionOf(counter);
    for (const store of stores)
      expect(await store.open(Counter, id, { consistency: 'local', atLeast: at })).to.deep.equal(counter);
  }

  const incarnationOf = (store: SessionStore, id: string): Sequence =>
    cluster.node(store).replicas[0]!.machine.ledger.session(sessionId(id))!.incarnation;

  const made = async (): Promise<string> => stores[0]!.idOf(await stores[0]!.create(Counter));

  /** First bytes that mean something, then nonsense; and captured messages, cut short and made longer. */
  function garbage(real: readonly Uint8Array[]): Uint8Array[] {
    const random = seededRandom(7);
    const all: Uint8Array[] = [new Uint8Array(0), Buffer.from('{"json":true}'), patterned(3_000, 1)];
    for (let kind = 0; kind < 10; kind++) {
      for (let i = 0; i < 12; i++)
        all.push(Buffer.concat([Buffer.from([0x4d, 1, kind]), patterned(Math.floor(random() * 60), kind * 100 + i)]));
    }
    for (const bytes of real) {
      for (let i = 0; i < 10; i++) all.push(bytes.subarray(0, Math.floor(random() * bytes.byteLength)));
      all.push(Buffer.concat([bytes, Buffer.from([0])]));
    }
    return all.filter((bytes) => !isMessage(bytes));
  }

  function isMessage(bytes: Uint8Array): boolean {
    try {
      decodeMessage(bytes);
      return true;
    } catch {
      return false;
    }
  }

  it('on the subjects of the nodes: each request is counted and answered as malformed', async () => {
    const id = await made();
    const to = stores[0]!.nodeId;
    const real = [
      encodeMessage({
        kind: 'read',
        partition: P0,
        read: { session: sessionId(id), consistency: 'local', known: undefined, atLeast: undefined },
        waitMs: 0,
      }),
      encodeMessage({ kind: 'list', partition: P0, className: 'counter', after: '', limit: 5 }),
      encodeMessage({ kind: 'probe', terms: [{ partition: P0, epoch: 1 as never }] }),
    ];
    const bad = garbage(real);
    for (const bytes of bad) {
      const [framed] = split(bytes, '', 100_000);
      const inbox = createInbox();
      const answers = stranger.subscribe(inbox, { max: 1 });
      stranger.publish(names.node(nodeId(to)), framed, { reply: inbox });
      for await (const answer of answers) expect(decodeReply(answer.data.subarray(1)).kind).to.equal('malformed');
      // and once more without any framing
      stranger.publish(names.node(nodeId(to)), bytes, { reply: createInbox() });
    }
    expect(malformed('request')).to.be.at.least(bad.length);
    // a partition that does not exist
    const before = malformed('request');
    const [framed] = split(
      encodeMessage({ kind: 'list', partition: partition(4_000_000), className: 'counter', after: '', limit: 5 }),
      '',
      100_000,
    );
    stranger.publish(names.node(nodeId(to)), framed);
    await until('it is counted', () => malformed('request') > before);
    await goesOn(id);
  });

  it('as batches that are nested, cut short, empty, of an absurd count or of what no batch holds: refused whole', async () => {
    const id = await made();
    const read = encodeMessage({
      kind: 'read',
      partition: P0,
      read: { session: sessionId(id), consistency: 'local', known: undefined, atLeast: undefined },
      waitMs: 0,
    });
    const elsewhere = encodeMessage({
      kind: 'read',
      partition: partition(4_000_000),
      read: { session: sessionId(id), consistency: 'local', known: undefined, atLeast: undefined },
      waitMs: 0,
    });
    const create = encodeMessage({
      kind: 'operate',
      partition: P0,
      attempt: 0,
      operation: {
        kind: 'create',
        session: sessionId('smuggled'),
        op: { client: 'stranger', counter: 1 },
        base: undefined,
        className: 'counter',
        rebased: false,
        payload: Benchmark.of(new Counter()).snapshot(),
        backups: 0,
        waitMs: 0,
      },
    });
    const head = [0x4d, 1, 7];
    const whole = encodeBatch([create, read]);
    let nested = encodeBatch([create, read]);
    for (let depth = 0; depth < 2_000; depth++) nested = encodeBatch([create, nested]);
    const bad: Uint8Array[] = [
      Buffer.from([...head, 0]),
      Buffer.from([...head, 0xff, 0xff, 0xff, 0xff, 0x0f]),
      Buffer.concat([Buffer.from([...head, 0xff, 0xff, 0x03]), Buffer.alloc(70_000)]),
      encodeBatch(Array.from({ length: BATCH_PARTS_MAX + 1 }, () => create)),
      encodeBatch([create, encodeBatch([read])]),
      nested,
      encodeBatch([create, encodeMessage({ kind: 'list', partition: P0, className: 'counter', after: '', limit: 5 })]),
      encodeBatch([create, encodeMessage({ kind: 'probe', terms: [] })]),
      encodeBatch([create, elsewhere]),
      encodeBatch([create, new Uint8Array(0)]),
      encodeBatch([create, Buffer.concat([read, Buffer.from([0])])]),
      Buffer.concat([whole, Buffer.from([0])]),
      ...Array.from({ length: whole.byteLength - 4 }, (_, i) => whole.subarray(0, i + 4)),
    ];
    for (const store of stores) {
      for (const bytes of bad) {
        const [framed] = split(bytes, '', 500_000);
        const answer = await stranger.request(names.node(nodeId(store.nodeId)), framed, { timeout: 10_000 });
        expect(decodeReply(answer.data.subarray(1)).kind).to.equal('malformed');
      }
    }
    expect(malformed('request')).to.be.at.least(bad.length * 2);
    await goesOn(id);
    expect(await stores[0]!.open(Counter, 'smuggled', { consistency: 'strong' }), 'nothing of them was done').to.equal(undefined);
  });

  it('as a batch of readers that wait for a change: the others are answered, these are put off, and none is held for long', async () => {
    const id = await made();
    const leader = await cluster.leader();
    const waiting = (session: string, waitMs: number, known: number): Uint8Array =>
      encodeMessage({
        kind: 'read',
        partition: P0,
        read: {
          session: sessionId(session),
          consistency: 'local',
          known: { version: version(known), incarnation: incarnationOf(leader, id) },
          atLeast: undefined,
        },
        waitMs,
      });
    const parts = Array.from({ length: BATCH_PARTS_MAX }, (_, i) =>
      i % 2 === 0 ? waiting(id, Number.MAX_SAFE_INTEGER, 1) : waiting('nobody', Number.MAX_SAFE_INTEGER, 1),
    );
    const [framed] = split(encodeBatch(parts), '', 500_000);
    const answer = await stranger.request(names.node(nodeId(leader.nodeId)), framed, { timeout: 20_000 });
    const reply = decodeReply(answer.data.subarray(1));
    expect(reply.kind === 'batch' && reply.parts.slice(0, 4).map(({ kind }) => kind)).to.deep.equal([
      'pending',
      'read',
      'pending',
      'read',
    ]);
    await goesOn(id);
  });

  it('on the subject of presence: counted, and nobody is taken for a node', async () => {
    const id = await made();
    const heartbeat = encodeMessage({
      kind: 'heartbeat',
      heartbeat: { node: nodeId('x~1'), role: 'node', leaving: false, draining: false, count: 1, leads: [] },
    });
    const bad = garbage([heartbeat]);
    for (const bytes of bad) stranger.publish(names.presence, split(bytes, '', 100_000)[0]);
    for (const bytes of bad) stranger.publish(names.presence, bytes);
    await stranger.flush();
    await until('all are counted', () => malformed('announcement') >= bad.length * 2);
    for (const store of stores) expect(cluster.node(store).nodes).to.have.members(stores.map((each) => each.nodeId));
    await goesOn(id);
  });

  it('in the log: stepped over by every replica alike, also records with a wrong length or checksum', async () => {
    const id = await made();
    await goesOn(id);
    const { entries } = (await eye.connection.log.read(P0, sequence(0)))!;
    const real = entries.at(-1)!.record;
    const flipped = Buffer.from(real);
    flipped[20]! ^= 1;
    const wrongSum = Buffer.from(real);
    wrongSum[real.byteLength - 1]! ^= 0x80;
    const bad = [
      new Uint8Array(0),
      Buffer.from('nonsense'),
      patterned(2_000, 3),
      real.subarray(0, -5),
      Buffer.concat([real, Buffer.from([1])]),
      flipped,
      wrongSum,
    ];
    for (const bytes of bad) {
      await stranger.request(names.log(P0), encodeWhole(bytes), { timeout: 5_000 });
      await goesOn(id);
    }
    // not even framed, and the head of a large record whose parts are not there
    for (const bytes of [Buffer.from([9, 9, 9]), Buffer.from([1, 100, 1, 1])])
      await stranger.request(names.log(P0), bytes, { timeout: 5_000 });
    await goesOn(id);
    await until('every replica has seen each', () => noticed('foreign-record') >= (bad.length + 2) * stores.length);
    expect(noticed('gap')).to.equal(0);
    const late = await cluster.connect({ nodeId: 'late', backups: 2 });
    expect((await late.open(Counter, id, { consistency: 'local' }))!.count, 'one that joins reads it the same way').to.equal(18);
  });

  it('in the log as a copy of an old record: stepped over too, be it a commit, a LEAD or a CHECKPOINT', async () => {
    const id = await made();
    await goesOn(id);
    const copies = (await eye.connection.log.read(P0, sequence(0)))!.entries.slice(0, 4);
    expect(copies.length).to.be.greaterThan(2);
    for (const { record: copy } of copies) {
      const before = (await stores[0]!.open(Counter, id, { consistency: 'strong' }))!.count;
      await stranger.request(names.log(P0), encodeWhole(copy), { timeout: 5_000 });
      await goesOn(id);
      expect((await stores[1]!.open(Counter, id, { consistency: 'strong' }))!.count).to.equal(before + stores.length);
    }
  });

  it('in the parts of large records: nobody takes them for theirs', async () => {
    const id = await made();
    for (let i = 0; i < 20; i++) stranger.publish(names.logParts(P0), patterned(1_000, i));
    await stranger.flush();
    const bag = await stores[0]!.create(Bag, { value: 'x'.repeat(2_000_000) }, { id: 'large' });
    bag.value = 'y'.repeat(2_500_000);
    await stores[0]!.commit(bag);
    expect(((await stores[1]!.open(Bag, 'large'))!.value as string).length).to.equal(2_500_000);
    await goesOn(id);
  });

  it('in a stored snapshot: that session is quarantined, all others are served, and destroying it heals it', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => made()));
    for (const id of ids) await stores[0]!.update(Counter, id, (counter) => void (counter.count = 5));
    const [poisoned, ...healthy] = ids as [string, ...string[]];
    await until('what was changed is in snapshots and out of the log', async () => {
      await stores[0]!.touch(Counter, healthy[0]!);
      return (await eye.entriesOf(poisoned)).length === 0;
    });
    await Promise.all(stores.map((store) => store.close()));
    const { snapshots } = eye.connection;
    const stored = (await snapshots.get(P0, snapshotKey(sessionId(poisoned))))!;
    const value = Buffer.from(stored.value);
    value[value.byteLength - 10]! ^= 1;
    expect((await snapshots.put(P0, stored.key, value, stored.revision)).outcome).to.equal('stored');
    stores = await cluster.connectMany(2);
    const error = await refused(stores[0]!.open(Counter, poisoned), 'SESSION_QUARANTINED');
    expect(error.cure).to.include('destroy');
    await refused(
      stores[1]!.update(Counter, poisoned, () => 0),
      'SESSION_QUARANTINED',
    );
    for (const id of healthy) expect((await stores[1]!.open(Counter, id, { consistency: 'strong' }))!.count).to.equal(5);
    await goesOn(healthy[0]!);
    expect(noticed('quarantined')).to.be.at.least(1);
    expect(await stores[0]!.destroy(Counter, poisoned)).to.equal(true);
    await stores[1]!.create(Counter, { count: 6 }, { id: poisoned });
    expect((await stores[0]!.open(Counter, poisoned, { consistency: 'strong' }))!.count).to.equal(6);
  });

  it('as a delta that fits no state of its session: that session is quarantined, the partition goes on', async () => {
    const id = await made();
    const bag = await stores[0]!.create(Bag, { value: [] }, { id: 'poisoned' });
    const other = Object.assign(new Bag(), { value: Array.from({ length: 50 }, (_, i) => ({ i })) });
    const benchmark = Benchmark.of(other);
    (other.value as { i: number }[])[49]!.i = -1;
    const delta = benchmark.diff(other)!;
    const primary = await cluster.leader();
    const { incarnation } = cluster.node(primary).replicas[0]!.machine.ledger.session(sessionId('poisoned'))!;
    const operation = {
      kind: 'commit',
      session: sessionId('poisoned'),
      op: { client: 'stranger', counter: 1 },
      base: { version: version(1), incarnation },
      className: 'bag',
      rebased: false,
      payload: delta,
      backups: 0,
      waitMs: 0,
    } as const;
    const [framed] = split(encodeMessage({ kind: 'operate', partition: P0, operation, attempt: 0 }), '', 100_000);
    await stranger.request(names.node(nodeId(primary.nodeId)), framed, { timeout: 5_000 });
    await goesOn(id);
    for (const store of stores) {
      const read = await store.open(Bag, 'poisoned').then(
        () => 'served',
        (error: { code?: string }) => error.code,
      );
      expect(read).to.equal('SESSION_QUARANTINED');
    }
    expect(noticed('quarantined')).to.equal(1);
    bag.other = 'mine';
    await stores[0]!
      .commit(bag)
      .catch((error: { code?: string }) => expect(error.code).to.be.oneOf(['CONFLICT', 'SESSION_QUARANTINED']));
    await goesOn(id);
    await stores[1]!.destroy(Bag, 'poisoned');
    await stores[1]!.create(Bag, { value: 'healed' }, { id: 'poisoned' });
    expect((await stores[0]!.open(Bag, 'poisoned', { consistency: 'strong' }))!.value).to.equal('healed');
    await goesOn(id);
  });
});
