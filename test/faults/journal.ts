/**
 * What one process did, in a file that outlives it: a line when a call begins, when it is known what it does, and when it ends.
 *
 * Invariant: a line is with the operating system before the process goes on, so `kill -9` loses none; a call without an end has no
 * known outcome, and one of which it was not yet known what it does has sent nothing.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { HistoryCall, HistoryDeed } from '../../src/testing/history.js';
import { nowMs } from '../scenarios/machine-clock.js';

/** How much was asked for: what only the log held may go with it. */
export interface NotedCall extends HistoryCall {
  readonly held?: boolean;
}

type End = Pick<NotedCall, 'told' | 'refused' | 'version' | 'staleMs'>;

type Line =
  | { readonly i: number; readonly session: string; readonly startMs: number; readonly held?: boolean }
  | { readonly i: number; readonly does: HistoryDeed }
  | ({ readonly i: number; readonly endMs: number } & End)
  /** This process became the primary of a partition. */
  | { readonly leads: number };

export class Journal {
  readonly #file: number;
  #count = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  begin(session: string, held = false): number {
    const i = ++this.#count;
    this.#write({ i, session, startMs: nowMs(), ...(held && { held }) });
    return i;
  }

  does(i: number, does: HistoryDeed): void {
    this.#write({ i, does });
  }

  end(i: number, end: End): void {
    // `Infinity` is none of JSON's numbers
    const staleMs = end.staleMs === Infinity ? Number.MAX_VALUE : end.staleMs;
    this.#write({ i, endMs: nowMs(), ...end, ...(staleMs !== undefined && { staleMs }) });
  }

  leads(partition: number): void {
    this.#write({ leads: partition });
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(line: Line): void {
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}

export function readJournal(path: string, by: string): NotedCall[] {
  const calls = new Map<number, Partial<NotedCall> & { by: string }>();
  for (const line of linesOf(path)) {
    if (!('i' in line)) continue;
    const { i, ...rest } = line;
    const call = calls.get(i);
    if (call === undefined) calls.set(i, { by, told: 'unknown', endMs: Infinity, ...(rest as Partial<NotedCall>) });
    else Object.assign(call, rest);
  }
  return [...calls.values()].flatMap((call) => {
    const { does } = call;
    if (does === undefined) return [];
    // JSON knows no undefined
    if (does.kind === 'read')
      return call.told === 'ok' ? [{ ...call, does: { kind: 'read', saw: does.saw ?? undefined } } as NotedCall] : [];
    return [call as NotedCall];
  });
}

/** How often its process became the primary of a partition. */
export function readTakeovers(path: string): number {
  return linesOf(path).filter((line) => 'leads' in line).length;
}

function linesOf(path: string): Line[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((text) => {
      try {
        return [JSON.parse(text) as Line];
      } catch {
        // the last one of a process that was killed while it wrote
        return [];
      }
    });
}
