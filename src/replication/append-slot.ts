/**
 * The one record that a replica has under way, and its fate.
 *
 * Invariant (rule 1): absence is not "no". Until the position behind `expected` is occupied, the same bytes are sent again at the
 * same position; the record found there decides, in `PartitionMachine.record`, and nowhere else.
 */
import type { Sequence } from '../shared/ids.js';
import type { LogRecord, RecordId } from './record.js';
import type { Timing } from './timing.js';

export class AppendSlot<T> {
  readonly record: LogRecord;
  /** Of `record`. */
  readonly bytes: Uint8Array;
  /** What hangs on it. */
  readonly content: T;
  /** When it was sent first: the only moment from which a lease or a strong read may be counted, whichever sending succeeded. */
  readonly firstSentMs: number;
  /** Sendings so far. */
  attempts = 0;
  /** Numbers of the first and the newest sending; they are unique over all slots of a machine. */
  #first = 0;
  #newest = 0;
  /** True while the newest sending has no answer. */
  #waiting = false;
  #nextMs = 0;

  constructor(record: LogRecord, bytes: Uint8Array, content: T, nowMs: number) {
    this.record = record;
    this.bytes = bytes;
    this.content = content;
    this.firstSentMs = nowMs;
  }

  get id(): RecordId {
    return this.record.id;
  }

  get expected(): Sequence {
    return this.record.prev.sequence;
  }

  sent(attempt: number): void {
    if (this.attempts++ === 0) this.#first = attempt;
    this.#newest = attempt;
    this.#waiting = true;
  }

  /** True for the answer to any sending of this record. */
  owns(attempt: number): boolean {
    return attempt >= this.#first && attempt <= this.#newest;
  }

  /** The sending `attempt` ended without deciding anything. */
  undecided(attempt: number, nowMs: number, timing: Timing): void {
    if (attempt !== this.#newest) return;
    this.#waiting = false;
    this.#nextMs = nowMs + Math.min(timing.resendMaxMs, timing.resendMs * 2 ** Math.min(this.attempts - 1, 10));
  }

  mustSendAgain(nowMs: number): boolean {
    return !this.#waiting && nowMs >= this.#nextMs;
  }

  /** True once any sending ended undecided: somebody should look what stands at the position. */
  get doubtful(): boolean {
    return this.attempts > 1 || !this.#waiting;
  }
}
