/**
 * Binary differencing: two byte strings, compared portion against corresponding portion.
 *
 * Invariant: `patchBytes(old, diffBytes(old, now))` equals `now`; patches lie in order, inside `old`, and never overlap.
 */
import { editsOf } from './byte-edits.js';
import type { Patch } from './operation.js';

/**
 * Finds the portions that changed, none where nothing did; undefined where sending everything is no longer. The patches hold views of
 * `now`.
 */
export function diffBytes(old: Uint8Array, now: Uint8Array): Patch[] | undefined {
  const patches: Patch[] = [];
  let costBytes = 0;
  let done = 0;
  for (const { from, to, at, end } of editsOf(old, now)) {
    const patch = { kept: from - done, removed: to - from, inserted: now.subarray(at, end) };
    costBytes += varintBytes(patch.kept) + varintBytes(patch.removed) + varintBytes(end - at) + (end - at);
    patches.push(patch);
    done = to;
  }
  if (patches.length === 0) return patches;
  return costBytes + varintBytes(patches.length) < varintBytes(now.byteLength) + now.byteLength ? patches : undefined;
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

/** @returns undefined where a patch lies outside */
export function patchBytes(old: Uint8Array, patches: readonly Patch[]): Uint8Array | undefined {
  let lengthBytes = old.byteLength;
  let left = old.byteLength;
  for (const { kept, removed, inserted } of patches) {
    left -= kept + removed;
    lengthBytes += inserted.byteLength - removed;
  }
  if (left < 0) return undefined;
  const now = new Uint8Array(lengthBytes);
  let from = 0;
  let to = 0;
  for (const { kept, removed, inserted } of patches) {
    now.set(old.subarray(from, from + kept), to);
    now.set(inserted, to + kept);
    from += kept + removed;
    to += kept + inserted.byteLength;
  }
  now.set(old.subarray(from), to);
  return now;
}
