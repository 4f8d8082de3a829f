/**
 * Opens plain objects that are records: by text generated for their keys, once enough of them came.
 *
 * Invariant: how a record is opened depends on its keys alone, and what is remembered is bounded. A key with an inherited name is
 * defined and never assigned.
 */
import { compile } from './generated-code.js';
import { writeKey } from './live-write.js';
import { recordSource } from './opening-source.js';

/** What the generated text reads from. */
export interface ValueReader {
  readonly bytes: Uint8Array;
  at: number;
  text(lengthBytes: number): string;
  value(tag: number): unknown;
  solid(): unknown;
}

const SLOW_USES = 8;
const KNOWN_MAX = 1024;
const KNOWN_BYTES_MAX = 1024;

const known = new Map<string, RecordOpener>();

export class RecordOpener {
  readonly #keys: readonly string[];
  #uses = 0;
  #generated: ((live: object, reader: ValueReader) => void) | undefined;

  private constructor(keys: readonly string[]) {
    this.#keys = keys;
  }

  /** @param bytes the bytes of the keys, as text */
  static known(bytes: string): RecordOpener | undefined {
    return known.get(bytes);
  }

  /** @param keys all different */
  static new(bytes: string, keys: readonly string[]): RecordOpener {
    const opener = new RecordOpener(keys);
    if (known.size >= KNOWN_MAX) known.clear();
    if (bytes.length <= KNOWN_BYTES_MAX) known.set(bytes, opener);
    return opener;
  }

  /** Reads a value for each key. */
  fill(live: object, reader: ValueReader): void {
    if (this.#generated !== undefined) return this.#generated(live, reader);
    if (++this.#uses > SLOW_USES) {
      const slots = this.#keys.map((property) => ({ property, isInherited: property in Object.prototype }));
      this.#generated = compile('reader', recordSource(slots), { writeKey }) as (live: object, reader: ValueReader) => void;
    }
    for (const key of this.#keys) writeKey(live, key, reader.solid());
  }
}
