/**
 * The records of one partition as the memory engine keeps them.
 *
 * Invariant: sequences rise strictly and are never given out twice, also across a trim that empties the log, but for `rollBack`. `last` is the
 * sequence of the last record that is still there, 0 where none is: an emptied partition expects 0 again, as on JetStream.
 */
import type { LogEntry } from '../port.js';
import { sequence, type Sequence } from '../../shared/ids.js';

/** Trimmed places are given back when there are so many, and they are the larger half. */
const SLACK_ENTRIES = 1024;

export class PartitionLog {
  readonly #entries: LogEntry[] = [];
  /** Where the first record that was not trimmed stands in `#entries`. */
  #head = 0;
  #highest = 0;
  #bytes = 0;

  get last(): Sequence {
    return this.#head === this.#entries.length ? sequence(0) : this.#entries[this.#entries.length - 1]!.sequence;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @param hole how many sequences to leave out before this one */
  append(record: Uint8Array, hole: number): Sequence {
    this.#highest += 1 + hole;
    const at = sequence(this.#highest);
    this.#entries.push({ sequence: at, record });
    this.#bytes += record.byteLength;
    return at;
  }

  /** The records behind `after`, at most `bytesMax` bytes of them but at least one, without the last `hidden`. */
  behind(after: Sequence, bytesMax = Infinity, hidden = 0): { entries: LogEntry[]; last: Sequence; truncated: boolean } {
    const end = Math.max(this.#head, this.#entries.length - hidden);
    const start = Math.min(this.#indexBehind(after), end);
    let until = start;
    for (let bytes = 0; until < end && (until === start || bytes < bytesMax); until++) {
      bytes += this.#entries[until]!.record.byteLength;
    }
    const last = end === this.#head ? sequence(0) : this.#entries[end - 1]!.sequence;
    return { entries: this.#entries.slice(start, until), last, truncated: until < end };
  }

  trim(upTo: Sequence): void {
    const end = this.#indexBehind(upTo);
    for (let i = this.#head; i < end; i++) this.#bytes -= this.#entries[i]!.record.byteLength;
    this.#head = end;
    if (this.#head >= SLACK_ENTRIES && this.#head * 2 >= this.#entries.length) {
      this.#entries.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** Loses the newest records; their sequences are given out again. */
  rollBack(records: number): void {
    const left = Math.max(this.#head, this.#entries.length - records);
    for (const { record } of this.#entries.splice(left)) this.#bytes -= record.byteLength;
    this.#highest = this.last;
  }

  /** Damages the newest record; it stays as long as it was. */
  damage(damage: (record: Uint8Array) => Uint8Array): void {
    const newest = this.#entries.length - 1;
    const entry = this.#entries[newest];
    if (entry !== undefined && newest >= this.#head) this.#entries[newest] = { ...entry, record: damage(entry.record) };
  }

  /** Followers nearly always stand at the end, so the search begins there. */
  #indexBehind(after: Sequence): number {
    let high = this.#entries.length;
    if (high === this.#head || this.#entries[high - 1]!.sequence <= after) return high;
    if (high - 1 === this.#head || this.#entries[high - 2]!.sequence <= after) return high - 1;
    let low = this.#head;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle]!.sequence <= after) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
