/** Strangers who wait for changes in numbers: they cost a bounded memory, and nobody else anything. */
import { expect } from 'chai';
import { WAITERS_MAX } from '../../src/node/change-waiters.js';
import { encodeMessage } from '../../src/node/message.js';
import { decodeReply } from '../../src/node/reply.js';
import { nodeId, partition, sessionId } from '../../src/shared/ids.js';
import { LogEye } from '../store/log-eye.js';
import { Counter, SESSIONS } from '../store/sessions.js';
import { embeddedWorld, TestCluster } from '../store/world.js';

describe('strangers who wait for changes', function () {
  this.timeout(120_000);
  const cluster = new TestCluster(embeddedWorld(), { sessions: SESSIONS, partitions: 1, backups: 0 });
  after(() => cluster.close());

  it('are let go when more come than there is room for, and do not begin again by themselves', async () => {
    const [store] = await cluster.connectMany(1);
    await store!.create(Counter, {}, { id: 'victim' });
    const { machine } = cluster.node(store!).replicas[0]!;
    const state = machine.ledger.sessions.get(sessionId('victim'))!;
    const known = { version: state.version, incarnation: state.incarnation };
    const read = { session: state.id, consistency: 'primary', known, atLeast: undefined, use: false } as const;
    const message = encodeMessage({ kind: 'read', partition: partition(0), read, waitMs: 30_000 });
    const stranger = await LogEye.open(cluster, 1);
    const { bus } = stranger.connection;
    const to = nodeId(store!.nodeId);
    // a time so long that only one who was let go is answered in it
    const first = bus.request(to, message, 25_000);
    for (let i = 0; i < WAITERS_MAX; i++) bus.tell(to, message);
    const result = await first;
    expect(result.outcome === 'answered' && decodeReply(result.body)).to.deep.include({ kind: 'read' });
    // not of the victim's session, which would wake them all
    await store!.update(Counter, 'other', (counter) => void counter.count++, { create: {} });
    await stranger.close();
  });
});
