/**
 * Binary differencing: two byte strings, compared portion against corresponding portion.
 *
 * Invariant: `patchBytes(old, diffBytes(old, now))` equals `now`; patches lie in order, inside `old`, and never overlap.
 */
import { bytesEqual } from '../shared/bytes.js';
import type { Patch } from './operation.js';

/** Equal bytes fewer than these between two changed portions are sent along: a patch of its own costs about as many. */
const GAP_BYTES_MIN = 4;
/** What a patch adds to its bytes, about. */
const PATCH_OVERHEAD_BYTES = 3;
/** What is compared byte by byte before blocks are: changed portions often lie close together. */
const NEAR_BYTES = 64;
/** Blocks are compared natively, which takes a hundredth of the time. */
const BLOCK_BYTES = 4096;

/** Finds the portions that changed; undefined where sending everything is no longer. The patches hold views of `now`. */
export function diffBytes(old: Uint8Array, now: Uint8Array): Patch[] | undefined {
  const patches = old.byteLength === now.byteLength ? sameLength(old, now) : otherLength(old, now);
  let costBytes = 2;
  for (const { inserted } of patches) costBytes += PATCH_OVERHEAD_BYTES + inserted.byteLength;
  return costBytes < now.byteLength + 1 ? patches : undefined;
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

function sameLength(old: Uint8Array, now: Uint8Array): Patch[] {
  const patches: Patch[] = [];
  const end = now.byteLength;
  let done = 0;
  for (let from = equalUntil(old, now, 0); from < end; from = equalUntil(old, now, done)) {
    let to = from + 1;
    for (let same = 0, i = to; i < end && same < GAP_BYTES_MIN; i++) {
      if (old[i] === now[i]) same++;
      else {
        same = 0;
        to = i + 1;
      }
    }
    patches.push({ kept: from - done, removed: to - from, inserted: now.subarray(from, to) });
    done = to;
  }
  return patches;
}

/**
 * Something was put in or taken out in one place, and single bytes changed before and behind it, as a length does that is written
 * down there. The place is where the bytes before it, held against those from the start, and the bytes behind it, held against
 * those up to the end, differ least.
 */
function otherLength(old: Uint8Array, now: Uint8Array): Patch[] {
  const head = equalUntil(old, now, 0);
  const tail = equalAtEnd(old.subarray(head), now.subarray(head));
  const [first, ...rest] = changedPart(old.subarray(head, old.byteLength - tail), now.subarray(head, now.byteLength - tail));
  return [{ ...first!, kept: first!.kept + head }, ...rest];
}

function changedPart(old: Uint8Array, now: Uint8Array): Patch[] {
  const [short, long] = old.byteLength < now.byteLength ? [old, now] : [now, old];
  const shift = long.byteLength - short.byteLength;
  let place = 0;
  for (let i = 0, cost = 0, least = 0; i < short.byteLength; i++) {
    if (short[i] !== long[i]) cost++;
    if (short[i] !== long[i + shift]) cost--;
    if (cost <= least) {
      least = cost;
      place = i + 1;
    }
  }
  const [removed, inserted] = short === old ? [0, shift] : [shift, 0];
  const before = sameLength(old.subarray(0, place), now.subarray(0, place));
  const behind = sameLength(old.subarray(place + removed), now.subarray(place + inserted));
  let done = 0;
  for (const patch of before) done += patch.kept + patch.removed;
  const middle: Patch = { kept: place - done, removed, inserted: now.subarray(place, place + inserted) };
  return [...before, middle, ...behind];
}

/** The first place from `from` on where the two differ, or the end of the shorter. */
function equalUntil(old: Uint8Array, now: Uint8Array, from: number): number {
  const end = Math.min(old.byteLength, now.byteLength);
  let at = from;
  for (const near = Math.min(end, from + NEAR_BYTES); at < near; at++) if (old[at] !== now[at]) return at;
  for (let next = at + BLOCK_BYTES; next <= end; next += BLOCK_BYTES) {
    if (!bytesEqual(old.subarray(at, next), now.subarray(at, next))) break;
    at = next;
  }
  while (at < end && old[at] === now[at]) at++;
  return at;
}

/** How many bytes are equal at the ends of the two. */
function equalAtEnd(old: Uint8Array, now: Uint8Array): number {
  const shorter = Math.min(old.byteLength, now.byteLength);
  const last = (bytes: Uint8Array, from: number, to: number): Uint8Array =>
    bytes.subarray(bytes.byteLength - to, bytes.byteLength - from);
  let tail = 0;
  for (let next = BLOCK_BYTES; next <= shorter; next += BLOCK_BYTES) {
    if (!bytesEqual(last(old, tail, next), last(now, tail, next))) break;
    tail = next;
  }
  while (tail < shorter && old[old.byteLength - 1 - tail] === now[now.byteLength - 1 - tail]) tail++;
  return tail;
}
