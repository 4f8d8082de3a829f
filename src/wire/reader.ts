/**
 * Reads what `ByteWriter` wrote, and trusts nothing: every length is held against what is left before anything is allocated.
 *
 * Invariant: a read either returns a valid field or throws `BYTES_CORRUPT`; it never reads behind the end and never loops for
 * longer than there are bytes.
 */
import { TwinstateError } from '../shared/errors.js';
import { latin1Text } from './buffer-text.js';

/** A longer text is decoded sooner than it is looked through. */
const ASCII_BYTES_MAX = 64;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const scratch = new DataView(new ArrayBuffer(8));

export class ByteReader {
  readonly #bytes: Uint8Array;
  /** Made when it is needed: few of what is read has numbers of a fixed width. */
  #view: DataView | undefined;
  /** What is being read, for messages: `record`, `delta`, `snapshot`. */
  readonly #what: string;
  #at = 0;

  constructor(bytes: Uint8Array, what: string) {
    // of a Buffer too, `slice` of what is handed out shall be a copy
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get offset(): number {
    return this.#at;
  }

  get left(): number {
    return this.#bytes.byteLength - this.#at;
  }

  get done(): boolean {
    return this.#at === this.#bytes.byteLength;
  }

  u8(): number {
    this.#need(1);
    return this.#bytes[this.#at++]!;
  }

  /** The next byte, which stays to be read. */
  peek(): number {
    this.#need(1);
    return this.#bytes[this.#at]!;
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 0x80;
    }
    return this.fail('an integer of at most 53 bits', 'a longer one');
  }

  /** A varint that counts things of at least `bytesEach` bytes, which must fit into what is left. */
  count(bytesEach = 1): number {
    const value = this.varint();
    if (value * bytesEach > this.left)
      this.fail(`at most ${Math.floor(this.left / bytesEach)} elements in the bytes left`, `${value}`);
    return value;
  }

  u32(): number {
    this.#need(4);
    const value = this.#numbers().getUint32(this.#at, true);
    this.#at += 4;
    return value;
  }

  f32(): number {
    this.#need(4);
    const value = this.#numbers().getFloat32(this.#at, true);
    this.#at += 4;
    return value;
  }

  f64(): number {
    this.#need(8);
    const value = this.#numbers().getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  /** A float whose last byte is known. */
  f56(last: number): number {
    this.#need(7);
    for (let i = 0; i < 7; i++) scratch.setUint8(i, this.#bytes[this.#at++]!);
    scratch.setUint8(7, last);
    return scratch.getFloat64(0, true);
  }

  string(): string {
    const bytes = this.raw(this.varint());
    // most are names and ids: their text is their bytes, without a decoder's overhead
    if (isAscii(bytes)) return latin1Text(bytes);
    try {
      return decoder.decode(bytes);
    } catch (cause) {
      return this.fail('well-formed UTF-8', 'other bytes', cause);
    }
  }

  /** A view, not a copy. */
  raw(length: number): Uint8Array {
    this.#need(length);
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }

  /** A varint of the length, then a view of the bytes. */
  bytes(): Uint8Array {
    return this.raw(this.varint());
  }

  /** @throws {TwinstateError} `BYTES_CORRUPT` where bytes are left over */
  end(): void {
    if (!this.done) this.fail('the end', `${this.left} more bytes`);
  }

  /** @throws {TwinstateError} `BYTES_CORRUPT`, always */
  fail(expected: string, received: string, cause?: unknown): never {
    throw new TwinstateError('BYTES_CORRUPT', `this ${this.#what} cannot be read at byte ${this.#at}`, {
      expected,
      received,
      cure: 'it was damaged or written by something else; nothing of it was applied',
      cause,
    });
  }

  #numbers(): DataView {
    return (this.#view ??= new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength));
  }

  #need(bytes: number): void {
    if (bytes > this.left) this.fail(`${bytes} more bytes`, `${this.left}`);
  }
}

/** Says so only of what is short. */
function isAscii(bytes: Uint8Array): boolean {
  if (bytes.byteLength > ASCII_BYTES_MAX) return false;
  for (let i = 0; i < bytes.byteLength; i++) if (bytes[i]! > 0x7f) return false;
  return true;
}
