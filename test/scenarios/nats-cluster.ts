/**
 * `npm run scenario:nats-cluster`: a log on three NATS servers, of which one is lost. It needs a server that can replicate, newer than
 * what some machines have, and some seconds for every election; so it is no part of `npm test`.
 */
import { expect } from 'chai';
import { connect as connectNats } from 'nats';
import { startNatsCluster } from '../nats-server.js';
import type { NatsServer } from '../nats-server.js';
import { pause } from '../store/world.js';
import { LoadedCluster } from './loaded-cluster.js';

/** Longer than any election of a stream's leader, 4 to 9 s. */
const ELECTION_MS_MAX = 20_000;

describe('a cluster whose log lies on three NATS servers', function () {
  this.timeout(240_000);
  let servers: NatsServer[] = [];
  let cluster: LoadedCluster | undefined;

  before(async () => {
    servers = await startNatsCluster(3);
    // until they have elected the one that places streams
    await pause(5_000);
  });
  afterEach(async () => {
    await cluster?.end();
    cluster = undefined;
  });
  after(() => Promise.all(servers.map((server) => server.stop())));

  const start = async (): Promise<LoadedCluster> => {
    const around = { servers: servers.map(({ url }) => url), replicas: 3, partitions: 4, backups: 1, sessions: 8 };
    return (cluster = await LoadedCluster.start(['a', 'b', 'c'], around));
  };

  /** The server that leads the log of the cluster at this moment. */
  async function leaderOf(name: string): Promise<NatsServer> {
    const connection = await connectNats({ servers: servers.map(({ url }) => url) });
    try {
      const manager = await connection.jetstreamManager();
      for await (const { config, cluster: of } of manager.streams.list())
        if (config.name.includes(name) && !config.name.startsWith('KV_')) return servers[Number(of!.leader!.slice(1)) - 1]!;
      throw new Error(`no stream of ${name} was found`);
    } finally {
      await connection.close();
    }
  }

  async function claims(of: LoadedCluster): Promise<number> {
    const all = await Promise.all([...of.nodes.values()].map((node) => node.tell<{ roles: string[] }>({ do: 'roles' })));
    return all.flatMap(({ roles }) => roles).filter((role) => role.includes(' leading: its LEAD')).length;
  }

  for (const [title, end] of [
    ['is killed', 'kill'],
    ['is shut down', 'shutdown'],
  ] as const) {
    it(`lets commits wait and then succeed when the server that leads the log ${title}`, async () => {
      const loaded = await start();
      await loaded.settled();
      const before = await claims(loaded);
      const leader = await leaderOf(loaded.name);
      await leader[end]();
      await loaded.more(ELECTION_MS_MAX);
      await leader.start();
      await loaded.more(ELECTION_MS_MAX);
      await loaded.judge(true);
      expect(await claims(loaded), 'nobody died, so nobody takes over').to.equal(before);
    });
  }
});
