/**
 * Calls every verb of a store on the same sessions as many others, and notes each call and its answer.
 *
 * Invariant: a call is noted before it is sent; whatever a store says that no caller should hear is a complaint.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TwinstateError } from '../../src/index.js';
import type { SessionStore } from '../../src/index.js';
import type { HistoryChange } from '../../src/testing/history.js';
import { Account, BEGINS, seen } from './account.js';
import type { Journal } from './journal.js';

export interface Calling {
  readonly sessions: readonly string[];
  /** Those that are destroyed and created again. */
  readonly mortal: readonly string[];
  readonly callers: number;
  /** How old a read of the primary may be, and a refusal. */
  readonly staleMs: number;
  readonly timeoutMs: number;
  readonly seed: number;
}

/** A call that ends so much later than it was allowed to hangs; the machine may be busy, or the process stopped. */
const LATE_MS_MAX = 60_000;
/** A reader that only looks asks again soon. */
const LOOK_MS_MAX = 500;
const EXPECTED = new Set([
  'UNAVAILABLE',
  'SESSION_GONE',
  'SESSION_EXISTS',
  'CONFLICT',
  'NOT_ENOUGH_BACKUPS',
  'STALE_INSTANCE',
  'TIMEOUT',
  'CLOSED',
  'ENGINE_FAILED',
]);

export class Callers {
  readonly complaints: string[] = [];
  readonly counts = { ok: 0, 'not-stored': 0, unknown: 0, reads: 0, failedReads: 0 };
  readonly #store: SessionStore;
  readonly #journal: Journal;
  readonly #name: string;
  readonly #calling: Calling;
  readonly #random: () => number;
  #stopped = false;
  #tokens = 0;
  readonly #running: Promise<void>[];

