/**
 * Runs the updates of one session in this process one after the other, those of different sessions side by side.
 *
 * Invariant: an update starts when all that were called before it have ended, however they ended; one that gave up waiting is passed
 * over and nothing of it was stored. So many may wait for one session and no more, so that a slow one cannot fill the memory. The
 * time of a call is counted from the call, waiting and all attempts included.
 */
import { ConflictError, TwinstateError } from '../shared/errors.js';
import type { SessionId } from '../shared/ids.js';
import type { Deadline } from './deadline.js';
import { Lanes } from './lane.js';

/** How many updates of one session may wait in one process. */
const UPDATES_WAITING_MAX = 1_000;
/** Between two attempts, in milliseconds: at random, up to twice as long each time, and no longer than this. */
const PAUSE_MS_MAX = 50;

export class Updates {
  readonly #random: () => number;
  readonly #lanes = new Lanes<SessionId>();
  /** By session: how many run and wait. */
  readonly #counts = new Map<SessionId, number>();

  constructor(random: () => number) {
    this.#random = random;
  }

  /**
   * @param attempt opens, changes and commits; it is called again where it meets a `ConflictError`
   * @throws {TwinstateError} `LIMIT_EXCEEDED` where too many wait, `ABORTED` and `TIMEOUT` while it waits, each `not-stored`; what
   *   the last attempt throws
   */
  async run<R>(session: SessionId, attempts: number, deadline: Deadline, attempt: () => Promise<R>): Promise<R> {
    const count = this.#counts.get(session) ?? 0;
    if (count > UPDATES_WAITING_MAX) throw tooMany(session);
    this.#counts.set(session, count + 1);
    try {
      return await this.#lanes.run(session, () => this.#attempts(attempts, deadline, attempt), deadline);
    } finally {
      const left = this.#counts.get(session)! - 1;
      if (left > 0) this.#counts.set(session, left);
      else this.#counts.delete(session);
    }
  }

  /** Resolves once everything that was called so far has ended. */
  idle(): Promise<void> {
    return this.#lanes.idle();
  }

  async #attempts<R>(attempts: number, deadline: Deadline, attempt: () => Promise<R>): Promise<R> {
    for (let tries = 1; ; tries++) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof ConflictError) || error.outcome !== 'not-stored' || tries >= attempts) throw error;
        await deadline.sleep(this.#random() * Math.min(PAUSE_MS_MAX, 2 ** tries));
        if (deadline.passed) throw error;
      }
    }
  }
}

function tooMany(session: SessionId): TwinstateError {
  return new TwinstateError('LIMIT_EXCEEDED', `too many updates of session ${JSON.stringify(session)} wait in this process`, {
    expected: `at most ${UPDATES_WAITING_MAX}`,
    received: 'one more',
    outcome: 'not-stored',
    cure: 'await some before calling more, or change several things in one update',
  });
}
