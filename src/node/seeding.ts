/**
 * Begins the next generation of a partition's log over an engine (rule 10).
 *
 * Invariant: a generation is left by a record that ends it, unless its log is not there at all; it is begun by the first record of the next
 * one, which one node wins. Whoever is not sure that its record is that one says so, and tries again.
 */
import { bytesEqual } from '../shared/bytes.js';
import { sequence } from '../shared/ids.js';
import type { Partition, Sequence } from '../shared/ids.js';
import type { SnapshotEntry } from '../engine/port.js';
import type { Effect } from '../replication/effect.js';
import { mayBeOurs, tryDecode } from '../replication/foreign-record.js';
import { TwinstateError } from '../shared/errors.js';
import type { Generations } from './generations.js';

export type Begun =
  | { readonly kind: 'again' | 'ended' | 'taken' }
  | { readonly kind: 'mine'; readonly sequence: Sequence; readonly stored: readonly SnapshotEntry[] };

const EMPTY = sequence(0);

export async function beginGeneration(
  generations: Generations,
  partition: Partition,
  effect: Extract<Effect, { type: 'seed' }>,
): Promise<Begun> {
  const { lost, examined, seed, end } = effect;
  const existing = await generations.existing();
  if (existing === undefined) return { kind: 'again' };
  const stored: SnapshotEntry[] = [];
  if (existing.includes(lost)) {
    const before = await generations.open(lost);
    const old = await before.log.read(partition, EMPTY);
    if (old === undefined || old.truncated) return { kind: 'again' };
    // what is of another release is not ended by this one
    if (old.entries.some(({ record }) => isUnreadable(record))) return { kind: 'again' };
    const last = old.entries.at(-1);
    // also where it has none: who starts without memory might claim it, and lead there while others go on in the next
    if (last === undefined || !isEnd(last.record)) {
      const ended = await before.log.append(partition, last?.sequence ?? EMPTY, end);
      return { kind: ended.outcome === 'stored' ? 'ended' : 'again' };
    }
    if (!examined) return { kind: 'ended' };
    const listed = await before.snapshots.list(partition);
    if (listed === undefined) return { kind: 'again' };
    stored.push(...listed.entries);
  }
  const next = await generations.open(lost + 1);
  const appended = await next.log.append(partition, EMPTY, seed);
  if (appended.outcome === 'stored') return { kind: 'mine', sequence: appended.sequence, stored };
  const found = await next.log.read(partition, EMPTY);
  const first = found?.entries[0];
  if (first === undefined) return { kind: 'again' };
  return bytesEqual(first.record, seed) ? { kind: 'mine', sequence: first.sequence, stored } : { kind: 'taken' };
}

function isEnd(bytes: Uint8Array): boolean {
  const record = tryDecode(bytes);
  return !(record instanceof TwinstateError) && record.type === 'end';
}

function isUnreadable(bytes: Uint8Array): boolean {
  const record = tryDecode(bytes);
  return record instanceof TwinstateError && mayBeOurs(record);
}
