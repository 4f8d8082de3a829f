/** What the claims' tests share: a cluster on a real nats-server, and an eye on what travels to the backups. */
import { Replica } from '../../src/diff/index.js';
import type { Class } from '../../src/index.js';
import type { ConnectOptions, SessionStore } from '../../src/index.js';
import { LogEye } from '../store/log-eye.js';
import { natsWorld, TestCluster } from '../store/world.js';
import type { World } from '../store/world.js';

export interface ClaimGround {
  readonly world: World;
  readonly cluster: TestCluster;
  /** The log as an outsider sees it: every delta on its way to the backups. */
  readonly eye: LogEye;
  /** The node that holds the primary state of everything, and the one that holds the backup. */
  readonly primary: SessionStore;
  readonly backup: SessionStore;
  close(): Promise<void>;
}

/** One partition on two nodes, so that it is plain who holds the primary state and who the backup. */
export async function claimGround(options: Omit<ConnectOptions, 'engine' | 'cluster'>): Promise<ClaimGround> {
  const world: World = await natsWorld();
  const cluster = new TestCluster(world, { partitions: 1, backups: 1, ...options });
  await cluster.connectMany(2);
  await cluster.backedUp(1);
  const eye = await LogEye.open(cluster, 1);
  const primary = await cluster.leader();
  const backup = cluster.stores.find((store) => store !== primary)!;
  return {
    world,
    cluster,
    eye,
    primary,
    backup,
    close: async () => {
      await eye.close();
      await cluster.close();
      await world.close();
    },
  };
}

/** Rebuilds a session by nothing but what the log carried: the snapshot of its create, then delta after delta. */
export async function rebuilt<T extends object>(eye: LogEye, type: Class<T>, id: string): Promise<T> {
  const [create, ...rest] = await eye.entriesOf(id);
  const replica = Replica.restore(type, create!.payload);
  for (const { kind, payload } of rest) if (kind === 'commit') replica.apply(payload);
  return replica.instance;
}
