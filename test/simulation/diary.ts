import 'reflect-metadata';
import { Mutable } from '../../src/model/mutable.js';
import { Immutable } from '../../src/model/immutable.js';
import { Session } from '../../src/model/session.js';
import type { HistoryState } from '../../src/testing/history.js';

/** The session of the simulated world: every change of it tells who made it. */
@Session({ name: 'diary' })
export class Diary {
  /** Unique for each time that the session is created. */
  @Immutable() life!: string;
  /** One slot: two appends at once conflict. */
  @Mutable() entries: string[] = [];
  /** A slot for each writer: they merge. */
  @Mutable() notes = new Map<string, { text: string }>();
  @Mutable() pages: { readonly by: string; text: string }[] = [];
}

/** What the checker of histories looks at: the list, and a register for each of those who write notes. */
export function attributesOf({ entries, notes }: Diary, writers: readonly string[]): HistoryState['attributes'] {
  return Object.fromEntries([['entries', [...entries]], ...writers.map((by) => [noteBy(by), notes.get(by)?.text])]);
}

export const noteBy = (writer: string): string => `note of ${writer}`;

/** A later version of the class, with one attribute more: who does not know it passes it on. */
@Session({ name: 'diary' })
export class NewDiary extends Diary {
  /** What was appended by those who know it; one slot. */
  @Mutable() moods: string[] = [];
}
