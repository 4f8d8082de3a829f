/**
 * Every call of a simulated world's clients, with its beginning and its end, for the checker of histories that users get, too.
 *
 * Invariant: time is the world's. A caller who died before it was answered does not know what became of its call. What is read counts
 * as being as old as its consistency allows, no older.
 */
import { checkHistory } from '../../src/testing/history-check.js';
import type { HistoryCall, HistoryChange, HistoryState } from '../../src/testing/history.js';
import type { Told } from './history.js';

/** A call that was made. */
export interface Made {
  readonly session: string;
  readonly by: string;
  readonly startMs: number;
}

/** The answer to a change; `undefined`: its caller died. @param version that holds it, where that was told */
export interface Answered {
  readonly told: Told | undefined;
  readonly version?: number;
}

export class Calls {
  readonly #now: () => number;
  readonly #calls: HistoryCall[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  created(made: Made, life: string, { told }: Answered): void {
    this.#end(made, { does: { kind: 'create', life }, told: told ?? 'unknown' });
  }

  /** One of many who would have made it did, some time. */
  begun(session: string, life: string): void {
    this.#calls.push({ session, by: 'anybody', startMs: 0, endMs: Infinity, does: { kind: 'create', life }, told: 'unknown' });
  }

  /** @param found whether there was one to destroy */
  destroyed(made: Made, { told }: Answered, found: boolean): void {
    const gone = told === 'ok' && !found;
    this.#end(made, {
      does: { kind: 'destroy' },
      ...(gone ? { told: 'not-stored', refused: 'gone' } : { told: told ?? 'unknown' }),
    });
  }

  changed(made: Made, life: string, changes: readonly HistoryChange[], { told, version = 0 }: Answered): void {
    const known = told === 'ok' && version > 0 ? { version } : {};
    this.#end(made, { does: { kind: 'change', life, changes }, told: told ?? 'unknown', ...known });
  }

  /** @param saw `undefined` where there was no session @param staleMs as in `HistoryCall` */
  read(
    made: Made,
    saw: HistoryState | undefined,
    { version, staleMs }: { readonly version?: number; readonly staleMs: number },
  ): void {
    this.#end(made, {
      does: { kind: 'read', saw },
      told: 'ok',
      staleMs,
      ...(saw !== undefined && version !== undefined && { version }),
    });
  }

  /** What of it all cannot be true. @param but sessions that are not judged */
  contradictions(but: ReadonlySet<string>): string[] {
    return checkHistory(this.#calls.filter(({ session }) => !but.has(session))).map(({ message }) => message);
  }

  #end(made: Made, answered: Pick<HistoryCall, 'does' | 'told' | 'refused' | 'version' | 'staleMs'>): void {
    this.#calls.push({ ...made, endMs: this.#now(), ...answered });
  }
}
