/** What several processes change at once: every writer adds to what all share, and to what is its own. */
import 'reflect-metadata';
import { Immutable, Mutable, Session } from '../../src/index.js';
import type { SessionStore } from '../../src/index.js';

export class Card {
  @Immutable() title!: string;
  @Mutable({ merge: 'add' }) votes = 0;
}

@Session({ name: 'board' })
export class Board {
  @Mutable({ merge: 'add' }) count = 0;
  @Mutable({ merge: 'add' }) exact = 0n;
  @Mutable({ merge: 'union' }) tags = new Set<string>();
  @Mutable({ merge: 'append' }) log: string[] = [];
  @Mutable({ type: () => Card, merge: 'append' }) cards: Card[] = [];
  @Mutable() own = new Map<string, number>();
}

export const BOARD = 'the board';

/** Makes its share of commits: on an instance that stays open, several under way together, and now and then by `update`. */
export async function write(store: SessionStore, name: string, commits: number): Promise<void> {
  const options = { timeoutMs: 60_000 };
  const board = (await store.open(Board, BOARD, { consistency: 'strong', ...options }))!;
  const enter = (to: Board, i: number): void => {
    to.count += 1;
    to.exact += BigInt(i);
    to.tags.add(`${name}.${i}`);
    to.log.push(`${name}.${i}`);
    to.own.set(name, (to.own.get(name) ?? 0) + 1);
    to.cards[0]!.votes += 1;
    if (i % 10 === 0) to.cards.push(Object.assign(new Card(), { title: `${name}.${i}` }));
  };
  let under: Promise<unknown>[] = [];
  for (let i = 0; i < commits; i++) {
    if (i % 10 === 9) {
      await Promise.all(under.splice(0));
      await store.update(Board, BOARD, (fresh) => enter(fresh, i), { ...options, attempts: 1_000 });
      await store.refresh(board, options);
      continue;
    }
    enter(board, i);
    under.push(store.commit(board, options));
    if (i % 4 === 0) await Promise.all(under.splice(0));
  }
  await Promise.all(under);
  under = [];
}
