/**
 * Merges two edits of one list.
 *
 * Invariant: what either side took out is out, what either side put in is in; where both put something in the same place, theirs
 * stands first, because it was stored first. What neither moved keeps its order.
 */
export interface ListItem<T> {
  readonly value: T;
  /** Which element it is, by identity, or by value for primitives. */
  readonly token: string;
  /** What identifies it for people, where the list has a `key`. */
  readonly key: string | undefined;
}

/** `union`: what is there already is not put in again. */
export type ListMode = 'append' | 'union';

/** @returns `undefined` where both put in an element of the same key, or moved one to different places */
export function mergeLists<T>(
  base: readonly ListItem<T>[],
  mine: readonly ListItem<T>[],
  theirs: readonly ListItem<T>[],
  mode: ListMode,
): ListItem<T>[] | undefined {
  const [edit, other] = [editOf(base, mine), editOf(base, theirs)];
  const moved = new Set(base.map(({ token }) => token));
  const inserted = other.inserted.flat();
  const [tokens, keys] = [new Set(inserted.map(({ token }) => token)), new Set(inserted.map(({ key }) => key))];
  const result: ListItem<T>[] = [];
  for (let gap = 0; gap <= base.length; gap++) {
    result.push(...other.inserted[gap]!);
    for (const item of edit.inserted[gap]!) {
      if (tokens.has(item.token)) {
        if (mode === 'union') continue;
        // both moved the same object: it can be in one place only
        if (item.token.startsWith('#') && moved.has(item.token)) return undefined;
      }
      if (item.key !== undefined && keys.has(item.key) && !moved.has(item.token)) return undefined;
      result.push(item);
    }
    if (gap < base.length && edit.kept[gap] === true && other.kept[gap] === true) result.push(theirs[other.at[gap]!]!);
  }
  return result;
}

interface Edit<T> {
  /** By position in the base: still there, in order. */
  readonly kept: readonly boolean[];
  /** By position in the base: where it is now. */
  readonly at: readonly number[];
  /** What was put in before each position of the base, and at the end. */
  readonly inserted: readonly (readonly ListItem<T>[])[];
}

function editOf<T>(base: readonly ListItem<T>[], now: readonly ListItem<T>[]): Edit<T> {
  const at = align(base, now);
  const from = new Map<number, number>();
  at.forEach((position, index) => position >= 0 && from.set(position, index));
  const inserted: ListItem<T>[][] = Array.from({ length: base.length + 1 }, () => []);
  let gap = 0;
  let left = from.size;
  now.forEach((item, position) => {
    const index = from.get(position);
    if (index === undefined) inserted[left === 0 ? base.length : gap]!.push(item);
    else {
      gap = index + 1;
      left--;
    }
  });
  return { kept: at.map((position) => position >= 0), at, inserted };
}

/** For each element of the base its position now, or -1; positions only grow. What moved against the others counts as put in anew. */
function align<T>(base: readonly ListItem<T>[], now: readonly ListItem<T>[]): number[] {
  const at = Array.from({ length: base.length }, () => -1);
  let head = 0;
  while (head < base.length && head < now.length && base[head]!.token === now[head]!.token) {
    at[head] = head;
    head++;
  }
  let tail = 0;
  while (tail < Math.min(base.length, now.length) - head && base.at(-1 - tail)!.token === now.at(-1 - tail)!.token) {
    at[base.length - 1 - tail] = now.length - 1 - tail;
    tail++;
  }
  const places = new Map<string, number[]>();
  for (let i = now.length - tail - 1; i >= head; i--) {
    const { token } = now[i]!;
    const all = places.get(token);
    if (all === undefined) places.set(token, [i]);
    else all.push(i);
  }
  const pairs: [index: number, position: number][] = [];
  for (let i = head; i < base.length - tail; i++) {
    const position = places.get(base[i]!.token)?.pop();
    if (position !== undefined) pairs.push([i, position]);
  }
  for (const [index, position] of longestRising(pairs)) at[index] = position;
  return at;
}

/** The longest part of the pairs, in order, whose positions rise. */
function longestRising(pairs: readonly [number, number][]): [number, number][] {
  const ends: number[] = [];
  const before: number[] = [];
  pairs.forEach(([, position], i) => {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pairs[ends[middle]!]![1] < position) low = middle + 1;
      else high = middle;
    }
    before[i] = low > 0 ? ends[low - 1]! : -1;
    ends[low] = i;
  });
  const found: [number, number][] = [];
  for (let i = ends.at(-1) ?? -1; i >= 0; i = before[i]!) found.push(pairs[i]!);
  return found.toReversed();
}
