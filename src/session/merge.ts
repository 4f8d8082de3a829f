/**
 * Decides whether a delta that was made on an older state can follow what others committed since, and rebases it.
 *
 * Invariant: a merged delta says the same of the same slots. Different slots always merge, the same slot never does (its typed
 * rules are the attribute's `merge`, to come); and a delta that refers to an object which is gone conflicts, as it would speak of
 * nothing.
 */
import { createdCount, hasSchemaChange, referencedIds, shiftDelta, slotsInCommon, touchedSlots } from '../diff/delta.js';
import type { Version } from '../shared/ids.js';
import type { AtRest, KeptDelta } from './at-rest.js';

export type Merged =
  | { readonly merged: true; readonly delta: Uint8Array }
  /** The slots that both changed; empty where the base is too old, or an object is gone. */
  | { readonly merged: false; readonly slots: readonly string[] };

export function mergeDelta(atRest: AtRest, pending: readonly KeptDelta[], base: Version, delta: Uint8Array): Merged {
  const kept = atRest.since(base);
  if (kept === undefined) return { merged: false, slots: [] };
  const others = [...kept, ...pending];
  const mine = touchedSlots(delta);
  const both = new Set<string>();
  let shift = 0;
  let schema = false;
  for (const other of others) {
    for (const slot of slotsInCommon(mine, touchedSlots(other.delta))) both.add(slot);
    shift += createdCount(other.delta);
    schema ||= hasSchemaChange(other.delta);
  }
  if (both.size > 0) return { merged: false, slots: [...both] };
  // two schema changes would give two meanings to one shape
  if (schema && hasSchemaChange(delta)) return { merged: false, slots: [] };
  const graph = atRest.graph(pending);
  const firstOwn = graph.nextId - shift;
  const reachable = graph.reachable();
  for (const id of referencedIds(delta)) if (id < firstOwn && !reachable.has(id)) return { merged: false, slots: [`#${id}`] };
  return { merged: true, delta: shift === 0 ? delta : shiftDelta(delta, firstOwn, shift) };
}
