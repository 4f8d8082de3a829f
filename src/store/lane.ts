/**
 * Runs tasks of the same key one after the other, tasks of different keys side by side.
 *
 * Invariant: a task starts only when the one before it has ended, however that ended; one whose caller has given up never starts;
 * an idle key holds no memory.
 */
import type { Outcome, TwinstateError } from '../shared/errors.js';

/** How long a caller waits for its turn. */
export interface Bound {
  /** Calls back once, with the reason, when the wait is over. @returns what calls it off */
  onEnd(doing: string, outcome: Outcome | undefined, fn: (why: TwinstateError) => void): () => void;
}

export class Lanes<K> {
  readonly #tails = new Map<K, Promise<unknown>>();

  /** @throws {TwinstateError} `TIMEOUT` or `ABORTED`, `not-stored`, where the bound ends before the task's turn comes */
  run<T>(key: K, task: () => Promise<T>, bound?: Bound): Promise<T> {
    const before = this.#tails.get(key);
    const result = before === undefined ? task() : bound === undefined ? before.then(task) : turn(before, task, bound);
    const leave = (): void => this.#leave(key, tail);
    // also where this one has given up: whoever comes next waits for those before it
    const ended = before === undefined ? result : before.then(() => result);
    const tail: Promise<void> = ended.then(leave, leave);
    this.#tails.set(key, tail);
    return result;
  }

  /** Resolves once everything that was given so far has ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

  #leave(key: K, tail: Promise<unknown>): void {
    if (this.#tails.get(key) === tail) this.#tails.delete(key);
  }
}

/** @param before never rejects */
function turn<T>(before: Promise<unknown>, task: () => Promise<T>, bound: Bound): Promise<T> {
  return new Promise((resolve, reject) => {
    let over = false;
    const cancel = bound.onEnd(BEHIND_OTHERS, 'not-stored', (why) => {
      over = true;
      reject(why);
    });
    void before.then(() => {
      if (over) return;
      cancel();
      task().then(resolve, reject);
    });
  });
}

const BEHIND_OTHERS = 'waiting behind earlier calls of this process for the same session';
