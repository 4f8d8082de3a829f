/**
 * One session under steady load: commits one after the other, and notes when each was called and acknowledged.
 *
 * Invariant: `count` of the session is what was acknowledged, so that a lost or repeated commit shows in the end.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TwinstateError } from '../../../src/shared/errors.js';
import type { SessionStore } from '../../../src/store/session-store.js';
import { Counter } from './counter.js';

/** Between two commits of one session. */
const PAUSE_MS = 2;

export class Writer {
  readonly id: string;
  readonly partition: number;
  readonly #store: SessionStore;
  readonly #calledMs: number[] = [];
  readonly #storedMs: number[] = [];
  /** Commits that rejected, by what they said. */
  readonly failures: string[] = [];
  #unknown = 0;
  #stopped = false;
  #running: Promise<void> | undefined;

  constructor(store: SessionStore, id: string, partition: number) {
    this.#store = store;
    this.id = id;
    this.partition = partition;
  }

  async begin(): Promise<void> {
    const counter = await this.#store.create(Counter, {}, { id: this.id });
    this.#running = this.#run(counter);
  }

  /** Forgets what was noted before a moment: later questions are about later times. */
  forget(beforeMs: number): void {
    const kept = this.#storedMs.findIndex((ms) => ms >= beforeMs);
    // one before it stays: a gap begins there
    const from = Math.max(0, (kept < 0 ? this.#storedMs.length : kept) - 1);
    this.acknowledgedBefore += from;
    this.#calledMs.splice(0, from);
    this.#storedMs.splice(0, from);
  }

  acknowledgedBefore = 0;

  /** From a moment to the acknowledgement of the first commit that was called after it; `undefined` where there is none yet. */
  firstAfter(ms: number): number | undefined {
    const at = this.#calledMs.findIndex((calledMs) => calledMs > ms);
    return at < 0 ? undefined : this.#storedMs[at]! - ms;
  }

  /** The longest time between two acknowledgements that follow each other, the later of which lies in the window. */
  longestGap(fromMs: number, untilMs: number): number {
    let longest = 0;
    for (let i = 1; i < this.#storedMs.length; i++) {
      const ms = this.#storedMs[i]!;
      if (ms > fromMs && ms <= untilMs) longest = Math.max(longest, ms - this.#storedMs[i - 1]!);
    }
    return longest;
  }

  /** The time between the two acknowledgements around a moment; `undefined` where one of them is missing. */
  gapAround(ms: number): number | undefined {
    const after = this.#storedMs.findIndex((storedMs) => storedMs >= ms);
    return after < 1 ? undefined : this.#storedMs[after]! - this.#storedMs[after - 1]!;
  }

  /** Ends the load and says how many commits are missing, or there twice. */
  async end(): Promise<{ readonly acknowledged: number; readonly wrong: number }> {
    this.#stopped = true;
    await this.#running;
    const counter = await this.#store.open(Counter, this.id, { consistency: 'strong', timeoutMs: 30_000 });
    const acknowledged = this.acknowledgedBefore + this.#storedMs.length;
    const found = counter?.count ?? 0;
    const wrong = Math.max(0, acknowledged - found, found - acknowledged - this.#unknown);
    return { acknowledged, wrong };
  }

  async #run(counter: Counter): Promise<void> {
    while (!this.#stopped) {
      const calledMs = performance.now();
      counter.count++;
      try {
        await this.#store.commit(counter, { timeoutMs: 20_000 });
        this.#calledMs.push(calledMs);
        this.#storedMs.push(performance.now());
      } catch (error) {
        this.failures.push(String(error));
        if (!(error instanceof TwinstateError) || error.outcome !== 'not-stored') this.#unknown++;
        await this.#store.refresh(counter, { timeoutMs: 20_000 }).catch(() => undefined);
      }
      await sleep(PAUSE_MS);
    }
  }
}
