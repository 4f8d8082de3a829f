/**
 * The load of the scenarios: every write leaves a token of its own, and what the writer was told of it is held against what is
 * there in the end.
 */
import 'reflect-metadata';
import { Mutable, Session, TwinstateError } from '../../src/index.js';
import type { SessionStore } from '../../src/index.js';

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
}

export function nothingTold(): Told {
  return { acknowledged: [], notStored: [], unknown: [], wrong: [] };
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
        this.told.acknowledged.push(token);
      } catch (error) {
        if (!(error instanceof TwinstateError)) this.told.wrong.push(`${token}: ${String(error)}`);
        else if (error.outcome === 'not-stored') this.told.notStored.push(token);
        else if (error.outcome === 'unknown') this.told.unknown.push(token);
        // of an open that found no primary: nothing was written at all
        else if (error.code === 'UNAVAILABLE' || error.code === 'CLOSED') this.told.notStored.push(token);
        else this.told.wrong.push(`${token}: ${error.message}`);
        if (error instanceof TwinstateError && error.code === 'CLOSED') return;
      }
      // a breath, so that many seconds do not make endless arrays
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
  }
}

/** Reads every session and says what does not fit to what was told; empty where all fits. */
export async function judge(store: SessionStore, sessions: readonly string[], told: readonly Told[]): Promise<string[]> {
  const wrong = told.flatMap((each) => [...each.wrong]);
  const found = new Map<string, number>();
  for (const session of sessions) {
    const tally = await store.open(Tally, session, { consistency: 'strong', timeoutMs: 30_000 });
    if (tally === undefined) {
      wrong.push(`session ${session} is lost`);
      continue;
    }
    for (const token of tally.tokens) {
      if (!token.startsWith(`${session}/`)) wrong.push(`${token} is in ${session}`);
      found.set(token, (found.get(token) ?? 0) + 1);
    }
  }
  const known = new Set<string>();
  for (const { acknowledged, notStored, unknown } of told) {
    for (const token of acknowledged)
      if (found.get(token) !== 1) wrong.push(`${token} was acknowledged and is there ${found.get(token) ?? 0} times`);
    for (const token of notStored) if (found.has(token)) wrong.push(`${token} was not stored and is there`);
    for (const token of unknown) if ((found.get(token) ?? 0) > 1) wrong.push(`${token} is there ${found.get(token)} times`);
    for (const token of [...acknowledged, ...unknown]) known.add(token);
  }
  for (const token of found.keys()) if (!known.has(token)) wrong.push(`${token} is there, and nobody wrote it`);
  return wrong;
}
