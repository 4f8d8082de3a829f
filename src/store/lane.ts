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

/** One that waits; false: its caller has given up, and it takes no time. */
type Turn = () => boolean;

const NOBODY: readonly Turn[] = [];

export class Lanes<K> {
  /** Those who wait behind the task under way, by key. Most never have anybody behind them. */
  readonly #waiting = new Map<K, Turn[] | typeof NOBODY>();

  /** Begins a task without a promise where its key is idle: then whoever calls must call `leave` at its end, once. */
  enter(key: K): boolean {
    if (this.#waiting.has(key)) return false;
    this.#waiting.set(key, NOBODY);
    return true;
  }

  /** The task under way has ended: the next one begins. */
  leave(key: K): void {
    const waiting = this.#waiting.get(key) as Turn[];
    while (waiting.length > 0) if (waiting.shift()!()) return;
    this.#waiting.delete(key);
  }

  /** @throws {TwinstateError} `TIMEOUT` or `ABORTED`, `not-stored`, where the bound ends before the task's turn comes */
  run<T>(key: K, task: () => Promise<T>, bound?: Bound): Promise<T> {
    if (this.enter(key)) return this.#begin(key, task);
    return new Promise((resolve, reject) => {
      let over = false;
      const cancel = bound?.onEnd(BEHIND_OTHERS, 'not-stored', (why) => {
        over = true;
        reject(why);
      });
      this.#wait(key, () => {
        if (over) return false;
        cancel?.();
        this.#begin(key, task).then(resolve, reject);
        return true;
      });
    });
  }

  /** Resolves once everything that was given so far has ended. */
  async idle(): Promise<void> {
    await Promise.all(Array.from(this.#waiting.keys(), (key) => this.run(key, () => Promise.resolve())));
  }

  #begin<T>(key: K, task: () => Promise<T>): Promise<T> {
    const result = task();
    const leave = (): void => this.leave(key);
    result.then(leave, leave);
    return result;
  }

  #wait(key: K, turn: Turn): void {
    const waiting = this.#waiting.get(key)!;
    if (waiting === NOBODY) this.#waiting.set(key, [turn]);
    else (waiting as Turn[]).push(turn);
  }
}

const BEHIND_OTHERS = 'waiting behind earlier calls of this process for the same session';
