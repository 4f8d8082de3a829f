/**
 * What a cluster is, as its first process wrote it: the number of partitions, and the marks of the keys that are in use.
 *
 * Invariant: it is written by compare-and-set, and the number never changes; a process that expects something else is refused, as it
 * would look for sessions in the wrong place. So is one that lacks a key that something stored may still be sealed under, before it
 * reads or writes anything else. The marks are in `cluster-marks.ts`.
 */
import type { Snapshots } from '../engine/port.js';
import { TwinstateError } from '../shared/errors.js';
import { revision } from '../shared/ids.js';
import type { Seals } from '../engine/sealed/seals.js';
import { mark, remarked, unsealed } from './cluster-marks.js';
import type { ClusterState } from './cluster-marks.js';
import type { Clock } from '../shared/clock.js';
import { PARTITIONS_DEFAULT, PARTITIONS_MAX } from './options.js';

/** The key of the cluster's own state in every generation's snapshots. */
const KEY = 'cluster';
/** Keys in use at once; more are no cluster's. */
const MARKS_MAX = 64;

/** What was agreed, and how it is stored: every later generation of the log gets it, too. */
export interface AgreedCluster {
  readonly partitions: number;
  readonly stored: { readonly key: string; readonly value: Uint8Array };
}

export interface Agreeing {
  readonly snapshots: Snapshots;
  readonly cluster: string;
  /** `undefined`: whatever the cluster has. */
  readonly partitions: number | undefined;
  /** `undefined`: nothing is sealed. */
  readonly seals: Seals | undefined;
  /** May make the mark anew. */
  readonly marks: boolean;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/**
 * Agrees on the number of partitions and on who has the keys.
 *
 * @throws {TwinstateError} `CLUSTER_MISMATCH`; `KEY_UNKNOWN` where the mark is sealed under a key that is not here; `BYTES_CORRUPT`
 *   where it was changed; `UNAVAILABLE` when nobody answers
 */
export async function agree(asked: Agreeing): Promise<AgreedCluster> {
  const { snapshots, cluster, partitions, seals, clock, timeoutMs } = asked;
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
      const marked = seals === undefined ? unsealed(state, cluster) : remarked(state, cluster, seals);
      if (marked === state || !asked.marks) return { partitions: state.partitions, stored: { key: KEY, value: found.value } };
      const value = encode(marked);
      const put = await snapshots.put(undefined, KEY, value, found.revision);
      if (put.outcome === 'stored') return { partitions: state.partitions, stored: { key: KEY, value } };
    }
    if (found === null) {
      const count = partitions ?? PARTITIONS_DEFAULT;
      const value = encode({ partitions: count, sealed: seals?.seals === true ? [mark(count, seals)] : undefined });
      const put = await snapshots.put(undefined, KEY, value, revision(0));
      if (put.outcome === 'stored') return { partitions: count, stored: { key: KEY, value } };
    }
    await new Promise<void>((resolve) => clock.after(20, resolve));
  }
  throw new TwinstateError('UNAVAILABLE', `the state of the cluster ${JSON.stringify(cluster)} could not be read`, {
    expected: `an answer within ${timeoutMs} ms`,
    cure: 'see whether the engine is running and reachable',
  });
}

/**
 * Says in the cluster's state that everything stored is sealed under the first key, so that the others can be dropped.
 *
 * @returns false where somebody changed it meanwhile, or nobody answered
 */
export async function settleMarks(snapshots: Snapshots, cluster: string, seals: Seals): Promise<boolean> {
  const found = await snapshots.get(undefined, KEY);
  if (found === undefined || found === null) return false;
  const { partitions } = read(found.value, cluster);
  const value = encode({ partitions, sealed: [mark(partitions, seals)] });
  return (await snapshots.put(undefined, KEY, value, found.revision)).outcome === 'stored';
}

function encode({ partitions, sealed, plain }: Omit<ClusterState, 'format'>): Uint8Array {
  const state: ClusterState = {
    format: 1,
    partitions,
    ...(sealed !== undefined && { sealed }),
    ...(plain === true && { plain }),
  };
  return Buffer.from(JSON.stringify(state));
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
    const { sealed, plain } = state;
    if (sealed === undefined) return { format: 1, partitions: partitions! };
    if (
      Array.isArray(sealed) &&
      sealed.length > 0 &&
      sealed.length <= MARKS_MAX &&
      sealed.every((each) => typeof each === 'string')
    )
      return { format: 1, partitions: partitions!, sealed, ...(plain === true && { plain }) };
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
