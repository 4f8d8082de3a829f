/**
 * Decides whether a delta that was made on an older state can follow what others committed since.
 *
 * Invariant: a merged delta says the same of the same slots, byte for byte: it names its own new objects by their order, and others
 * by ids that never change. Different slots always merge, the same slot never does (its typed
 * rules are the attribute's `merge`, to come); and a delta that refers to an object which is gone conflicts, as it would speak of
 * nothing.
 */
import { hasSchemaChange, referencedIds, slotsInCommon, touchedSlots } from '../diff/delta.js';
import type { Version } from '../shared/ids.js';
import type { AtRest, KeptDelta } from './at-rest.js';

export type Merged =
  | { readonly merged: true }
  /** The slots that both changed; empty where the base is too old, or an object is gone. */
  | { readonly merged: false; readonly slots: readonly string[] };

export function mergeDelta(atRest: AtRest, pending: readonly KeptDelta[], base: Version, delta: Uint8Array): Merged {
  const kept = atRest.since(base);
  if (kept === undefined) return { merged: false, slots: [] };
  const others = [...kept, ...pending];
  const mine = touchedSlots(delta);
  const both = new Set<string>();
  let schema = false;
  for (const other of others) {
    for (const slot of slotsInCommon(mine, touchedSlots(other.delta))) both.add(slot);
    schema ||= hasSchemaChange(other.delta);
  }
  if (both.size > 0) return { merged: false, slots: [...both] };
  // two schema changes would give two meanings to one shape
  if (schema && hasSchemaChange(delta)) return { merged: false, slots: [] };
  const reachable = atRest.graph(pending).reachable();
  for (const id of referencedIds(delta)) if (!reachable.has(id)) return { merged: false, slots: [`#${id}`] };
  return { merged: true };
}
