/** The session that the callers change: a list, a counter and a register, which the checker judges each by its own rules. */
import 'reflect-metadata';
import { Immutable, Mutable, Session } from '../../src/index.js';
import type { HistoryState } from '../../src/testing/history.js';

@Session({ name: 'account' })
export class Account {
  /** Tells apart the sessions that had one id. */
  @Immutable() life!: string;
  @Mutable({ merge: 'append' }) log: string[] = [];
  @Mutable({ merge: 'add' }) count = 0;
  /** Two who changed it from the same state are in conflict. */
  @Mutable() value: string | null = null;
}

export const BEGINS = { value: null } as const;

export function seen({ life, log, count, value }: Account): HistoryState {
  return { life, attributes: { log: [...log], count, value } };
}
