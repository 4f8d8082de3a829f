/**
 * What a replica knows of its log beyond the records: whether it answers, and whether it reads shorter than it was.
 *
 * Invariant (rule 10): silence is an outage, and a short read may be a stale one; only a log that stays short or away for long is
 * lost, or one that was made anew under the same name. What was delivered and says nothing of the record before it stays due until a reading
 * has brought it.
 */
import { TwinstateError } from '../shared/errors.js';
import { sequence } from '../shared/ids.js';
import type { Sequence } from '../shared/ids.js';

/** Between two polls of a log whose follower may have stalled, in milliseconds. */
const POLL_MS = 50;
/** A log that answered within so many polls answers now. */
const FRESH_POLLS = 4;
/** A poll without an answer is given up after so many. */
const LOST_POLLS = 10;

export class LogWatch {
  #polledMs = -Infinity;
  #answeredMs = -Infinity;
  #polling = false;
  #shortSinceMs: number | undefined;
  #identity: string | undefined;
  #missingSinceMs: number | undefined;
  /** The newest record that was delivered and that a reading is to bring. */
  #due: Sequence = sequence(0);
  /** Readings bring nothing behind this record, and since when. */
  #stalled: { readonly behind: Sequence; readonly sinceMs: number } | undefined;

  /** A log was read from its beginning. @param identity as its engine names it; `undefined`: the next one that is told */
  begin(nowMs: number, identity: string | null | undefined): void {
    this.#identity = identity ?? undefined;
    this.#missingSinceMs = undefined;
    this.#shortSinceMs = undefined;
    this.#answeredMs = nowMs;
    this.#due = sequence(0);
    this.#stalled = undefined;
  }

  /** A record was delivered that only a reading can place. */
  deliver(at: Sequence): void {
    if (at > this.#due) this.#due = at;
  }

  /** True while something was delivered that no reading has brought: it, or what stands behind it, is to be read. */
  isDue(applied: Sequence): boolean {
    return this.#due > applied;
  }

  /** A reading brought nothing behind `applied` although something is due: for how long now, in milliseconds; 0 where nothing is. */
  stalledFor(nowMs: number, applied: Sequence): number {
    if (!this.isDue(applied)) return 0;
    if (this.#stalled?.behind !== applied) this.#stalled = { behind: applied, sinceMs: nowMs };
    return nowMs - this.#stalled.sinceMs;
  }

  /** @returns why the log is lost, where this says so: it is another one, or has not been there for `lostMs` */
  identified(nowMs: number, identity: string | null, lostMs: number): string | undefined {
    if (identity === null) {
      this.#missingSinceMs ??= nowMs;
      return nowMs - this.#missingSinceMs >= lostMs ? 'no log under its name' : undefined;
    }
    this.#missingSinceMs = undefined;
    this.#identity ??= identity;
    return identity === this.#identity ? undefined : `a log made at ${identity} in place of one made at ${this.#identity}`;
  }

  answered(nowMs: number): void {
    this.#answeredMs = nowMs;
  }

  /** Claims are made only while the log answers: an outage must not end in a wave of them. */
  answersNow(nowMs: number): boolean {
    return nowMs - this.#answeredMs <= POLL_MS * FRESH_POLLS;
  }

  /** True where a poll is due; it counts as sent then. */
  mayPoll(nowMs: number): boolean {
    const sinceMs = nowMs - this.#polledMs;
    if (sinceMs < POLL_MS || (this.#polling && sinceMs < POLL_MS * LOST_POLLS)) return false;
    this.#polling = true;
    this.#polledMs = nowMs;
    return true;
  }

  polled(): void {
    this.#polling = false;
  }

  /** It read shorter than it was known to be: for how long now, in milliseconds. */
  shortFor(nowMs: number): number {
    this.#shortSinceMs ??= nowMs;
    return nowMs - this.#shortSinceMs;
  }

  whole(): void {
    this.#shortSinceMs = undefined;
  }
}

export function logLost(received: string): TwinstateError {
  return new TwinstateError('LOG_LOST', 'the log of this partition was lost or rolled back', {
    expected: 'every record that was known before',
    received,
    cure: 'nothing: its replicas go on in the next generation; find out what happened to the stream',
  });
}