  constructor(store: SessionStore, journal: Journal, name: string, calling: Calling, random: () => number) {
    this.#store = store;
    this.#journal = journal;
    this.#name = name;
    this.#calling = calling;
    this.#random = random;
    this.#running = Array.from({ length: calling.callers }, () => this.#run());
    if (calling.callers > 0) this.#running.push(this.#look());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const { sessions, mortal } = this.#calling;
      const isMortal = this.#chance(0.3) && mortal.length > 0;
      const session = this.#one(isMortal ? mortal : sessions);
      const startedMs = performance.now();
      await this.#call(session, isMortal);
      const tookMs = performance.now() - startedMs;
      if (tookMs > this.#calling.timeoutMs * 4 + LATE_MS_MAX)
        this.complaints.push(`a call of ${session} took ${Math.round(tookMs)} ms`);
      await sleep(5 + this.#random() * 20);
    }
  }

  /** Only reads: whoever also writes soon waits for a log that is out of reach, and asks nothing that could be stale meanwhile. */
  async #look(): Promise<void> {
    const { sessions, mortal } = this.#calling;
    while (!this.#stopped) {
      await this.read(this.#one([...sessions, ...mortal]), this.#chance(0.8) ? 'primary' : 'local', LOOK_MS_MAX);
      await sleep(10 + this.#random() * 20);
    }
  }

  async #call(session: string, isMortal: boolean): Promise<void> {
    const dice = this.#random();
    if (dice < 0.3) return this.read(session, dice < 0.1 ? 'strong' : dice < 0.2 ? 'primary' : 'local');
    if (isMortal && dice < 0.45) return this.create(session);
    if (isMortal && dice < 0.55) return this.#destroy(session);
    if (dice < 0.6) return this.#touch(session);
    return dice < 0.8 ? this.#update(session) : this.#hold(session);
  }

  async read(session: string, consistency: 'strong' | 'primary' | 'local', timeoutMs = this.#calling.timeoutMs): Promise<void> {
    const staleMs = consistency === 'strong' ? 0 : consistency === 'primary' ? this.#calling.staleMs : Infinity;
    const noted = this.#journal.begin(session);
    try {
      const account = await this.#store.open(Account, session, { consistency, timeoutMs });
      this.#journal.does(noted, { kind: 'read', saw: account && seen(account) });
      this.#journal.end(noted, { told: 'ok', staleMs, ...(account && { version: this.#store.versionOf(account) }) });
      this.counts.reads++;
    } catch (error) {
      this.#complain(error, session);
      this.counts.failedReads++;
    }
  }

  async create(session: string, held = false): Promise<void> {
    const noted = this.#journal.begin(session, held);
    const life = `${session} by ${this.#token()}`;
    this.#journal.does(noted, { kind: 'create', life, attributes: BEGINS });
    await this.#ended(noted, session, async () => {
      const account = await this.#store.create(Account, { life }, { id: session, ...this.#write(held) });
      return this.#store.versionOf(account);
    });
  }

  async #destroy(session: string): Promise<void> {
    const held = this.#chance(0.3);
    const noted = this.#journal.begin(session, held);
    this.#journal.does(noted, { kind: 'destroy' });
    await this.#ended(noted, session, async () => {
      const wasThere = await this.#store.destroy(Account, session, this.#write(held));
      return wasThere ? undefined : 'gone';
    });
  }

  /** Says nothing that could be judged, but must end. */
  async #touch(session: string): Promise<void> {
    await this.#store.touch(Account, session, this.#write(false)).catch((error: unknown) => this.#complain(error, session));
  }

  async #update(session: string): Promise<void> {
    const held = this.#chance(0.3);
    const noted = this.#journal.begin(session, held);
    const token = this.#token();
    const what = this.#random();
    let account: Account | undefined;
    let base = 0;
    await this.#ended(noted, session, async () => {
      await this.#store.update(
        Account,
        session,
        (opened) => {
          account = opened;
          base = this.#store.versionOf(opened);
          const changes: HistoryChange[] = [];
          if (what < 0.5) changes.push({ attribute: 'log', append: token });
          if (what > 0.35 && what < 0.7) changes.push({ attribute: 'count', add: 1 });
          if (what > 0.45) changes.push({ attribute: 'value', write: token, over: opened.value });
          this.#journal.does(noted, { kind: 'change', life: opened.life, changes });
          for (const change of changes) {
            if ('append' in change) opened.log.push(token);
            else if ('add' in change) opened.count += change.add;
            else opened.value = token;
          }
        },
        { attempts: 100, ...this.#write(held) },
      );
      // an instance that could not follow what others committed before it stays at its base
      const version = this.#store.versionOf(account!);
      return version > base ? version : undefined;
    });
  }

  /** Several commits of one instance. */
  async #hold(session: string): Promise<void> {
    let account: Account | undefined;
    try {
      account = await this.#store.open(Account, session, { timeoutMs: this.#calling.timeoutMs });
    } catch (error) {
      this.#complain(error, session);
    }
    for (let i = 0; account !== undefined && i < 4 && !this.#stopped; i++) {
      const held = this.#chance(0.3);
      const noted = this.#journal.begin(session, held);
      const token = this.#token();
      const changes: HistoryChange[] = [];
      if (i !== 1) changes.push({ attribute: 'log', append: token });
      if (i > 0) changes.push({ attribute: 'count', add: 1 });
      this.#journal.does(noted, { kind: 'change', life: account.life, changes });
      if (i !== 1) account.log.push(token);
      if (i > 0) account.count++;
      const instance = account;
      const stored = await this.#ended(
        noted,
        session,
        async () => (await this.#store.commit(instance, this.#write(held))).version,
      );
      if (!stored) return;
    }
  }

  /** Runs a write and notes how it ended. */
  async #ended(noted: number, session: string, write: () => Promise<number | 'gone' | undefined>): Promise<boolean> {
    try {
      const version = await write();
      const end =
        version === 'gone'
          ? ({ told: 'not-stored', refused: 'gone', staleMs: this.#calling.staleMs } as const)
          : { told: 'ok' as const, ...(version !== undefined && { version }) };
      this.#journal.end(noted, end);
      this.counts[end.told]++;
      return end.told === 'ok';
    } catch (error) {
      this.#complain(error, session);
      const { code, outcome, version } = error as Partial<TwinstateError>;
      const refused = code === 'SESSION_EXISTS' ? ('exists' as const) : code === 'SESSION_GONE' ? ('gone' as const) : undefined;
      const told = outcome === 'stored' ? 'ok' : outcome === 'not-stored' ? 'not-stored' : 'unknown';
      this.#journal.end(noted, {
        told,
        ...(told === 'not-stored' && refused !== undefined && { refused, staleMs: this.#calling.staleMs }),
        ...(told === 'ok' && version !== undefined && { version }),
      });
      this.counts[told]++;
      return false;
    }
  }

  #write(held: boolean) {
    return { timeoutMs: this.#calling.timeoutMs, ...(held && { ack: { backups: 1 } }) } as const;
  }

  #complain(error: unknown, session: string): void {
    if (error instanceof TwinstateError && EXPECTED.has(error.code)) return;
    this.complaints.push(`${session}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }

  #token(): string {
    return `${this.#name}.${++this.#tokens}`;
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #one<T>(among: readonly T[]): T {
    return among[Math.floor(this.#random() * among.length)]!;
  }
}
