/** Well-formed news that is not true: it may disturb for a moment, and is forgotten once nobody repeats it. */
import { expect } from 'chai';
import type { SessionStore } from '../../src/index.js';
import { encodeMessage, NAME_CHARS_MAX } from '../../src/node/message.js';
import type { Message } from '../../src/node/message.js';
import type { Heartbeat } from '../../src/replication/membership.js';
import { epoch, nodeId, partition } from '../../src/shared/ids.js';
import { LogEye } from '../store/log-eye.js';
import { refused } from '../store/refused.js';
import { Counter, SESSIONS } from '../store/sessions.js';
import { natsWorld, pause, TestCluster, until, type World } from '../store/world.js';

const P0 = partition(0);
const TIMING = { absentMs: 300, heartbeatMs: 40, reportMs: 40, calmMs: 100 };

describe('a rumour', function () {
  this.timeout(60_000);
  let world: World;
  let cluster: TestCluster;
  let stores: readonly SessionStore[];
  let stranger: LogEye;

  before(async function () {
    this.timeout(300_000);
    world = await natsWorld();
  });
  after(() => world?.close());
  beforeEach(async () => {
    cluster = new TestCluster(world, { sessions: SESSIONS, partitions: 1, backups: 1, timing: TIMING });
    stores = await cluster.connectMany(2);
    await cluster.backedUp(1);
    stranger = await LogEye.open(cluster, 1);
  });
  afterEach(async () => {
    await stranger.close();
    await cluster.close();
  });

  const say = (message: Message): void => stranger.connection.bus.announce(encodeMessage(message));
  const heartbeat = (heard: Partial<Heartbeat> & Pick<Heartbeat, 'node'>): void =>
    say({ kind: 'heartbeat', heartbeat: { role: 'node', leaving: false, draining: false, count: 1, leads: [], ...heard } });
  const known = (store: SessionStore): readonly string[] => cluster.node(store).nodes;
  const ids = (): string[] => stores.map((store) => store.nodeId);

  async function healed(): Promise<void> {
    await until('both know each other and nobody else', () =>
      stores.every((store) => known(store).toSorted().join() === ids().toSorted().join()),
    );
    await until('one leads, the other follows', () => {
      const roles = stores.flatMap((store) => cluster.node(store).replicas.map(({ machine }) => machine.role));
      return roles.toSorted().join() === 'following,leading';
    });
    for (const store of stores) await store.update(Counter, 'c', (counter) => void counter.count++, { create: {}, attempts: 50 });
  }

  it('that a living node leaves, or was replaced, is forgotten', async () => {
    for (const node of ids().map(nodeId)) {
      heartbeat({ node, leaving: true, count: Number.MAX_SAFE_INTEGER });
      await healed();
      heartbeat({ node: nodeId(`${node.slice(0, node.indexOf('~'))}~stranger`), count: 5 });
      await healed();
    }
  });

  it('of a primary in an absurd term misleads nobody for long', async () => {
    const client = await cluster.connect({ nodeId: 'client', role: 'client' });
    await client.update(Counter, 'c', (counter) => void counter.count++, { create: {} });
    heartbeat({ node: nodeId('nobody~1'), leads: [{ partition: P0, epoch: epoch(Number.MAX_SAFE_INTEGER) }] });
    await pause(TIMING.absentMs * 2);
    expect(ids()).to.include(cluster.node(client).leaderOf(P0));
    await client.update(Counter, 'c', (counter) => void counter.count++);
    await healed();
  });

  it('of thousands of nodes is bounded, and forgotten', async () => {
    let most = 0;
    for (let i = 0; i < 1_251; i++) {
      heartbeat({ node: nodeId(`made up ${i}~1`) });
      if (i % 250 !== 0) continue;
      await pause(1);
      most = Math.max(most, ...stores.map((store) => cluster.node(store).status().members.length));
    }
    expect(most, 'some were heard').to.be.within(3, 1_100);
    await healed();
  });

  it('in a name without an end is refused', async () => {
    heartbeat({ node: nodeId('x'.repeat(NAME_CHARS_MAX + 1)) });
    await pause(100);
    for (const store of stores) expect(cluster.node(store).status().members.length).to.equal(2);
  });

  it('of a later generation makes none, and moves nobody there', async () => {
    for (const state of ['here', 'seeding'] as const) {
      for (const generation of [2, 7, 1_000_000]) {
        const recall = {
          node: nodeId('x~1'),
          state,
          generation,
          epoch: epoch(9_999_999),
          position: 9_999_999 as never,
          identity: '',
        };
        say({ kind: 'recall', partition: P0, recall });
        await pause(150);
      }
    }
    await healed();
    expect(await stranger.connection.generations()).to.deep.equal([1]);
  });

  it('of a backup that nobody has heard of counts for nothing', async () => {
    const leader = await cluster.leader();
    const term = { partition: P0, epoch: cluster.node(leader).replicas[0]!.machine.epoch };
    const report = encodeMessage({ kind: 'report', term, from: nodeId('x~1'), position: Number.MAX_SAFE_INTEGER as never });
    for (let i = 0; i < 20; i++) {
      stranger.connection.bus.tell(nodeId(leader.nodeId), report);
      await pause(10);
    }
    await refused(leader.create(Counter, {}, { ack: { backups: 2 } }), 'NOT_ENOUGH_BACKUPS', 'not-stored');
    await leader.create(Counter, {}, { ack: { backups: 1 } });
  });
});
