/**
 * Loads the stored sessions of one replica while it is already at work: those that somebody asks for at once, one by one, and, of a
 * replica that has just begun, all of them in the background.
 *
 * Invariant: a session that is here already, or comes twice, is not taken in again: the log has brought what is newer. One is fetched
 * once for all who ask meanwhile.
 */
import type { SnapshotEntry, Snapshots } from '../engine/port.js';
import type { Clock } from '../shared/clock.js';
import type { Partition, Revision, SessionId } from '../shared/ids.js';
import type { SnapshotPasses } from './snapshot-passes.js';
import { Turnstile } from './turnstile.js';

/** Sessions of one replica that are fetched one by one. */
const FETCHES_AT_ONCE = 32;
const AGAIN_MS = 50;
/** A session that nobody could tell of is asked for again after so long. */
const FETCH_AGAIN_MS = 20;
/** Whoever needs a session waits for it so long, and is told to ask again then: long enough for an answer, and no longer than that. */
const PRESENT_MS = 1_000;

export interface LoaderOptions {
  readonly partition: Partition;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
  readonly passes: SnapshotPasses;
  readonly keyOf: (id: SessionId) => string;
  /** Still the life of the replica for which it loads. */
  readonly live: () => boolean;
  /** It must be loaded before it can be served. */
  readonly lacks: (id: SessionId) => boolean;
  /** Takes what was found of a session: `null`, nothing. */
  readonly admit: (found: readonly (readonly [SessionId | undefined, SnapshotEntry | null])[]) => void;
  /** Everything was listed, complete up to a revision. @returns false where that is too old: list again */
  readonly listed: (highest: Revision) => boolean;
}

export class SnapshotLoader {
  readonly #options: LoaderOptions;
  readonly #under = new Map<SessionId, Promise<boolean>>();
  readonly #gate = new Turnstile(FETCHES_AT_ONCE);

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  /** Loads one session now. @returns false where nobody answered */
  fetch(id: SessionId): Promise<boolean> {
    let under = this.#under.get(id);
    if (under === undefined) {
      under = this.#gate.pass(() => this.#fetch(id)).finally(() => this.#under.delete(id));
      this.#under.set(id, under);
    }
    return under;
  }

  /** Resolves when a session is here, or after a while without it: then whoever asks is told so, and asks again. */
  async present(id: SessionId): Promise<void> {
    const { clock, lacks, live } = this.#options;
    const untilMs = clock.now() + PRESENT_MS;
    while (lacks(id) && live() && clock.now() < untilMs) {
      const fetched = this.fetch(id).catch(() => false);
      const late = this.#pause(untilMs - clock.now()).then(() => true);
      if (!(await Promise.race([fetched, late])) || lacks(id)) await this.#pause(FETCH_AGAIN_MS);
    }
  }

  async #fetch(id: SessionId): Promise<boolean> {
    const { snapshots, partition, keyOf, live, lacks, admit } = this.#options;
    if (!lacks(id)) return true;
    const found = await snapshots.get(partition, keyOf(id));
    if (found === undefined || !live()) return false;
    admit([[id, found]]);
    return true;
  }

  /** Loads everything. Rejects only with what ends the connection. */
  async run(): Promise<void> {
    while (this.#options.live()) {
      if (await this.#round()) return;
      await this.#pause(AGAIN_MS);
    }
  }

  async #round(): Promise<boolean> {
    const { snapshots, partition, live, passes, admit, listed } = this.#options;
    const highest = await passes.read(snapshots, {
      partition,
      live,
      take: (entries) => admit(entries.map((entry) => [undefined, entry] as const)),
    });
    if (!live()) return true;
    return highest !== undefined && listed(highest);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.after(ms, resolve));
  }
}
