/** How much of a partition's log is kept: what was applied and not given up by a checkpoint yet. */
import type { Sequence } from '../shared/ids.js';

export class LogExtent {
  #records: { readonly at: Sequence; readonly bytes: number }[] = [];
  #bytes = 0;

  get records(): number {
    return this.#records.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(at: Sequence, bytes: number): void {
    this.#records.push({ at, bytes });
    this.#bytes += bytes;
  }

  /** Everything up to `floor` is given up. */
  trim(floor: Sequence): void {
    const kept = this.#records.slice(this.#countUpTo(floor));
    this.#bytes = kept.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#records = kept;
  }

  /** How many records a replica at this position lacks, as far as they are kept. */
  after(position: Sequence): number {
    return this.#records.length - this.#countUpTo(position);
  }

  #countUpTo(position: Sequence): number {
    let [low, high] = [0, this.#records.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#records[middle]!.at <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
