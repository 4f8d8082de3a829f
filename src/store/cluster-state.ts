/**
 * What a cluster is, as its first process wrote it: the number of partitions.
 *
 * Invariant: it is written once, by compare-and-set, and never changed; a process that expects something else is refused, as it
 * would look for sessions in the wrong place.
 */
import type { Snapshots } from '../engine/port.js';
import { TwinstateError } from '../shared/errors.js';
import { revision } from '../shared/ids.js';
import type { Clock } from '../shared/clock.js';
import { PARTITIONS_DEFAULT, PARTITIONS_MAX } from './options.js';

interface ClusterState {
  readonly format: 1;
  readonly partitions: number;
}

/** The key of the cluster's own state in every generation's snapshots. */
const KEY = 'cluster';

/** What was agreed, and how it is stored: every later generation of the log gets it, too. */
export interface AgreedCluster {
  readonly partitions: number;
  readonly stored: { readonly key: string; readonly value: Uint8Array };
}

/** Agrees on the number of partitions. @throws {TwinstateError} `CLUSTER_MISMATCH`, or `UNAVAILABLE` when nobody answers */
export async function agree(
  snapshots: Snapshots,
  cluster: string,
  partitions: number | undefined,
  clock: Clock,
  timeoutMs: number,
): Promise<AgreedCluster> {
  const untilMs = clock.now() + timeoutMs;
  while (clock.now() < untilMs) {
    const found = await snapshots.get(undefined, KEY);
    if (found !== undefined && found !== null) {
      const state = read(found.value, cluster);
      if (partitions !== undefined && partitions !== state.partitions) {
        throw new TwinstateError(
          'CLUSTER_MISMATCH',
          `the cluster ${JSON.stringify(cluster)} was started with another number of partitions`,
          {
            expected: `partitions: ${state.partitions}`,
            received: `partitions: ${partitions}`,
            cure: 'leave the option out, or use another cluster name',
          },
        );
      }
      return { partitions: state.partitions, stored: { key: KEY, value: found.value } };
    }
    if (found === null) {
      const state: ClusterState = { format: 1, partitions: partitions ?? PARTITIONS_DEFAULT };
      const value = Buffer.from(JSON.stringify(state));
      const put = await snapshots.put(undefined, KEY, value, revision(0));
      if (put.outcome === 'stored') return { partitions: state.partitions, stored: { key: KEY, value } };
    }
    await new Promise<void>((resolve) => clock.after(20, resolve));
  }
  throw new TwinstateError('UNAVAILABLE', `the state of the cluster ${JSON.stringify(cluster)} could not be read`, {
    expected: `an answer within ${timeoutMs} ms`,
    cure: 'see whether the engine is running and reachable',
  });
}

function read(value: Uint8Array, cluster: string): ClusterState {
  let state: Partial<ClusterState> | null;
  try {
    state = JSON.parse(Buffer.from(value).toString('utf8')) as Partial<ClusterState> | null;
  } catch {
    state = null;
  }
  const partitions = state?.partitions;
  if (state?.format === 1 && Number.isInteger(partitions) && partitions! >= 1 && partitions! <= PARTITIONS_MAX) {
    return { format: 1, partitions: partitions! };
  }
  throw new TwinstateError(
    'CLUSTER_MISMATCH',
    `the stored state of the cluster ${JSON.stringify(cluster)} is not of this release`,
    {
      expected: 'format 1 and a number of partitions',
      received: Buffer.from(value).toString('utf8').slice(0, 100),
      cure: 'use another cluster name, or the release that wrote it',
    },
  );
}
