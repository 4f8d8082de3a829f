/**
 * Makes this replica's own records, and appends them one at a time.
 *
 * Invariant (rules 2 and 3): every record has an id that no other writer or time repeats, and follows what this replica has
 * applied, never what the server has. At most one is under way, and stays so until it is taken out: by whoever learned its fate, or
 * gives up learning it. No two sendings have the same number.
 */
import type { NodeId, Sequence } from '../shared/ids.js';
import { AppendSlot } from './append-slot.js';
import type { Batch } from './batch.js';
import type { SessionDigest } from './drift.js';
import type { Effect } from './effect.js';
import type { Ledger } from './ledger.js';
import type { Content, Instant, MachineOptions } from './machine-options.js';
import { encodeRecord } from './record.js';
import type { LogRecord, Predecessor, RecordId } from './record.js';

/** What every record says: who it is, whom it follows, who wrote it. */
interface Frame {
  readonly id: RecordId;
  readonly prev: Predecessor;
  readonly node: NodeId;
}

export class RecordWriter<B> {
  readonly #options: MachineOptions<B>;
  readonly #emit: (effect: Effect) => void;
  #underWay: AppendSlot<Content> | undefined;
  #records = 0;
  #sendings = 0;

  constructor(options: MachineOptions<B>, emit: (effect: Effect) => void) {
    this.#options = options;
    this.#emit = emit;
  }

  get underWay(): AppendSlot<Content> | undefined {
    return this.#underWay;
  }

  /** Hands out the record under way: it is so no more, whatever becomes of it. */
  take(): AppendSlot<Content> | undefined {
    const slot = this.#underWay;
    this.#underWay = undefined;
    return slot;
  }

  /** An id that no other record has. */
  nextId(): RecordId {
    return `${this.#options.incarnation}.${(++this.#records).toString(36)}`;
  }

  lead(now: Instant, ledger: Ledger<B>): void {
    this.#append(now, { type: 'lead', ...this.#frame(ledger) }, { type: 'lead' });
  }

  commit(now: Instant, ledger: Ledger<B>, batch: Batch): void {
    const { confirm, entries } = batch;
    const record: LogRecord = { type: 'commit', ...this.#frame(ledger), epoch: ledger.epoch, confirm, entries };
    this.#append(now, record, { type: 'commit', batch });
  }

  checkpoint(now: Instant, ledger: Ledger<B>, floor: Sequence, digests: readonly SessionDigest[]): void {
    const { epoch, reliedOn: revision, seeding } = ledger;
    const record: LogRecord = { type: 'checkpoint', ...this.#frame(ledger), epoch, floor, revision, digests, seeding };
    this.#append(now, record, { type: 'checkpoint', floor });
  }

  /** Sends the record under way once more where it is time: the same bytes at the same position (rule 1). */
  sendAgain(now: Instant): void {
    if (this.#underWay?.mustSendAgain(now.ms) === true) this.#send(this.#underWay);
  }

  #frame({ applied, lastId }: Ledger<B>): Frame {
    return { id: this.nextId(), prev: { sequence: applied, id: lastId }, node: this.#options.self };
  }

  #append(now: Instant, record: LogRecord, content: Content): void {
    this.#underWay = new AppendSlot(record, encodeRecord(record), content, now.ms);
    this.#send(this.#underWay);
  }

  #send(slot: AppendSlot<Content>): void {
    slot.sent(++this.#sendings);
    this.#emit({ type: 'append', attempt: this.#sendings, expected: slot.expected, record: slot.bytes });
  }
}
