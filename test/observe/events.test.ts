/** What listeners are told, and that no value of an attribute is ever among it. */
import 'reflect-metadata';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { connect, Immutable, Mutable, Session, subscribe } from '../../src/index.js';
import type { EventKind, SessionStore, StoreEvent } from '../../src/index.js';
import { memoryEngine } from '../../src/engine/memory/memory-engine.js';
import { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import { nodeId } from '../../src/shared/ids.js';
import { Events } from '../../src/observe/events.js';
import { refused } from '../store/refused.js';
import { embeddedWorld, TestCluster, until } from '../store/world.js';

const SECRET = 'sesame-4711';
const VALUE = 'plain-0815';

@Session({ name: 'vault', ttl: '1s' })
class Vault {
  @Immutable({ sensitive: true }) owner = SECRET;
  @Mutable({ sensitive: true }) pin = SECRET;
  @Mutable() note = VALUE;
  @Mutable() byKey = new Map<string, string>([[VALUE, SECRET]]);
  @Mutable() words = new Set<string>([SECRET]);
  @Mutable() n = 0;
}

@Session({ name: 'door' })
class Door {
  @Mutable() note = VALUE;
  @Mutable() byKey: Record<string, string> = {};
}

const KINDS: readonly EventKind[] = [
  'promoted',
  'demoted',
  'role',
  'created',
  'destroyed',
  'expired',
  'commit',
  'failed',
  'conflict',
  'open',
  'update',
  'snapshot',
  'trim',
  'link',
  'notice',
  'malformed',
];

describe('events', function () {
  this.timeout(60_000);
  const heard: { readonly kind: EventKind; readonly event: StoreEvent<EventKind> }[] = [];
  const stops: (() => void)[] = [];
  const of = <K extends EventKind>(kind: K): StoreEvent<K>[] =>
    heard.filter((each) => each.kind === kind).map(({ event }) => event as unknown as StoreEvent<K>);
  let cluster: TestCluster;
  let world: MemoryCluster;

  before(async () => {
    for (const kind of KINDS) stops.push(subscribe(kind, (event) => heard.push({ kind, event })));
    world = new MemoryCluster();
    const timing = { checkpointRecords: 4, checkpointIdleMs: 200, snapshotMs: 20 };
    const engine = memoryEngine({ cluster: world });
    cluster = new TestCluster(
      { ...embeddedWorld(), engine: () => engine },
      { sessions: [Vault, Door], backups: 1, partitions: 1, timing },
    );
    await cluster.connectMany(2);
    await cluster.backedUp(1);
  });
  after(async () => {
    await cluster.close();
    for (const stop of stops) stop();
  });

  const idOf = (store: SessionStore): string => store.nodeId;

  it('tell of creates, commits, opens and destroys, with what an operator needs', async () => {
    const leader = await cluster.leader();
    const door = await leader.create(Door, {}, { id: 'door 1' });
    door.note = `${VALUE}!`;
    const { version, bytes } = await leader.commit(door);
    const other = cluster.stores.find((store) => store !== leader)!;
    await other.open(Door, 'door 1');
    expect(await other.open(Door, 'no door')).to.equal(undefined);
    await other.update(Door, 'door 1', (each) => void (each.byKey[SECRET] = VALUE));
    await other.destroy(Door, 'door 1');
    const where = { cluster: cluster.name, session: 'door 1', class: 'door' };
    expect(of('created').find(({ session }) => session === 'door 1')).to.include({ ...where, partition: 0, node: idOf(leader) });
    expect(of('commit')[0]).to.include({ ...where, version, bytes, merged: false, node: idOf(leader) });
    expect(of('commit')[0]!.ms).to.be.a('number');
    expect(of('open')[0]).to.include({ ...where, found: true, version: 2, node: idOf(other) });
    expect(of('open')[0]!.bytes).to.be.greaterThan(10);
    expect(of('open')[1]).to.include({ session: 'no door', found: false, bytes: 0 });
    expect(of('update')[0]).to.include({ ...where, attempts: 1 });
    expect(of('destroyed')).to.have.length(1);
    expect(of('destroyed')[0]).to.include({ ...where, version: 4, node: idOf(leader) });
  });

  it('name the partition that `partitionOf` tells of a session, there or not, and that `status` counts it in', async () => {
    const engine = memoryEngine();
    await using store = await connect({ sessions: [Door], engine, partitions: 8 });
    const ids = Array.from({ length: 24 }, (_, i) => `door ${100 + i}`);
    const told = ids.map((id) => store.partitionOf(id));
    expect(new Set(told).size).to.be.above(1);
    for (const id of ids) await store.create(Door, {}, { id });
    const created = of('created').filter(({ node }) => node === store.nodeId);
    expect(created.map(({ session, partition }) => [session, partition])).to.deep.equal(ids.map((id, i) => [id, told[i]]));
    for (const { partition, sessions } of store.status().replicas) {
      expect(sessions).to.equal(told.filter((each) => each === partition).length);
    }
    expect(() => store.partitionOf('')).to.throw(/OPTION_INVALID/);
  });

  it('tell of conflicts and of what failed', async () => {
    const [a, b] = cluster.stores as [SessionStore, SessionStore];
    await a.create(Door, {}, { id: 'door 2' });
    const one = (await a.open(Door, 'door 2'))!;
    const two = (await b.open(Door, 'door 2'))!;
    one.byKey[SECRET] = 'a';
    two.byKey[SECRET] = 'b';
    await a.commit(one);
    await refused(b.commit(two), 'CONFLICT', 'not-stored');
    expect(of('conflict')).to.have.length(1);
    expect(of('conflict')[0]).to.include({ session: 'door 2', base: 1, version: 2, slots: 1, node: b.nodeId });
    expect(of('failed').at(-1)).to.include({ operation: 'commit', code: 'CONFLICT', outcome: 'not-stored' });
  });

  it('tell of sessions that expire, and why', async () => {
    await cluster.stores[0]!.create(Vault, {}, { id: 'vault 1' });
    await until('it expires', () => of('expired').length > 0);
    expect(of('expired')[0]).to.include({ session: 'vault 1', class: 'vault', reason: 'idle', version: 2, partition: 0 });
    expect(of('destroyed').some(({ session }) => session === 'vault 1')).to.equal(false);
  });

  it('tell of snapshots and trims', async () => {
    await until('the log is cut', () => of('trim').length > 0);
    expect(of('snapshot').find(({ stored }) => stored)).to.include({ partition: 0, stored: true });
    expect(of('snapshot')[0]!.bytes).to.be.greaterThan(0);
  });

  it('tell of the connection, and of a takeover with its duration', async () => {
    const leader = await cluster.leader();
    const before = of('promoted').length;
    world.cut(nodeId(leader.nodeId));
    await until('the other one leads', () => of('promoted').length > before);
    expect(of('promoted').at(-1)!.node).not.to.equal(leader.nodeId);
    expect(of('promoted').at(-1)!.ms).to.be.greaterThan(0);
    world.mend(nodeId(leader.nodeId));
    await until('it has heard of it', () => of('demoted').length > 0);
    expect(of('demoted')[0]).to.include({ node: leader.nodeId, partition: 0, leader: of('promoted').at(-1)!.node });
    const links = (): boolean[] => of('link').flatMap(({ node, up }) => (node === leader.nodeId ? [up] : []));
    await until('its connection is told to stand again', () => links().length >= 2);
    expect(links().slice(0, 2)).to.deep.equal([false, true]);
  });

  it('never hold a value, sensitive or not', async () => {
    const [a, b] = cluster.stores as [SessionStore, SessionStore];
    const vault = await a.create(Vault, {}, { id: 'vault 2' });
    vault.pin = `${SECRET}-2`;
    vault.note = `${VALUE}-2`;
    vault.byKey.set(`${VALUE}-key`, SECRET);
    vault.words.add(VALUE);
    await a.commit(vault);
    await b.open(Vault, 'vault 2');
    await refused(
      a.create(Vault, { n: SECRET as never, pin: (() => SECRET) as never }, { id: 'vault 3' }),
      'VALUE_UNSUPPORTED',
      'not-stored',
    );
    expect(heard.length).to.be.greaterThan(30);
    for (const { kind, event } of heard) {
      const told = inspect(event, { depth: 20, showHidden: true, maxStringLength: null });
      expect(told, kind).not.to.contain(SECRET).and.not.to.contain(VALUE);
    }
  });

  it('are not even made while nobody listens', () => {
    const events = new Events({ cluster: 'c', node: 'n' });
    const kind = 'malformed';
    let made = 0;
    const tell = (): void => events.tell(kind, () => ({ where: `${++made}`, error: undefined }));
    for (const stop of stops.splice(0)) stop();
    tell();
    expect([made, events.heard(kind)]).to.deep.equal([0, false]);
    const stop = subscribe(kind, ({ cluster: name, where }) => expect([name, where]).to.deep.equal(['c', '1']));
    tell();
    stop();
    tell();
    expect(made).to.equal(1);
  });
});
