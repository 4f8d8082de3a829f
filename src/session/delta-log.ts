/**
 * Deltas in a row, as bytes: many small ones in one array, so that keeping another costs a copy of its few bytes and no object.
 *
 * Invariant: what was written is never written over, so a view of a delta stays what it is, whatever is added or given up later.
 */
const BYTES_MIN = 64;

export class DeltaLog {
  #bytes: Uint8Array;
  #used: number;
  /** Where each delta ends. */
  #ends: number[];

  private constructor(bytes: Uint8Array, ends: number[]) {
    this.#bytes = bytes;
    this.#used = bytes.byteLength;
    this.#ends = ends;
  }

  static empty(): DeltaLog {
    return new DeltaLog(NOTHING, []);
  }

  /** @param lengths of the deltas that `bytes` holds one behind the other; copied */
  static of(lengths: readonly number[], bytes: Uint8Array): DeltaLog {
    let end = 0;
    return new DeltaLog(
      new Uint8Array(bytes),
      lengths.map((length) => (end += length)),
    );
  }

  get count(): number {
    return this.#ends.length;
  }

  /** Bytes of all deltas. */
  get byteLength(): number {
    return this.#used;
  }

  /** Bytes of the first `count` deltas. */
  bytesOf(count: number): number {
    return count === 0 ? 0 : this.#ends[count - 1]!;
  }

  /** Copies a delta in behind all others. */
  push(delta: Uint8Array): void {
    const end = this.#used + delta.byteLength;
    if (end > this.#bytes.byteLength) {
      const grown = new Uint8Array(Math.max(BYTES_MIN, end + (end >> 1)));
      grown.set(this.all());
      this.#bytes = grown;
    }
    this.#bytes.set(delta, this.#used);
    this.#used = end;
    this.#ends.push(end);
  }

  /** A view. */
  at(index: number): Uint8Array {
    return this.#bytes.subarray(this.bytesOf(index), this.#ends[index]);
  }

  /** A view of all of them, one behind the other. */
  all(): Uint8Array {
    return this.#bytes.subarray(0, this.#used);
  }

  /** The deltas behind the first `count`, in bytes of their own. */
  behind(count: number): DeltaLog {
    const from = this.bytesOf(count);
    return new DeltaLog(
      this.#bytes.slice(from, this.#used),
      this.#ends.slice(count).map((end) => end - from),
    );
  }
}

const NOTHING = new Uint8Array(0);
