/**
 * Damages bytes as an accident or an attacker would who knows what binary formats are made of.
 *
 * Invariant: the same random numbers make the same damage.
 */
import { crc32 } from '../../src/wire/checksum.js';
import type { Random } from '../../src/shared/clock.js';

/** Lengths, counts, tags and the ends of ranges. */
const TELLING = [0x00, 0x01, 0x02, 0x7f, 0x80, 0xa8, 0xac, 0xad, 0xae, 0xb1, 0xb2, 0xb3, 0xb4, 0xc0, 0xe0, 0xf0, 0xfe, 0xff];
const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', ''].map((name) => Buffer.from(name));
const BYTES_MAX = 16_384;

export class Mutation {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  /** A damaged copy of one seed, perhaps crossed with others. @param sealed its last four bytes are a checksum, to be made right */
  of(seeds: readonly Uint8Array[], sealed: boolean): Uint8Array {
    let bytes: Uint8Array = Buffer.from(this.pick(seeds));
    for (let times = 1 + this.below(4); times > 0; times--) bytes = this.#once(bytes, seeds);
    if (bytes.byteLength > BYTES_MAX) bytes = bytes.subarray(0, BYTES_MAX);
    // most of what a checksum guards would never be looked at
    if (sealed && bytes.byteLength >= 4 && this.below(16) > 0) {
      const end = bytes.byteLength - 4;
      new DataView(bytes.buffer, bytes.byteOffset).setUint32(end, crc32(bytes.subarray(0, end)), true);
    }
    return Uint8Array.from(bytes);
  }

  #once(bytes: Uint8Array, seeds: readonly Uint8Array[]): Uint8Array {
    const at = this.below(bytes.byteLength + 1);
    const to = Math.min(bytes.byteLength, at + 1 + this.below(this.below(4) === 0 ? 64 : 6));
    const join = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts);
    const head = bytes.subarray(0, at);
    switch (this.below(11)) {
      case 0: // one bit
        if (at < bytes.byteLength) bytes[at]! ^= 1 << this.below(8);
        return bytes;
      case 1: // one telling byte
        if (at < bytes.byteLength) bytes[at] = this.pick(TELLING);
        return bytes;
      case 2: // one more or less
        if (at < bytes.byteLength) bytes[at]! += this.below(2) === 0 ? 1 : 255;
        return bytes;
      case 3: // something is missing
        return join(head, bytes.subarray(to));
      case 4: // something is there twice
        return join(bytes.subarray(0, to), bytes.subarray(at));
      case 5: // it ends too early
        return head;
      case 6: // it goes on
        return join(bytes, this.#noise());
      case 7: // a large number where a small one was: lengths and counts
        return join(head, this.#varint(), bytes.subarray(Math.min(bytes.byteLength, at + 1)));
      case 8: // a dangerous name, with its length in front
        return this.#named(bytes, at);
      case 9: {
        // a part of somebody else
        const other = this.pick(seeds);
        const from = this.below(other.byteLength + 1);
        return join(head, other.subarray(from, from + 1 + this.below(48)), bytes.subarray(to));
      }
      default: // noise
        return join(head, this.#noise(), bytes.subarray(to));
    }
  }

  #noise(): Uint8Array {
    return Uint8Array.from({ length: 1 + this.below(9) }, () => this.below(256));
  }

  #varint(): Uint8Array {
    const bytes = [];
    for (let i = this.below(8); i > 0; i--) bytes.push(0x80 | this.below(128));
    bytes.push(this.below(128));
    return Uint8Array.from(bytes);
  }

  #named(bytes: Uint8Array, at: number): Uint8Array {
    const name = this.pick(NAMES);
    // with a length of its own, or with the tag of a short string
    const length = this.below(2) === 0 ? name.byteLength : 0x80 + name.byteLength;
    return Buffer.concat([bytes.subarray(0, at), Uint8Array.of(length), name, bytes.subarray(at)]);
  }
}
