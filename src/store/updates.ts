/**
 * Runs the updates of one session in this process one after the other, those of different sessions side by side.
 *
 * Invariant: an update starts when all that were called before it have ended, however they ended; one that gave up waiting is passed
 * over and nothing of it was stored. So many may wait for one session and no more, so that a slow one cannot fill the memory. The time of
 * a call is counted from the call, waiting included.
 */
import { ConflictError, TwinstateError } from '../shared/errors.js';
import type { Clock } from '../shared/clock.js';
import type { SessionId } from '../shared/ids.js';
import { aborted } from '../shared/signal.js';
import { Deadline } from './deadline.js';
import type { CallOptions } from './deadline.js';

/** How many updates of one session may wait in one process. */
export const UPDATES_WAITING_MAX = 1_000;
/** Between two attempts, in milliseconds: at random, up to twice as long each time, and no longer than this. */
const PAUSE_MS_MAX = 50;

interface Turn {
  readonly come: Promise<void>;
  readonly begin: () => void;
  begun: boolean;
}

export class Updates {
  readonly #clock: Clock;
  readonly #random: () => number;
  /** By session: who has the turn, and then who waits for it. */
  readonly #queues = new Map<SessionId, Turn[]>();
  readonly #running = new Set<Promise<unknown>>();

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * @param attempt opens, changes and commits, each within the bounds that are left then; it is called again where it meets a `ConflictError`
   * @throws {TwinstateError} `LIMIT_EXCEEDED` where too many wait, `ABORTED` and `UNAVAILABLE` while it waits, each `not-stored`; what
   *   the last attempt throws
   */
  async run<R>(
    session: SessionId,
    attempts: number,
    options: CallOptions,
    attempt: (bounds: () => CallOptions) => Promise<R>,
  ): Promise<R> {
    const deadline = new Deadline(this.#clock, options);
    const run = this.#inTurn(session, deadline, options.signal, async () => {
      for (let tries = 1; ; tries++) {
        try {
          return await attempt(() => boundsWithin(session, deadline, options.signal));
        } catch (error) {
          if (!(error instanceof ConflictError) || tries >= attempts) throw error;
          await deadline.sleep(this.#random() * Math.min(PAUSE_MS_MAX, 2 ** tries), new Promise(() => undefined));
          if (deadline.passed || options.signal?.aborted === true) throw error;
        }
      }
    });
    this.#running.add(run);
    try {
      return await run;
    } finally {
      this.#running.delete(run);
    }
  }

  /** Resolves once everything that was called so far has ended. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  async #inTurn<R>(session: SessionId, deadline: Deadline, signal: AbortSignal | undefined, task: () => Promise<R>): Promise<R> {
    const queue = this.#queues.get(session) ?? [];
    if (queue.length > UPDATES_WAITING_MAX) throw tooMany(session);
    if (queue.length === 0) this.#queues.set(session, queue);
    const turn = newTurn();
    queue.push(turn);
    if (queue.length > 1) await this.#wait(session, queue, turn, deadline, signal);
    try {
      return await task();
    } finally {
      queue.shift();
      if (queue.length === 0) this.#queues.delete(session);
      else queue[0]!.begin();
    }
  }

  async #wait(session: SessionId, queue: Turn[], turn: Turn, deadline: Deadline, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted !== true) await deadline.sleep(deadline.leftMs, turn.come);
    if (turn.begun) return;
    const before = queue.indexOf(turn);
    queue.splice(before, 1);
    if (signal?.aborted === true) throw aborted(signal, 'not-stored');
    throw new TwinstateError('UNAVAILABLE', `this update of session ${JSON.stringify(session)} did not get its turn`, {
      expected: `the updates before it to end within ${deadline.timeoutMs} ms`,
      received: `${before} that had not`,
      outcome: 'not-stored',
      cure: 'give it more time, or commit an instance that stays open: an update must not call another of its own session',
    });
  }
}

function boundsWithin(session: SessionId, deadline: Deadline, signal: AbortSignal | undefined): CallOptions {
  if (!deadline.passed) return { signal, timeoutMs: deadline.leftMs };
  throw new TwinstateError('UNAVAILABLE', `an update of session ${JSON.stringify(session)} ran out of time`, {
    expected: `its function and the attempts before it to end within ${deadline.timeoutMs} ms`,
    outcome: 'not-stored',
    cure: 'give it more time, or let its function wait for less',
  });
}

function newTurn(): Turn {
  let come!: () => void;
  const turn: Turn = {
    come: new Promise((resolve) => (come = resolve)),
    begin: () => {
      turn.begun = true;
      come();
    },
    begun: false,
  };
  return turn;
}

function tooMany(session: SessionId): TwinstateError {
  return new TwinstateError('LIMIT_EXCEEDED', `too many updates of session ${JSON.stringify(session)} wait in this process`, {
    expected: `at most ${UPDATES_WAITING_MAX}`,
    received: 'one more',
    outcome: 'not-stored',
    cure: 'await some before calling more, or change several things in one update',
  });
}
