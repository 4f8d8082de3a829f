/**
 * Matches the elements of an array with those it had.
 *
 * Invariant: `match[j] = i` says that new element j is old element i; each old element is matched once; the elements that `stay` are
 * in the same order on both sides. Everything here is about positions: no graph is changed.
 */

/**
 * Finds which of the matched elements need not move: a longest increasing subsequence (patience sorting, O(n log n)), or those
 * already in place where that leaves no more to send.
 *
 * @param match for each new position the old one, or -1
 * @returns for each new position whether it stays
 */
export function stayingElements(match: Int32Array, oldLength: number): Uint8Array {
  const increasing = longestIncreasing(match);
  if (match.length !== oldLength) return increasing;
  const inPlace = new Uint8Array(match.length);
  let inPlaceCount = 0;
  let increasingCount = 0;
  for (let j = 0; j < match.length; j++) {
    if (match[j] === j) {
      inPlace[j] = 1;
      inPlaceCount++;
    }
    increasingCount += increasing[j]!;
  }
  return inPlaceCount >= increasingCount ? inPlace : increasing;
}

function longestIncreasing(match: Int32Array): Uint8Array {
  const tails: number[] = [];
  const previous = new Int32Array(match.length).fill(-1);
  for (let j = 0; j < match.length; j++) {
    const position = match[j]!;
    if (position < 0) continue;
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (match[tails[middle]!]! < position) low = middle + 1;
      else high = middle;
    }
    if (low > 0) previous[j] = tails[low - 1]!;
    tails[low] = j;
  }
  const stays = new Uint8Array(match.length);
  for (let j = tails.at(-1) ?? -1; j >= 0; j = previous[j]!) stays[j] = 1;
  return stays;
}

/** Part of an array that was replaced: `removed` old elements by the new ones from `from` to `to`. */
export interface Span {
  readonly kept: number;
  readonly removed: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Turns what stays into spans of what does not.
 *
 * @param settled old and new position of each element that stays or was adopted, in order
 */
export function spansBetween(
  settled: readonly (readonly [old: number, now: number])[],
  oldLength: number,
  newLength: number,
): Span[] {
  const spans: Span[] = [];
  let old = 0;
  let now = 0;
  let kept = 0;
  const close = (oldEnd: number, newEnd: number): void => {
    if (oldEnd > old || newEnd > now) {
      spans.push({ kept, removed: oldEnd - old, from: now, to: newEnd });
      kept = 0;
    }
  };
  for (const [oldAt, newAt] of settled) {
    close(oldAt, newAt);
    old = oldAt + 1;
    now = newAt + 1;
    kept++;
  }
  close(oldLength, newLength);
  return spans;
}
