/**
 * Runs tasks of the same key one after the other, tasks of different keys side by side.
 *
 * Invariant: a task starts only when the one before it has ended, however that ended; an idle key holds no memory.
 */
export class Lanes<K> {
  readonly #tails = new Map<K, Promise<unknown>>();

  run<T>(key: K, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const result = before === undefined ? task() : before.then(task, task);
    const tail: Promise<void> = result.then(
      () => this.#leave(key, tail),
      () => this.#leave(key, tail),
    );
    this.#tails.set(key, tail);
    return result;
  }

  /** Resolves once everything that was given so far has ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

  /** Resolves once everything of this key has ended. */
  async settled(key: K): Promise<void> {
    await this.#tails.get(key);
  }

  #leave(key: K, tail: Promise<unknown>): void {
    if (this.#tails.get(key) === tail) this.#tails.delete(key);
  }
}
