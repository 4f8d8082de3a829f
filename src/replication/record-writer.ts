/**
 * Makes this replica's own records, and sends them.
 *
 * Invariant (rules 2 and 3): every record has an id that no other writer or time repeats, and follows what this replica has
 * applied, never what the server has. No two sendings have the same number.
 */
import type { AppendSlot } from './append-slot.js';
import type { Effect } from './effect.js';
import type { Ledger } from './ledger.js';
import type { Content, MachineOptions } from './machine-options.js';
import type { Predecessor, RecordId } from './record.js';
import type { NodeId } from '../shared/ids.js';

/** What every record says: who it is, whom it follows, who wrote it. */
export interface Frame {
  readonly id: RecordId;
  readonly prev: Predecessor;
  readonly node: NodeId;
}

export class RecordWriter<B> {
  readonly #options: MachineOptions<B>;
  readonly #emit: (effect: Effect) => void;
  #records = 0;
  #sendings = 0;

  constructor(options: MachineOptions<B>, emit: (effect: Effect) => void) {
    this.#options = options;
    this.#emit = emit;
  }

  frame({ applied, lastId }: Ledger<B>): Frame {
    const id = `${this.#options.incarnation}.${(++this.#records).toString(36)}`;
    return { id, prev: { sequence: applied, id: lastId }, node: this.#options.self };
  }

  /** Sends a record, for the first time or again: the same bytes at the same position (rule 1). */
  send(slot: AppendSlot<Content>): void {
    slot.sent(++this.#sendings);
    this.#emit({ type: 'append', attempt: this.#sendings, expected: slot.expected, record: slot.bytes });
  }
}
