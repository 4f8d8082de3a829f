/**
 * How long a web session is there without being used.
 *
 * Invariant: it is there for its whole time after any use that was stored, and for a tenth of that longer at most. So a use is recorded
 * only where it moves the end by more than a tenth: a session that is read all the time costs a record now and then. The session
 * class's own `ttl` is above all of this.
 */
import { TwinstateError } from '../index.js';
import type { CookieSettings } from './web-session.js';

/** How much later than asked for a session may end, as a part of its time. */
const LATE = 0.1;
/** What two ways of reading one time may differ by. */
const GRAIN_MS = 1_000;

export interface LifetimeOptions<D> {
  /** Seconds, or what gives them for a session. */
  readonly ttl: number | ((session: D) => number) | undefined;
  /** The idle time of the session class in milliseconds. */
  readonly classMs: number | undefined;
  readonly className: string;
  /** Reading does not count as a use, so an end must be known even where nobody said one. */
  readonly disableTouch: boolean;
}

/** Works out the ends of sessions, as connect-redis does: a function decides, else the cookie's expiry, else the number. */
export class Lifetime<D extends { readonly cookie?: CookieSettings }> {
  readonly #secondsOf: ((session: D) => number) | undefined;
  readonly #otherwiseMs: number | undefined;
  readonly #classMs: number;
  readonly #className: string;
  #isBoundTold = false;

  /** @throws {TwinstateError} `OPTION_INVALID` where `ttl` is no time, or longer than the class's */
  constructor({ ttl, classMs, className, disableTouch }: LifetimeOptions<D>) {
    this.#classMs = classMs ?? Infinity;
    this.#className = className;
    if (typeof ttl === 'function') this.#secondsOf = ttl;
    else if (ttl !== undefined) {
      if (!(Number.isFinite(ttl) && ttl > 0)) throw notSeconds(ttl);
      if (ttl * 1_000 > this.#classMs) {
        throw new TwinstateError('OPTION_INVALID', `sessions of ${className} do not live that long`, {
          expected: `a ttl of at most ${this.#classMs / 1_000} seconds, as @Session({ ttl }) of ${className} says`,
          received: `${ttl} seconds`,
          cure: 'give the session class a longer ttl, or this store a shorter one',
        });
      }
      this.#otherwiseMs = ttl * 1_000;
    } else if (disableTouch) this.#otherwiseMs = classMs;
  }

  /**
   * Tells when a session that is used now ends, in milliseconds since 1970; `undefined` where the class's `ttl` alone says so.
   *
   * @param before the end so far, which stays where it is late enough
   * @throws {TwinstateError} `OPTION_INVALID` where the function gives no number
   */
  endOf(session: D, now: number, before: number | undefined): number | undefined {
    const ms = this.#msOf(session, now);
    if (ms === undefined) return undefined;
    if (ms <= 0) return now;
    if (ms > this.#classMs) this.#tellBound(ms);
    const latest = Math.ceil(now + ms * (1 + LATE));
    return before !== undefined && before >= now + ms && before <= latest + GRAIN_MS ? before : latest;
  }

  #msOf(session: D, now: number): number | undefined {
    if (this.#secondsOf !== undefined) {
      const seconds = this.#secondsOf(session);
      if (!Number.isFinite(seconds)) throw notSeconds(seconds);
      return seconds * 1_000;
    }
    const expires = session.cookie?.expires;
    return expires === undefined || expires === null ? this.#otherwiseMs : new Date(expires).getTime() - now;
  }

  #tellBound(ms: number): void {
    if (this.#isBoundTold) return;
    this.#isBoundTold = true;
    const [asked, given] = [ms, this.#classMs].map((each) => Math.round(each / 1_000));
    process.emitWarning(`a session is to live ${asked} s, and those of ${this.#className} end ${given} s after their last use`, {
      type: 'TwinstateWarning',
      code: 'TWINSTATE_TTL',
      detail: `write @Session({ ttl }) on a class that extends ${this.#className}, and give it to the store as \`session\``,
    });
  }
}

/** Whether a session's time is over. */
export function isOver(end: number | undefined, now: number): boolean {
  return end !== undefined && end <= now;
}

function notSeconds(received: unknown): TwinstateError {
  return new TwinstateError('OPTION_INVALID', 'ttl is no time', {
    expected: 'seconds, more than 0, or a function that returns seconds',
    received: String(received),
    cure: 'for example ttl: 1800, half an hour',
    outcome: 'not-stored',
  });
}
