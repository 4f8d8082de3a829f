/**
 * A process of the cold start benchmark: makes all sessions and stops, or starts again and says how far it is by its own clock.
 *
 * Invariant: times count from before `connect`, in a process that has done nothing before.
 */
import { natsEngine } from '../../../src/engine/nats/index.js';
import type { ClusterNode } from '../../../src/node/cluster-node.js';
import type { AtRest } from '../../../src/session/at-rest.js';
import { connectWith } from '../../../src/store/connect.js';
import { REAL_RUNTIME } from '../../../src/store/real-runtime.js';
import { idOf, Line, lineOf } from './line.js';

export interface ColdTask {
  readonly does: 'fill' | 'start';
  readonly name: string;
  readonly servers: string;
  readonly sessions: number;
  readonly partitions: number;
  readonly backups: number;
  /** Which session is served first. */
  readonly first: number;
}

export interface ColdResult {
  readonly connectedMs: number;
  readonly openedMs: number;
  readonly committedMs: number;
  readonly loadedWhenCommitted: number;
  /** Everything that this process should hold is in memory. */
  readonly warmMs: number;
  readonly held: number;
  readonly residentBytes: number;
}

const CREATED_AT_ONCE = 1_024;
const task = JSON.parse(process.argv[2]!) as ColdTask;
const { sessions, partitions, backups, servers, name } = task;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
process.once('disconnect', () => process.exit(1));

function say(message: ColdResult | 'filled'): Promise<void> {
  return new Promise((resolve) => process.send!(message, () => resolve()));
}

const startedMs = performance.now();
let node!: ClusterNode<AtRest>;
const store = await connectWith(
  {
    sessions: [Line],
    engine: natsEngine({ servers }),
    cluster: 'cold',
    nodeId: name,
    partitions,
    backups,
    ...(task.does === 'fill' && { timing: { checkpointIdleMs: 200, snapshotsAtOnce: 64 } }),
  },
  REAL_RUNTIME,
  (made) => (node = made),
);
const sinceMs = (): number => performance.now() - startedMs;
const connectedMs = sinceMs();
const loaded = (): number => node.replicas.reduce((sum, { machine }) => sum + machine.ledger.sessions.size, 0);

if (task.does === 'fill') {
  for (let first = 0; first < sessions; first += CREATED_AT_ONCE) {
    const some = Array.from({ length: Math.min(CREATED_AT_ONCE, sessions - first) }, (_, i) => first + i);
    await Promise.all(some.map((i) => store.create(Line, lineOf(i), { id: idOf(i), timeoutMs: 120_000 })));
  }
  // what a cluster leaves behind that rested before it stopped: stored snapshots, and a checkpoint
  while (node.replicas.some(({ machine }) => machine.ledger.unsaved.size > 0 || machine.upkeep.tail.records > 4)) await pause(50);
  await store.close();
  await say('filled');
} else {
  const id = idOf(task.first);
  const line = (await store.open(Line, id, { consistency: 'strong', timeoutMs: 60_000 }))!;
  const openedMs = sinceMs();
  line.visits++;
  await store.commit(line, { timeoutMs: 60_000 });
  const committedMs = sinceMs();
  const loadedWhenCommitted = loaded();
  const isWarm = (): boolean =>
    node.replicas.length > 0 &&
    node.replicas.every(({ machine: { role, ledger } }) => (role === 'leading' || role === 'following') && !ledger.loading);
  while (!isWarm()) await pause(5);
  const warmMs = sinceMs();
  const { rss: residentBytes } = process.memoryUsage();
  await say({ connectedMs, openedMs, committedMs, loadedWhenCommitted, warmMs, held: loaded(), residentBytes });
  // a backup is needed until all others are warm, too
  await new Promise((resolve) => process.once('message', resolve));
  await store.close();
}
process.disconnect();
