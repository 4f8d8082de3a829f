/** One replica for tests: what comes in is told, what goes out is looked at, and the log is a list. */
import { expect } from 'chai';
import { revision, sequence, sessionId } from '../../src/shared/ids.js';
import type { NodeId } from '../../src/shared/ids.js';
import type { ReadPartition } from '../../src/replication/joining.js';
import type { LoadedSession } from '../../src/replication/applied.js';
import type { Effect } from '../../src/replication/effect.js';
import type { Answer, Consistency, Operation, ReadAnswer } from '../../src/replication/operation.js';
import type { MemoryShare } from '../../src/replication/memory-share.js';
import { PartitionMachine } from '../../src/replication/partition-machine.js';
import { isAtWork } from '../../src/replication/recovery.js';
import { DEFAULT_TIMING } from '../../src/replication/timing.js';
import type { Timing } from '../../src/replication/timing.js';
import { partition } from '../../src/shared/ids.js';
import { textBodies } from './fixtures.js';
import type { TextBody } from './fixtures.js';

export type View = Parameters<PartitionMachine<TextBody>['tick']>[1];
type Append = Extract<Effect, { type: 'append' }>;
export const CALM = { suspected: false, rank: 0, stable: true };

/** A replica, its log and its time. */
export class Bench {
  readonly log: { readonly at: number; readonly record: Uint8Array }[];
  readonly machine: PartitionMachine<TextBody>;
  readonly effects: Effect[] = [];
  ms = 1_000;
  #tokens = 0;
  #answered = 0;

  constructor(
    self: NodeId,
    timing: Partial<Timing> = {},
    log: { readonly at: number; readonly record: Uint8Array }[] = [],
    takeover: 'fast' | 'strict' = 'fast',
    read?: ReadPartition,
    memory?: MemoryShare,
  ) {
    this.log = log;
    this.machine = new PartitionMachine({
      partition: partition(0),
      self,
      incarnation: self.slice(0, 1),
      bodies: textBodies,
      timing: { ...DEFAULT_TIMING, ...timing },
      limits: { bytesMax: 100_000, entriesMax: 1_000 },
      takeover,
      memory,
    });
    this.machine.start();
    if (read === undefined) this.join();
    else this.machine.joined(this.now, read);
    this.look();
  }

  get now(): { ms: number; wallMs: number } {
    return { ms: this.ms, wallMs: this.ms };
  }

  join(stored: readonly LoadedSession[] = [], highest = 0): void {
    const entries = this.log.map(({ at, record }) => ({ sequence: sequence(at), record }));
    this.machine.joined(this.now, { generation: 1, identity: 'log', log: entries, stored, highest: revision(highest) });
    this.look();
  }

  look(): readonly Effect[] {
    const fresh = this.machine.takeEffects();
    this.effects.push(...fresh);
    return fresh;
  }

  of<T extends Effect['type']>(type: T): Extract<Effect, { type: T }>[] {
    this.look();
    return this.effects.filter((effect): effect is Extract<Effect, { type: T }> => effect.type === type);
  }

  append(): Append {
    return this.of('append').at(-1)!;
  }

  tick(ms: number, view: View = CALM): void {
    this.ms += ms;
    this.machine.tick(this.now, view);
    this.look();
  }

  /** The log takes a record and everybody who follows sees it. */
  occupy(record: Uint8Array, ...others: Bench[]): void {
    const at = (this.log.at(-1)?.at ?? 0) + 1;
    this.log.push({ at, record });
    for (const each of [this, ...others]) {
      each.machine.record(each.now, sequence(at), record);
      each.look();
      // what says nothing of the record before it is asked for
      for (let i = 0; i < 10 && isAtWork(each.machine.role) && each.machine.ledger.applied < at; i++) {
        each.tick(20);
        each.answerPoll();
      }
    }
  }

  /** The log answers the newest poll, once. @param log what it still has */
  answerPoll(log = this.log): void {
    const polls = this.of('poll');
    const poll = polls.at(-1);
    if (poll === undefined || polls.length === this.#answered) return;
    this.#answered = polls.length;
    const entries = log.filter(({ at }) => at > poll.after).map(({ at, record }) => ({ sequence: sequence(at), record }));
    this.machine.polled(this.now, poll.applied, { entries, last: sequence(log.at(-1)?.at ?? 0) });
    this.look();
  }

  /** The log takes whatever is under way. */
  flush(): void {
    while (this.of('append').length > 0 && this.append().expected === this.machine.ledger.applied)
      this.occupy(this.append().record);
  }

  /** Leads by its own LEAD. */
  lead(...others: Bench[]): void {
    for (let i = 0; i < 40 && this.of('append').length === 0; i++) {
      this.tick(20);
      this.machine.polled(this.now, sequence(0), { entries: [], last: sequence(0) });
    }
    this.occupy(this.append().record, ...others);
    expect(this.machine.role).to.equal('leading');
  }

  operate(of: Operation): number {
    const token = ++this.#tokens;
    this.machine.operate(this.now, token, of);
    this.look();
    return token;
  }

  /** Asks for session `s`. */
  read(consistency: Consistency): number {
    const token = ++this.#tokens;
    this.machine.read(this.now, token, { session: sessionId('s'), consistency, known: undefined, atLeast: undefined });
    this.look();
    return token;
  }

  readAnswer(token: number): ReadAnswer | undefined {
    return this.of('read').find((each) => each.token === token)?.answer;
  }

  answer(token: number): Answer | undefined {
    return this.of('answer').find((each) => each.token === token)?.answer;
  }
}
