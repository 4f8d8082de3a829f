/** What a replica's driver is given by its node, and tells it. */
import type { Effect } from '../replication/effect.js';
import type { Answer, Operation } from '../replication/operation.js';
import type { Recall } from '../replication/seed-choice.js';
import type { NodeId, Partition, SessionId } from '../shared/ids.js';
import type { Generations } from './generations.js';
import type { NodeEvent, Runtime } from './runtime.js';

/** What the node around it offers. */
export interface Surroundings {
  readonly runtime: Runtime;
  readonly generations: Generations;
  /** Tells the primary how far this replica is. */
  report(effect: Extract<Effect, { type: 'report' }>, partition: Partition): void;
  /** Asks a follower to lead from here on; resolves to whether it said yes, or to `undefined` where nobody knows. */
  invite(effect: Extract<Effect, { type: 'invite' }>, partition: Partition): Promise<boolean | undefined>;
  /** Tells every node what this replica remembers. */
  recall(partition: Partition, recall: Recall): void;
  /** Asks a node's primary to take over what it lacks; `undefined`: no answer. */
  offer(to: NodeId, partition: Partition, operation: Operation): Promise<Answer | undefined>;
  changed(partition: Partition, sessions: ReadonlySet<SessionId>): void;
  event(event: NodeEvent): void;
}
