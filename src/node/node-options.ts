/** What a process's part in a cluster is made of. */
import type { BatchLimits } from '../replication/batch.js';
import type { EngineConnection } from '../engine/port.js';
import type { Bodies } from '../replication/session-state.js';
import type { Timing } from '../replication/timing.js';
import type { NodeId } from '../shared/ids.js';
import type { NodeEvent, Runtime } from './runtime.js';

export interface NodeOptions<B> {
  readonly self: NodeId;
  readonly role: 'node' | 'client';
  readonly partitions: number;
  /** The cluster's own state, which every later generation of the log is given. */
  readonly clusterState: { readonly key: string; readonly value: Uint8Array };
  /** How many backups each partition should have. */
  readonly backups: number;
  readonly takeover: 'fast' | 'strict';
  /** Bytes of sessions that it may keep in memory; `Infinity`: all. */
  readonly memoryBytesMax: number;
  /** Living sessions of the cluster; each partition takes its share. `Infinity`: any number. */
  readonly sessionsMax: number;
  readonly timing: Timing;
  readonly bodies: Bodies<B>;
  readonly runtime: Runtime;
  readonly connection: EngineConnection;
  readonly onEvent: (event: NodeEvent) => void;
}

/** Entries of one record, at most. */
const BATCH_ENTRIES_MAX = 4_096;
/** Part of a message that a batch may fill. */
const BATCH_SHARE = 0.75;

/** How much one record may hold. */
export function batchLimits<B>({ connection, sessionsMax, partitions }: NodeOptions<B>): BatchLimits {
  return {
    bytesMax: Math.floor(connection.messageBytesMax * BATCH_SHARE),
    entriesMax: BATCH_ENTRIES_MAX,
    sessionsMax: Math.ceil(sessionsMax / partitions),
  };
}
