/** The log itself is lost under three nodes, on a real server: they go on from what they remember, and nothing acknowledged is missing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { natsEngine } from '../../src/engine/nats/index.js';
import { Names } from '../../src/engine/nats/names.js';
import type { SessionStore } from '../../src/store/session-store.js';
import { deleteStream, purgeStream } from '../engine/streams.js';
import { startNatsServer, type NatsServer } from '../nats-server.js';
import { Counter, SESSIONS } from '../store/sessions.js';
import { TestCluster, until } from '../store/world.js';

const TIMING = { lostMs: 1_000, seedWaitMs: 500 };
const PARTITIONS = 2;
const IDS = Array.from({ length: 8 }, (_, i) => `counter-${i}`);

describe('three nodes whose log is lost', function () {
  this.timeout(120_000);
  let server: NatsServer;
  let cluster: TestCluster;
  let storeDir: string;

  beforeEach(async () => {
    storeDir = mkdtempSync(join(tmpdir(), 'twinstate-lost-'));
    server = await startNatsServer({ storeDir });
    const engine = (): ReturnType<typeof natsEngine> => natsEngine({ servers: server.url, requestTimeoutMs: 500 });
    cluster = new TestCluster({ engine }, { sessions: SESSIONS, partitions: PARTITIONS, backups: 2, timing: TIMING });
  });

  afterEach(async () => {
    await cluster.close();
    await server.stop();
    rmSync(storeDir, { recursive: true, force: true });
  });

  const count = async (store: SessionStore, id: string): Promise<number | undefined> =>
    (await store.open(Counter, id, { consistency: 'strong', timeoutMs: 20_000 }))?.count;
  /** Goes on where an answer was lost with the log; a count that is one too high is the caller's to allow for. */
  const add = async (store: SessionStore, id: string): Promise<void> => {
    await until('a commit gets through', () =>
      store
        .update(Counter, id, (counter) => void counter.count++, { timeoutMs: 5_000 })
        .then(
          () => true,
          () => false,
        ),
    );
  };
  const generationOf = (store: SessionStore): (number | undefined)[] =>
    cluster.node(store).replicas.map(({ machine }) => machine.recovery.generation);

  async function filled(): Promise<SessionStore[]> {
    const stores = await cluster.connectMany(3);
    await cluster.backedUp(2);
    await Promise.all(
      IDS.map(async (id) => {
        await stores[0]!.create(Counter, {}, { id });
        for (let i = 0; i < 3; i++)
          await stores[1]!.update(Counter, id, (counter) => void counter.count++, { ack: { backups: 1 } });
      }),
    );
    return stores;
  }

  const losses: readonly (readonly [string, () => Promise<void>])[] = [
    ['whose stream was deleted', () => deleteStream(server.url, new Names(cluster.name, 1).logStream)],
    ['whose stream was purged', () => purgeStream(server.url, new Names(cluster.name, 1).logStream)],
    [
      'whose server comes back without its files',
      async () => {
        await server.kill();
        rmSync(storeDir, { recursive: true, force: true });
        await server.start();
      },
    ],
  ];
  for (const [title, lose] of losses) {
    it(`${title} go on in the next generation with every session`, async () => {
      const stores = await filled();
      await lose();
      await until('all replicas stand in the second generation', () =>
        stores.every((store) => generationOf(store).every((generation) => generation === 2)),
      );
      for (const id of IDS) expect(await count(stores[2]!, id), id).to.equal(3);
      const before = cluster.stores.length;
      const late = await cluster.connect({ nodeId: 'late' });
      expect(cluster.stores.length).to.equal(before + 1);
      for (const id of IDS) {
        await add(late, id);
        expect(await count(stores[0]!, id), id).to.be.within(4, 5);
      }
    });
  }

  it('and whose primaries die with it: what had been held by a backup is there', async () => {
    const stores = await filled();
    const leader = await cluster.leader(0);
    await server.kill();
    rmSync(storeDir, { recursive: true, force: true });
    await leader.close();
    await server.start();
    const rest = stores.filter((store) => store !== leader);
    for (const id of IDS) expect(await count(rest[0]!, id), id).to.equal(3);
    expect(generationOf(rest[0]!)).to.deep.equal([2, 2]);
  });

  it('a cluster that starts from snapshots alone, after its log was deleted while nobody ran, has what was in them', async () => {
    const [store] = await cluster.connectMany(1, { timing: { ...TIMING, checkpointIdleMs: 50 } });
    for (const id of IDS) await store!.create(Counter, { count: 7 }, { id });
    await until('all are stored', () => cluster.node(store!).replicas.every(({ machine }) => machine.ledger.unsaved.size === 0));
    await store!.close();
    await deleteStream(server.url, new Names(cluster.name, 1).logStream);
    const again = await cluster.connect({ nodeId: 'again' });
    for (const id of IDS) expect(await count(again, id), id).to.equal(7);
    expect(generationOf(again)).to.deep.equal([2, 2]);
  });
});
