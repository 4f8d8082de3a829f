/**
 * A load over many sessions: each write adds one to its writer's own slot of one session, so that what is there can be held against
 * what was acknowledged, however many writes there were.
 */
import { TwinstateError } from '../../src/index.js';
import type { SessionStore } from '../../src/index.js';
import { Tally } from './tally.js';

export const sessionName = (index: number): string => `n${index}`;

/** What a writer was told, by session. */
export interface Counted {
  readonly acknowledged: Uint32Array;
  /** Writes of which nobody knows whether they were stored. */
  readonly unknown: Uint32Array;
  readonly notStored: number;
  /** How long each acknowledged write took, in milliseconds. */
  readonly waitsMs: Float64Array;
}

export class Counting {
  readonly #store: SessionStore;
  readonly #writer: string;
  readonly #acknowledged: Uint32Array;
  readonly #unknown: Uint32Array;
  readonly #waitsMs: number[] = [];
  #notStored = 0;
  #stopped = false;
  readonly #workers: readonly Promise<void>[];

  constructor(store: SessionStore, writer: string, sessions: number, workers: number) {
    this.#store = store;
    this.#writer = writer;
    this.#acknowledged = new Uint32Array(sessions);
    this.#unknown = new Uint32Array(sessions);
    this.#workers = Array.from({ length: workers }, () => this.#work());
  }

  get acknowledgements(): number {
    return this.#waitsMs.length;
  }

  async stop(): Promise<Counted> {
    this.#stopped = true;
    await Promise.all(this.#workers);
    const { length } = this.#acknowledged;
    return {
      acknowledged: this.#acknowledged.slice(0, length),
      unknown: this.#unknown.slice(0, length),
      notStored: this.#notStored,
      waitsMs: Float64Array.from(this.#waitsMs),
    };
  }

  async #work(): Promise<void> {
    while (!this.#stopped) {
      const index = Math.floor(Math.random() * this.#acknowledged.length);
      const askedMs = performance.now();
      try {
        await this.#store.update(
          Tally,
          sessionName(index),
          (tally) => {
            tally.last[this.#writer] = (tally.last[this.#writer] ?? 0) + 1;
          },
          { attempts: 1_000, timeoutMs: 30_000 },
        );
        this.#acknowledged[index]!++;
        this.#waitsMs.push(performance.now() - askedMs);
      } catch (error) {
        if (error instanceof TwinstateError && error.outcome === 'not-stored') this.#notStored++;
        else this.#unknown[index]!++;
      }
      // the machine has others to serve, too
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** Makes the sessions that are counted in, and does not mind those that are there already. */
export async function makeSessions(store: SessionStore, from: number, to: number): Promise<void> {
  await eachOf(from, to, async (index) => void (await store.create(Tally, {}, { id: sessionName(index), timeoutMs: 30_000 })));
}

/** What is there: by session, how often each writer wrote. */
export async function readCounts(store: SessionStore, sessions: number): Promise<Readonly<Record<string, number>>[]> {
  const counts: Readonly<Record<string, number>>[] = [];
  await eachOf(0, sessions, async (index) => {
    const tally = await store.open(Tally, sessionName(index), { consistency: 'strong', timeoutMs: 30_000 });
    counts[index] = tally === undefined ? { lost: 1 } : { ...tally.last };
  });
  return counts;
}

const AT_ONCE = 128;

async function eachOf(from: number, to: number, run: (index: number) => Promise<void>): Promise<void> {
  let next = from;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < to; index = next++) await run(index);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
