/**
 * The records that no checkpoint gives up yet: where they stand and how long they are.
 *
 * Invariant: positions rise, and only what is given up leaves, from the front; so every question is answered by counting or by a
 * binary search, however long the log is.
 */
import type { Sequence } from '../shared/ids.js';

/** Places given up are dropped when there are so many, and they are the larger half. */
const SLACK = 1_024;

export class LogTail {
  #positions: Sequence[] = [];
  /** Bytes of all records up to and including each. */
  #sums: number[] = [];
  #head = 0;
  /** The sum before the first place that is kept. */
  #base = 0;

  get records(): number {
    return this.#positions.length - this.#head;
  }

  get bytes(): number {
    return this.#total - this.#before(this.#head);
  }

  note(at: Sequence, bytes: number): void {
    this.#sums.push(this.#total + bytes);
    this.#positions.push(at);
  }

  clear(): void {
    this.#positions = [];
    this.#sums = [];
    this.#head = 0;
    this.#base = 0;
  }

  giveUp(upTo: Sequence): void {
    this.#head = this.#behind(upTo);
    if (this.#head < SLACK || this.#head * 2 < this.#positions.length) return;
    this.#base = this.#before(this.#head);
    this.#positions = this.#positions.slice(this.#head);
    this.#sums = this.#sums.slice(this.#head);
    this.#head = 0;
  }

  /** How many records, of how many bytes together, stand at or before `upTo`. */
  upTo(upTo: Sequence): { readonly records: number; readonly bytes: number } {
    const end = this.#behind(upTo);
    return { records: end - this.#head, bytes: this.#before(end) - this.#before(this.#head) };
  }

  /** The last position that has as many records, or as many bytes, or more, behind it; `undefined` where the tail is no longer. */
  horizon(records: number, bytes: number): Sequence | undefined {
    const byRecords = this.#positions.length - 1 - Math.ceil(records);
    let low = this.#head - 1;
    let high = this.#positions.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#total - this.#sums[middle]! >= bytes) low = middle;
      else high = middle - 1;
    }
    const index = Math.max(byRecords, low);
    return index < this.#head ? undefined : this.#positions[index];
  }

  get #total(): number {
    return this.#before(this.#positions.length);
  }

  /** The sum of all before a place. */
  #before(index: number): number {
    return index === 0 ? this.#base : this.#sums[index - 1]!;
  }

  /** The first place behind a position. */
  #behind(upTo: Sequence): number {
    let low = this.#head;
    let high = this.#positions.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#positions[middle]! <= upTo) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
