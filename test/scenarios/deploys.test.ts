/** What a cluster goes through while it works: all its nodes are deployed anew, it grows, shrinks, and loses nodes at any moment. */
import { startNatsServer } from '../nats-server.js';
import type { NatsServer } from '../nats-server.js';
import { seededRandom } from '../../src/testing/simulated-time.js';
import { pause } from '../store/world.js';
import { LoadedCluster } from './loaded-cluster.js';

const KILLS = 4;

describe('a cluster whose nodes come and go under load', function () {
  this.timeout(180_000);
  let server: NatsServer;
  let cluster: LoadedCluster | undefined;

  before(async function () {
    this.timeout(300_000);
    server = await startNatsServer();
  });
  after(() => server?.stop());
  afterEach(async () => {
    await cluster?.end();
    cluster = undefined;
  });

  const start = async (...names: string[]): Promise<LoadedCluster> =>
    (cluster = await LoadedCluster.start(names, { servers: [server.url], partitions: 8, backups: 1, sessions: 8 }));

  it('fails no write while all nodes are restarted, one after the other', async () => {
    const rolling = await start('a', 'b', 'c');
    for (const name of ['a', 'b', 'c']) {
      await rolling.drainNode(name);
      await rolling.startNode(name);
    }
    await rolling.more();
    await rolling.judge(true);
  });

  it('fails no write while it doubles and is halved again, and everybody takes a share', async () => {
    const growing = await start('a', 'b');
    await Promise.all(['c', 'd'].map((name) => growing.startNode(name)));
    await growing.settled();
    await growing.more();
    await Promise.all(['a', 'c'].map((name) => growing.drainNode(name)));
    await growing.settled();
    await growing.judge(true);
  });

  it('loses nothing when nodes are killed at any moment', async () => {
    const seed = Math.floor(Math.random() * 1e9);
    const random = seededRandom(seed);
    const killed = await start('a', 'b', 'c');
    try {
      for (let i = 0; i < KILLS; i++) {
        const name = [...killed.nodes.keys()][Math.floor(random() * killed.nodes.size)]!;
        await killed.killNode(name);
        await pause(random() * 600);
        // sometimes before anybody has missed it
        await killed.startNode(name);
        await pause(random() * 1_000);
      }
      await killed.more();
      await killed.judge(false);
    } catch (error) {
      throw new Error(`with the seed ${seed}`, { cause: error });
    }
  });
});
