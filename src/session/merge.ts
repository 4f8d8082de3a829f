/**
 * Decides at the primary whether a delta that was made on an older state can follow what others committed since, and as what.
 *
 * Invariant: nothing is guessed. A base behind the history, or a rule that this process does not know, is a conflict.
 */
import { hasSchemaChange, touchedSlots } from '../diff/delta.js';
import type { Slot } from '../diff/slot.js';
import type { Version } from '../shared/ids.js';
import { HISTORY_BYTES_MAX, HISTORY_DELTAS_MAX } from './at-rest.js';
import type { AtRest, KeptDelta } from './at-rest.js';
import { mergeThreeWay, type Merged, type Models } from './three-way.js';

const TOO_OLD = `its base is older than the history that its primary keeps: ${HISTORY_DELTAS_MAX} commits, ${HISTORY_BYTES_MAX} bytes`;

/** @param pending what is being stored just now */
export function mergeDelta(
  models: Models,
  atRest: AtRest,
  pending: readonly KeptDelta[],
  base: Version,
  delta: Uint8Array,
): Merged {
  const kept = atRest.since(base);
  if (kept === undefined) return { merged: false, slots: [], why: TOO_OLD };
  const touched = new Map<string, Slot>();
  let schemaChanged = false;
  for (const other of [...kept, ...pending]) {
    for (const [name, slot] of touchedSlots(other.delta)) touched.set(name, slot);
    schemaChanged ||= hasSchemaChange(other.delta);
  }
  return mergeThreeWay({
    base: () => atRest.graphAt(base),
    theirs: () => atRest.graph(pending),
    mine: delta,
    touched,
    schemaChanged,
    models,
  });
}
