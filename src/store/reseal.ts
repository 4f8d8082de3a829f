/**
 * Seals everything that is stored under the first key, so that older keys, or plain bytes, need not be accepted any more.
 *
 * Invariant: it changes no state. Snapshots are replaced by compare-and-set with the same content; records go by themselves, as
 * primaries save their sessions and trim what an old key sealed. The marks in the cluster's state go only when both are done.
 */
import type { Engine } from '../engine/port.js';
import { SealedLog } from '../engine/sealed/sealed-log.js';
import { SealedSnapshots } from '../engine/sealed/sealed-snapshots.js';
import { Seals } from '../engine/sealed/seals.js';
import type { TwinstateError } from '../shared/errors.js';
import { nodeId, partition, sequence } from '../shared/ids.js';
import { agree, settleMarks } from './cluster-state.js';
import { resolveEncryption } from './encryption.js';
import type { EncryptionOptions } from './encryption-options.js';
import { REAL_RUNTIME } from './real-runtime.js';

export interface ResealOptions {
  readonly engine: Engine;
  /** The cluster's name (default `default`). */
  readonly cluster?: string | undefined;
  /** The keys of all nodes, which must seal under the first one already. */
  readonly encryption: EncryptionOptions;
  /** How long to wait for primaries to give up old records, in milliseconds (default 60,000). */
  readonly timeoutMs?: number | undefined;
}

export interface ResealResult {
  /** Snapshots that were sealed anew. */
  readonly resealed: number;
  /** Snapshots and partitions' logs that hold something else still; 0: older keys, and `plain`, can be left out from now on. */
  readonly left: number;
}

const AGAIN_MS = 250;

/**
 * Seals every stored snapshot under the first of the keys, waits until the logs hold nothing under others, and says so in the
 * cluster's state. Run it when all processes have that key first.
 *
 * @throws {TwinstateError} as `connect`
 */
export async function reseal(options: ResealOptions): Promise<ResealResult> {
  const { engine, cluster = 'default', timeoutMs = 60_000 } = options;
  const { clock, random, uniqueId } = REAL_RUNTIME;
  const untilMs = clock.now() + timeoutMs;
  const encryption = resolveEncryption({ ...options.encryption, plain: 'accept' })!;
  const node = nodeId(`reseal~${uniqueId().slice(0, 12)}`);
  const connection = await engine.connect({ cluster, generation: 'newest', node, clock, random, timeoutMs });
  try {
    const seals = new Seals(cluster, encryption, uniqueId);
    const { snapshots, generation } = connection;
    const { partitions } = await agree({ snapshots, cluster, partitions: undefined, seals, marks: true, clock, timeoutMs });
    let first: TwinstateError | undefined;
    const trouble = (_: string, error: TwinstateError, stops: boolean): void => {
      if (stops) first ??= error;
    };
    const sealed = new SealedSnapshots(snapshots, generation, seals, trouble);
    const log = new SealedLog(connection.log, generation, seals, clock, trouble);
    let resealed = 0;
    for (;;) {
      let left = 0;
      for (let at = 0; at < partitions; at++) {
        // the log first: what its primary saves meanwhile is sealed as it should be
        const read = await log.read(partition(at), sequence(0));
        if (read === undefined || log.outdatedUpTo(partition(at)) >= (read.entries[0]?.sequence ?? Infinity)) left++;
        const done = await sealed.reseal(partition(at));
        resealed += done.resealed;
        left += done.left;
      }
      if (first !== undefined) throw first;
      if (left === 0 && (await settleMarks(snapshots, cluster, seals))) return { resealed, left: 0 };
      if (clock.now() >= untilMs) return { resealed, left: Math.max(1, left) };
      await new Promise<void>((resolve) => clock.after(AGAIN_MS, resolve));
    }
  } finally {
    await connection.close();
  }
}
