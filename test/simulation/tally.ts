/**
 * A session with merge rules, in which every change says what it did: whatever state anybody sees must add up.
 *
 * Invariant checked: the sums, the highest and the sets are those of the operations in the log, exactly; each acknowledged operation
 * is in it once, one that was reported as not stored is not, and those of one writer stand in the order in which it made them.
 */
import 'reflect-metadata';
import { Immutable } from '../../src/model/immutable.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';
import type { Told } from './history.js';

export class Mark {
  @Immutable() by!: string;
  @Mutable({ merge: 'add' }) amount = 0;
}

@Session({ name: 'tally' })
export class Tally {
  @Immutable() life!: string;
  @Mutable({ merge: 'add' }) sum = 0;
  /** Of operations. */
  @Mutable({ merge: 'add' }) count = 0;
  @Mutable({ merge: 'add' }) exact = 0n;
  @Mutable({ merge: 'max' }) high = 0;
  @Mutable({ merge: 'union' }) ops = new Set<string>();
  @Mutable({ merge: 'append' }) log: string[] = [];
  @Mutable({ type: () => Mark, merge: 'append' }) marks: Mark[] = [];
}

/** `writer.number:amount` */
const amountOf = (op: string): number => Number(op.slice(op.indexOf(':') + 1));
const writerOf = (op: string): string => op.slice(0, op.indexOf('.'));
const numberOf = (op: string): number => Number(op.slice(op.indexOf('.') + 1, op.indexOf(':')));

export function enter(tally: Tally, op: string): void {
  const amount = amountOf(op);
  tally.sum += amount;
  tally.count++;
  tally.exact += BigInt(amount);
  tally.high = Math.max(tally.high, amount);
  tally.ops.add(op);
  tally.log.push(op);
  // an object that is begun by one and goes on with all
  const mark = tally.marks.find((each) => each.amount < 100);
  if (mark === undefined) tally.marks.push(Object.assign(new Mark(), { by: writerOf(op), amount }));
  else mark.amount += amount;
}

/** What in a state cannot be, whoever sees it. */
export function contradictions({ sum, count, exact, high, ops, log, marks }: Tally): string[] {
  const amounts = log.map(amountOf);
  const total = amounts.reduce((all, amount) => all + amount, 0);
  const marked = marks.reduce((all, { amount }) => all + amount, 0);
  const found: string[] = [];
  if (sum !== total || exact !== BigInt(total) || marked !== total) {
    found.push(`${log.length} operations of ${total} together, and the sums are ${sum}, ${exact} and ${marked}`);
  }
  if (count !== log.length) found.push(`${count} were counted of ${log.join()}`);
  if (high !== Math.max(0, ...amounts)) found.push(`the highest is ${high} of ${amounts.join()}`);
  if (new Set(log).size !== log.length) found.push(`an operation stands there twice: ${log.join()}`);
  if (ops.size !== log.length || log.some((op) => !ops.has(op)))
    found.push(`the set has ${[...ops].join()}, the log ${log.join()}`);
  return found;
}

/** What the writers of tallies were told. */
export class Entered {
  readonly #told = new Map<string, { readonly session: string; told: Told }>();

  begin(session: string, op: string): { told: Told } {
    const entry = { session, told: 'unknown' as Told };
    this.#told.set(op, entry);
    return entry;
  }

  /** @param final the log of each session at the end @param unread those that could not be read */
  violations(final: ReadonlyMap<string, readonly string[]>, unread: ReadonlySet<string>): string[] {
    const found: string[] = [];
    for (const [op, { session, told }] of this.#told) {
      if (unread.has(session) && !final.has(session)) continue;
      const isThere = final.get(session)?.includes(op) === true;
      if (told === 'ok' && !isThere) found.push(`lost: ${op} of ${session}, acknowledged`);
      if (told === 'not-stored' && isThere) found.push(`reported as not stored, but stored: ${op} of ${session}`);
    }
    for (const [session, log] of final) {
      const last = new Map<string, number>();
      for (const op of log.filter((each) => this.#told.get(each)?.told === 'ok')) {
        if (numberOf(op) < (last.get(writerOf(op)) ?? 0))
          found.push(`${op} stands behind a later one of its writer in ${session}`);
        last.set(writerOf(op), numberOf(op));
      }
    }
    return found;
  }
}
