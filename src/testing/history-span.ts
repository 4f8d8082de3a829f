/**
 * When a call may have happened: at one moment of a span of time, bounds included.
 *
 * Invariant: a call lies before another one if its span ends before the other one's begins, and only then; spans that touch are
 * under way at once.
 */
import type { HistoryCall } from './history.js';

/** Behind all of a history, and yet a time: a read that was answered has its moment, as a call without an answer need not. */
const LATE_MS = Number.MAX_VALUE;

export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly call: HistoryCall;
}

/**
 * Of a call with its answer, of a change without one (which may be late without bound), and of what may be old. What a backup shows
 * is in the log, but need not be acknowledged yet: whoever asks the primary next may still see the state before it.
 */
export function spanOf(call: HistoryCall): Span {
  const { startMs, endMs, told, does, staleMs = 0 } = call;
  const says = does.kind === 'read' || told === 'not-stored';
  // `Infinity`, or what stands for it where a history was written down
  const local = does.kind === 'read' && staleMs >= Number.MAX_VALUE;
  const untilMs = told === 'unknown' ? Infinity : local ? LATE_MS : endMs;
  return { fromMs: says ? startMs - staleMs : startMs, untilMs, call };
}

/** A span that has its place in a known order. */
export interface Placed extends Span {
  readonly place: number;
  /** It changes something: none that lies before it has its place, too. */
  readonly moves: boolean;
}

/**
 * Finds the first that lies behind another one in time and before it in the order. There is none exactly where time and order can
 * both be kept: by place, what moves before what does not, and these by time.
 */
export function firstMisplaced(placed: readonly Placed[]): { readonly later: Placed; readonly earlier: Placed } | undefined {
  const byStart = placed.toSorted((a, b) => a.fromMs - b.fromMs);
  const byEnd = placed.toSorted((a, b) => a.untilMs - b.untilMs);
  let ended = 0;
  let highest: Placed | undefined;
  for (const later of byStart) {
    for (; ended < byEnd.length && byEnd[ended]!.untilMs < later.fromMs; ended++) {
      const each = byEnd[ended]!;
      if (highest === undefined || each.place > highest.place) highest = each;
    }
    if (highest === undefined) continue;
    if (highest.place > later.place || (highest.place === later.place && later.moves)) return { later, earlier: highest };
  }
  return undefined;
}

/** A call in words, for people. */
export function inWords({ by, startMs, endMs, told }: HistoryCall): string {
  const time = told === 'unknown' ? `from ${startMs.toFixed(1)} on` : `from ${startMs.toFixed(1)} to ${endMs.toFixed(1)}`;
  return `${by}, ${time} ms`;
}
