/** What a node is given from outside: time, chance and identity; the store hands in the real ones, a simulated world its own. */
import type { Clock, Random } from '../shared/clock.js';
import type { Epoch, NodeId, Partition, Sequence, SessionId } from '../shared/ids.js';
import type { Notice, Role } from '../replication/effect.js';
import type { Entry } from '../replication/record.js';

export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  /** A token of at least 128 bits of randomness, of letters and digits only. */
  readonly uniqueId: () => string;
}

/** What an operator may want to know of; nothing depends on it. */
export type NodeEvent =
  | {
      readonly type: 'role';
      readonly partition: Partition;
      readonly role: Role;
      readonly epoch: Epoch;
      readonly leader: NodeId | undefined;
      readonly reason: string;
      /** It led until now. */
      readonly led: boolean;
      /** Since the primary before it was suspected here, in milliseconds; only where it leads now. */
      readonly ms: number | undefined;
    }
  /** The primary here has stored these. */
  | {
      readonly type: 'stored';
      readonly partition: Partition;
      readonly entries: readonly Entry[];
      readonly classOf: (session: SessionId) => string;
    }
  | {
      readonly type: 'snapshot';
      readonly partition: Partition;
      readonly session: SessionId;
      readonly bytes: number;
      readonly stored: boolean;
    }
  /** Sessions that left memory, and that came back, since this was told last. */
  | { readonly type: 'passivation'; readonly partition: Partition; readonly left: number; readonly came: number }
  | { readonly type: 'trim'; readonly partition: Partition; readonly upTo: Sequence }
  /** The connection to the engine. */
  | { readonly type: 'link'; readonly up: boolean }
  | { readonly type: 'notice'; readonly partition: Partition; readonly notice: Notice }
  /** Bytes arrived that nobody of this cluster wrote. */
  | {
      readonly type: 'malformed';
      readonly where: 'request' | 'announcement' | 'reply' | 'snapshot' | 'record';
      readonly error: unknown;
    };
