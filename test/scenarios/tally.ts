/**
 * The load of the scenarios: every write leaves a token of its own, and what the writer was told of it is held against what is
 * there in the end, and against what was read meanwhile.
 */
import 'reflect-metadata';
import { Mutable, Session, TwinstateError } from '../../src/index.js';
import type { SessionStore } from '../../src/index.js';
import { checkHistory } from '../../src/testing/history-check.js';
import type { HistoryCall } from '../../src/testing/history.js';
import { nowMs } from './machine-clock.js';

@Session({ name: 'tally' })
export class Tally {
  @Mutable() tokens: string[] = [];
  /** A slot for each writer, so that writers also merge. */
  @Mutable() last: Record<string, number> = {};
}

/** What a writer was told of its tokens. */
export interface Told {
  readonly acknowledged: string[];
  readonly notStored: string[];
  readonly unknown: string[];
  /** What no writer may ever see. */
  readonly wrong: string[];
  readonly calls: HistoryCall[];
}

export function nothingTold(): Told {
  return { acknowledged: [], notStored: [], unknown: [], wrong: [], calls: [] };
}

/** Writers that go on until they are stopped. */
export class Load {
  readonly told = nothingTold();
  #stopped = false;
  readonly #writers: Promise<void>[];

  constructor(store: SessionStore, name: string, sessions: readonly string[], writers = sessions.length) {
    this.#writers = Array.from({ length: writers }, (_, i) => this.#write(store, `${name}${i}`, sessions[i % sessions.length]!));
  }

  async stop(): Promise<Told> {
    this.#stopped = true;
    await Promise.all(this.#writers);
    return this.told;
  }

  async #write(store: SessionStore, writer: string, session: string): Promise<void> {
    for (let i = 0; !this.#stopped; i++) {
      const token = `${session}/${writer}.${i}`;
      const startMs = nowMs();
      const ended = (told: HistoryCall['told']): void => {
        const does = { kind: 'change', life: session, changes: [{ attribute: 'tokens', append: token }] } as const;
        this.told.calls.push({ session, by: writer, startMs, endMs: nowMs(), does, told });
      };
      try {
        await store.update(
          Tally,
          session,
          (tally) => {
            tally.tokens.push(token);
            tally.last[writer] = i;
          },
          { attempts: 1_000, timeoutMs: 30_000 },
        );
        ended('ok');
        this.told.acknowledged.push(token);
        if (i % READ_EACH === 0) this.told.calls.push(await read(store, writer, session));
      } catch (error) {
        if (!(error instanceof TwinstateError)) this.told.wrong.push(`${token}: ${String(error)}`);
        else if (error.outcome === 'not-stored') this.told.notStored.push(token);
        else if (error.outcome === 'unknown') this.told.unknown.push(token);
        // of an open that found no primary: nothing was written at all
        else if (error.code === 'UNAVAILABLE' || error.code === 'CLOSED') this.told.notStored.push(token);
        else this.told.wrong.push(`${token}: ${error.message}`);
        if (this.told.acknowledged.at(-1) !== token) ended(this.told.unknown.at(-1) === token ? 'unknown' : 'not-stored');
        if (error instanceof TwinstateError && error.code === 'CLOSED') return;
      }
      // a breath, so that many seconds do not make endless arrays
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
  }
}

/** Now and then a writer looks at what all have written so far. */
const READ_EACH = 10;

async function read(store: SessionStore, by: string, session: string): Promise<HistoryCall> {
  const startMs = nowMs();
  const tally = await store.open(Tally, session, { consistency: 'strong', timeoutMs: 30_000 });
  const saw = tally && { life: session, attributes: { tokens: tally.tokens } };
  return { session, by, startMs, endMs: nowMs(), does: { kind: 'read', saw }, told: 'ok' };
}

/** Reads every session and says what does not fit to what was told; empty where all fits. */
export async function judge(store: SessionStore, sessions: readonly string[], told: readonly Told[]): Promise<string[]> {
  const calls = told.flatMap((each) => each.calls);
  for (const session of sessions) {
    calls.push({ session, by: 'the test', startMs: 0, endMs: 0, does: { kind: 'create', life: session }, told: 'ok' });
    calls.push(await read(store, 'the test', session));
  }
  return [...told.flatMap(({ wrong }) => wrong), ...checkHistory(calls).map(({ message }) => message)];
}
