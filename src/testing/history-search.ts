/**
 * Searches an order of steps, each at one moment of its span, in which every step is possible where it stands.
 *
 * The search is Wing and Gong's (1993) in the form of Lowe (2017): it walks over beginnings and ends in time, and only where a step
 * ends without having had its place does it try which others may have gone before it. What is kept is the set of positions
 * (a state, and which of the steps under way have had their place), each once.
 *
 * Invariant: a step that changes nothing takes its place as soon as it can, which never rules anything out; of steps without an end
 * that do the same only the oldest is tried.
 */
import type { HistoryCall } from './history.js';
import type { Span } from './history-span.js';

/** A step is not possible in this state. */
export const IMPOSSIBLE = Symbol('impossible');

export type StateKey = string | number | bigint | boolean | null | undefined;

export interface Step<S extends StateKey> extends Span {
  /** The state behind it. A step that changes nothing gives the same state. */
  readonly after: (state: S) => S | typeof IMPOSSIBLE;
  readonly changes: boolean;
  /** Steps without an end that have the same kind do the same. */
  readonly kind?: string;
}

interface Position<S> {
  readonly state: S;
  /** Of those under way: which have had their place. */
  readonly had: ReadonlySet<number>;
}

/** Beyond so many positions at once an answer would take too long. */
const POSITIONS_MAX = 20_000;

/** @returns the first step for which no order is left, and the states in which it would have had to be possible */
export function firstImpossible<S extends StateKey>(
  steps: readonly Step<S>[],
  initial: S,
): { readonly call: HistoryCall; readonly states: readonly S[] } | undefined {
  const moments = steps
    .flatMap((step, index) => [
      { atMs: step.fromMs, ends: false, index },
      ...(step.untilMs === Infinity ? [] : [{ atMs: step.untilMs, ends: true, index }]),
    ])
    // what touches is under way at once
    .toSorted((a, b) => a.atMs - b.atMs || Number(a.ends) - Number(b.ends));
  const underWay = new Set<number>();
  let positions: Position<S>[] = [{ state: initial, had: new Set() }];
  for (const { ends, index } of moments) {
    const step = steps[index]!;
    if (!ends) {
      underWay.add(index);
      if (!step.changes) positions = positions.map((position) => withReads(steps, [index], position));
      continue;
    }
    const before = positions;
    positions = [...behind(steps, underWay, index, before)];
    underWay.delete(index);
    if (positions.length === 0) return { call: step.call, states: [...new Set(before.map(({ state }) => state))] };
  }
  return undefined;
}

/** All positions in which a step has had its place, which it then leaves. */
function behind<S extends StateKey>(
  steps: readonly Step<S>[],
  underWay: ReadonlySet<number>,
  index: number,
  before: readonly Position<S>[],
): Iterable<Position<S>> {
  const found = new Map<string, Position<S>>();
  const seen = new Set<string>();
  const open = [...before];
  for (let position = open.pop(); position !== undefined; position = open.pop()) {
    if (position.had.has(index)) {
      const had = new Set(position.had);
      had.delete(index);
      found.set(keyOf({ state: position.state, had }), { state: position.state, had });
      continue;
    }
    const kinds = new Set<string>();
    for (const other of underWay) {
      const step = steps[other]!;
      if (!step.changes || position.had.has(other)) continue;
      if (step.untilMs === Infinity && step.kind !== undefined) {
        if (kinds.has(step.kind)) continue;
        kinds.add(step.kind);
      }
      const state = step.after(position.state);
      if (state === IMPOSSIBLE) continue;
      const next = withReads(steps, underWay, { state, had: new Set(position.had).add(other) });
      const key = keyOf(next);
      if (seen.has(key)) continue;
      seen.add(key);
      if (seen.size > POSITIONS_MAX)
        throw new Error(`more than ${POSITIONS_MAX} positions at ${step.fromMs} ms: too many calls without an answer`);
      open.push(next);
    }
  }
  return found.values();
}

function withReads<S extends StateKey>(
  steps: readonly Step<S>[],
  among: Iterable<number>,
  { state, had }: Position<S>,
): Position<S> {
  let more: Set<number> | undefined;
  for (const index of among) {
    const step = steps[index]!;
    if (step.changes || had.has(index) || step.after(state) === IMPOSSIBLE) continue;
    (more ??= new Set(had)).add(index);
  }
  return { state, had: more ?? had };
}

function keyOf<S extends StateKey>({ state, had }: Position<S>): string {
  const kind = Object.is(state, -0) ? '-' : '';
  return `${typeof state}${kind}${String(state)} ${[...had].toSorted((a, b) => a - b).join()}`;
}
