/** A node of the failover benchmark in a process of its own. It ends when whoever started it does. */
import { subscribe } from 'node:diagnostics_channel';
import { natsEngine } from '../../../src/engine/nats/index.js';
import type { ClusterNode } from '../../../src/node/cluster-node.js';
import type { AtRest } from '../../../src/session/at-rest.js';
import { connectWith } from '../../../src/store/connect.js';
import { REAL_RUNTIME } from '../../../src/store/real-runtime.js';
import { BACKUPS, CLUSTER, Counter, PARTITIONS } from './counter.js';

/** What a node holds, told when it is asked. */
export interface Held {
  readonly leads: readonly number[];
  readonly follows: readonly number[];
}

export type ToNode = 'held' | 'drain';
export type FromNode =
  | { readonly type: 'ready' }
  /** It leads a partition from this moment on, in milliseconds since 1970. */
  | { readonly type: 'leads'; readonly partition: number; readonly atMs: number }
  /** What an operator would be told. */
  | { readonly type: 'notice'; readonly kind: string; readonly why: string }
  | { readonly type: 'held'; readonly held: Held }
  | { readonly type: 'drained' };

const [name, servers] = process.argv.slice(2) as [string, string];
process.once('disconnect', () => process.exit(1));

subscribe('twinstate:role', (event) => {
  const { partition, role } = event as { readonly partition: number; readonly role: string };
  if (role === 'leading') tell({ type: 'leads', partition, atMs: performance.timeOrigin + performance.now() });
});

subscribe('twinstate:notice', (event) => {
  const { notice } = event as { readonly notice: { readonly kind: string; readonly why?: string } };
  tell({ type: 'notice', kind: notice.kind, why: notice.why ?? '' });
});

let node!: ClusterNode<AtRest>;
const store = await connectWith(
  {
    sessions: [Counter],
    engine: natsEngine({ servers }),
    cluster: CLUSTER,
    nodeId: name,
    partitions: PARTITIONS,
    backups: BACKUPS,
  },
  REAL_RUNTIME,
  (made) => (node = made),
);

function tell(message: FromNode): void {
  // whoever started it may be gone
  if (process.connected) process.send!(message);
}

function held(): Held {
  const of = (role: string): number[] =>
    node.replicas.filter(({ machine }) => machine.role === role).map(({ partition }) => partition);
  return { leads: of('leading'), follows: of('following') };
}

process.on('message', (message: ToNode) => {
  if (message === 'held') return tell({ type: 'held', held: held() });
  void store.drain().then(() => {
    tell({ type: 'drained' });
    process.disconnect();
  });
});
tell({ type: 'ready' });
