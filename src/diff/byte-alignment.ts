/**
 * Two byte strings held against each other without a shift: what was written over.
 *
 * Invariant: edits have equal lengths on both sides; they begin and end with a byte that differs, and have no gap of `GAP_BYTES_MIN` in
 * them, unless they were cut where nothing fits any more.
 */
import { runAhead, runBehind } from './byte-runs.js';

/** `old[from, to)` became `now[at, end)`. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly at: number;
  readonly end: number;
}

/** Edits in the order in which they were met; `reach` is how far the strings were held against each other. */
export interface Alignment {
  readonly edits: readonly Edit[];
  readonly reach: number;
  /** Where the burst of changes began that ended it; `reach` where there was none. */
  readonly calm: number;
}

/** Equal bytes fewer than these between two edits are sent along: an edit of its own costs about as many. */
export const GAP_BYTES_MIN = 4;
/** What an edit costs beside its bytes, about. */
const EDIT_COST_BYTES = 3;
/** So much change in a row, less an eighth of what is equal between, says that the strings no longer run along. */
const BURST_BYTES_MAX = 256;
const CALM_BYTES = 8;

/** Runs along from the starts, through what was written over, until nothing fits any more. */
export function alignAhead(old: Buffer, now: Buffer, from: number, at: number, length: number): Alignment {
  const edits: Edit[] = [];
  let level = 0;
  let calm = 0;
  for (let i = 0; i < length;) {
    const equal = runAhead(old, now, from + i, at + i, length - i);
    i += equal;
    if (i === length) break;
    level = Math.max(0, level - equal / CALM_BYTES);
    if (level === 0) calm = i;
    const room = Math.min(length, i + Math.ceil(BURST_BYTES_MAX - level));
    let to = i + 1;
    for (let same = 0, k = to; k < room && same < GAP_BYTES_MIN; k++) {
      if (old[from + k] === now[at + k]) same++;
      else {
        same = 0;
        to = k + 1;
      }
    }
    edits.push({ from: from + i, to: from + to, at: at + i, end: at + to });
    level += to - i + EDIT_COST_BYTES;
    i = to;
    if (level > BURST_BYTES_MAX) return { edits, reach: i, calm };
  }
  return { edits, reach: length, calm: length };
}

/** Likewise from the ends back; `reach` and `calm` are counted from there. */
export function alignBehind(old: Buffer, now: Buffer, to: number, end: number, length: number): Alignment {
  const edits: Edit[] = [];
  let level = 0;
  let calm = 0;
  for (let i = 0; i < length;) {
    const equal = runBehind(old, now, to - i, end - i, length - i);
    i += equal;
    if (i === length) break;
    level = Math.max(0, level - equal / CALM_BYTES);
    if (level === 0) calm = i;
    const room = Math.min(length, i + Math.ceil(BURST_BYTES_MAX - level));
    let far = i + 1;
    for (let same = 0, k = far; k < room && same < GAP_BYTES_MIN; k++) {
      if (old[to - k - 1] === now[end - k - 1]) same++;
      else {
        same = 0;
        far = k + 1;
      }
    }
    edits.push({ from: to - far, to: to - i, at: end - far, end: end - i });
    level += far - i + EDIT_COST_BYTES;
    i = far;
    if (level > BURST_BYTES_MAX) return { edits, reach: i, calm };
  }
  return { edits, reach: length, calm: length };
}

/** About as many bytes are sent for an edit. */
export function costOf({ at, end }: Edit): number {
  return end - at + EDIT_COST_BYTES;
}
