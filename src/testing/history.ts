/**
 * A history: what callers did to sessions, and what they were told.
 *
 * Invariant: time is one clock for all callers; a call ends behind its beginning, and what it tells was true at some moment between,
 * or as much before as it says.
 */
/** What histories are compared by: values are told apart by `Object.is`, so those that are written should differ. */
export type HistoryValue = string | number | bigint | boolean | null | undefined;

/** What one call changes of one attribute. */
export type HistoryChange =
  | { readonly attribute: string; readonly append: HistoryValue }
  | { readonly attribute: string; readonly add: number }
  /** `over`: the value that the caller found there and replaced; without it whatever was there. */
  | { readonly attribute: string; readonly write: HistoryValue; readonly over?: HistoryValue };

/** A list, a counter, or a register. */
export type HistoryAttribute = readonly HistoryValue[] | HistoryValue;

/** A session as somebody saw it. */
export interface HistoryState {
  /** Which of those that had this id: what tells them apart, for instance an immutable attribute. */
  readonly life: string;
  readonly attributes: Readonly<Record<string, HistoryAttribute>>;
}

export type HistoryDeed =
  /** `attributes`: what it begins with, where that is neither an empty list, nor 0, nor `undefined`. */
  | { readonly kind: 'create'; readonly life: string; readonly attributes?: HistoryState['attributes'] }
  | { readonly kind: 'destroy' }
  | { readonly kind: 'change'; readonly life: string; readonly changes: readonly HistoryChange[] }
  /** `saw`: `undefined` where there was no session. A read without an answer says nothing and is left out. */
  | { readonly kind: 'read'; readonly saw: HistoryState | undefined };

/** One call and its answer. */
export interface HistoryCall {
  readonly session: string;
  /** Who called. */
  readonly by: string;
  /** In milliseconds of one clock for all callers. */
  readonly startMs: number;
  /** When the answer came; of a call without a final answer it is not looked at. */
  readonly endMs: number;
  readonly does: HistoryDeed;
  readonly told: 'ok' | 'not-stored' | 'unknown';
  /** Why it was not stored, where that says something: one was there already, or none was (or none of this life). */
  readonly refused?: 'exists' | 'gone';
  /** That holds the change, or that was read. */
  readonly version?: number;
  /**
   * What a read or a refusal says may be so old: 0 (default) for `strong` and for `primary` with `takeover: 'strict'`, the lease for
   * `primary`, `Infinity` for `local`, which may also show what is in the log and not acknowledged yet.
   */
  readonly staleMs?: number;
}

/** Something that cannot be. */
export interface Contradiction {
  readonly session: string;
  /** A sentence with values, versions and times. */
  readonly message: string;
  /** The calls that show it; the first one is where it came to light. */
  readonly calls: readonly HistoryCall[];
}

/** A finding of one of the judgements. */
export interface Finding {
  readonly message: string;
  readonly calls: readonly HistoryCall[];
}
