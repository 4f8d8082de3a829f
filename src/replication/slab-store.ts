/**
 * Keeps many small records as bytes in few large arrays, so that a million of them are nothing to the garbage collector.
 *
 * Invariant: a record stands whole in one slab at a multiple of 8 bytes and begins with its length (and flags) and its hash, so
 * a slab can be walked. The bytes of freed records are counted; beyond an eighth of the living ones, `tidy` moves the records of
 * the emptiest slab away, a bounded part at a time, and gives the slab back. Only that, and freeing, ends an address.
 */
import { invariant } from '../shared/invariant.js';

/** Where a record stands: 1 and up, 0 is nowhere. */
export type Address = number;

/** Length and hash, which the store writes in front of every record. */
export const FRAME_BYTES = 8;
const UNIT_BYTES = 8;
const SLAB_BYTES = 1 << 18;
const SLAB_BYTES_FIRST = 1 << 14;
const SLAB_UNITS = SLAB_BYTES / UNIT_BYTES;
/** A longer record has a slab of its own. */
const SHARED_BYTES_MAX = SLAB_BYTES / 4;
/** Addresses are 32 bits: so many slabs, at least 32 GiB. */
const SLABS_MAX = 2 ** 32 / SLAB_UNITS - 1;
const GARBAGE_SHARE = 1 / 8;
/** For each byte appended so many are moved at most; at an eighth of garbage every freed byte costs about eight. */
const MOVED_PER_APPENDED = 12;

/** Bits of the first word; lengths are multiples of 8. */
const FREED = 1;
const MARKED = 2;
const SPARED = 4;
const LENGTH = ~7;

class Slab {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  used = 0;
  freed = 0;

  constructor(lengthBytes: number) {
    this.bytes = new Uint8Array(lengthBytes);
    this.words = new Uint32Array(this.bytes.buffer);
  }
}

/** A walk over all records that may be left and taken up again. */
export interface WalkPosition {
  slab: number;
  offset: number;
  of: unknown;
}

export class SlabStore {
  readonly #moved: (hash: number, from: Address, to: Address) => void;
  readonly #slabs: (Slab | undefined)[] = [];
  readonly #free: number[] = [];
  #active = -1;
  #victim = -1;
  #victimOffset = 0;
  #usedBytes = 0;
  #freedBytes = 0;
  #marked = 0;

  /** @param moved hears of every record that has another address now */
  constructor(moved: (hash: number, from: Address, to: Address) => void) {
    this.#moved = moved;
  }

  /** Bytes of all slabs, used or not yet. */
  get reservedBytes(): number {
    return this.#slabs.reduce((sum, slab) => sum + (slab?.bytes.byteLength ?? 0), 0);
  }

  get liveBytes(): number {
    return this.#usedBytes - this.#freedBytes;
  }

  /** Bytes of freed records that are not given back yet. */
  get freedBytes(): number {
    return this.#freedBytes;
  }

  /** How many records are marked. */
  get marked(): number {
    return this.#marked;
  }

  /**
   * Copies a record in.
   * @param record begins with `FRAME_BYTES` that are overwritten
   * @param marked is told again by `isMarked`
   * @param spared is told once by `takeSpared`
   */
  append(record: Uint8Array, hash: number, marked: boolean, spared = false): Address {
    const lengthBytes = Math.ceil(record.byteLength / UNIT_BYTES) * UNIT_BYTES;
    const index = this.#place(lengthBytes);
    const slab = this.#slabs[index]!;
    const offset = slab.used;
    slab.bytes.set(record, offset);
    slab.bytes.fill(0, offset + record.byteLength, offset + lengthBytes);
    slab.words[offset / 4] = lengthBytes | (marked ? MARKED : 0) | (spared ? SPARED : 0);
    slab.words[offset / 4 + 1] = hash;
    slab.used += lengthBytes;
    this.#usedBytes += lengthBytes;
    if (marked) this.#marked++;
    return index * SLAB_UNITS + offset / UNIT_BYTES + 1;
  }

  /** A view of a record in place, valid until the next call of the store. */
  at(address: Address): Uint8Array {
    const { slab, offset } = this.#find(address);
    return slab.bytes.subarray(offset, offset + lengthOf(slab.words[offset / 4]!));
  }

  hashOf(address: Address): number {
    const { slab, offset } = this.#find(address);
    return slab.words[offset / 4 + 1]!;
  }

  isMarked(address: Address): boolean {
    const { slab, offset } = this.#find(address);
    return (slab.words[offset / 4]! & MARKED) !== 0;
  }

  /** Whether a record is to be spared this time: asked again, it is not. */
  takeSpared(address: Address): boolean {
    const { slab, offset } = this.#find(address);
    const word = slab.words[offset / 4]!;
    slab.words[offset / 4] = word & ~SPARED;
    return (word & SPARED) !== 0;
  }

  /** True where the bytes of a record from `start` on begin with `expected`. */
  startsWith(address: Address, start: number, expected: Uint8Array): boolean {
    const { slab, offset } = this.#find(address);
    const { bytes } = slab;
    for (let i = 0, at = offset + start; i < expected.length; i++, at++) if (bytes[at] !== expected[i]) return false;
    return true;
  }

  free(address: Address): void {
    const { slab, offset, index } = this.#find(address);
    this.#drop(slab, offset);
    if (slab.bytes.byteLength > SLAB_BYTES || (slab.freed === slab.used && index !== this.#active)) this.#giveBack(index);
  }

  /** Does the part of tidying up that `appendedBytes` more bytes make due. */
  tidy(appendedBytes: number): void {
    for (let budget = appendedBytes * MOVED_PER_APPENDED; budget > 0;) {
      if (this.#victim < 0 && !this.#chooseVictim()) return;
      budget -= this.#moveOne();
    }
  }

  /** All records, in no order. Nothing may be appended or freed meanwhile. */
  *addresses(): IterableIterator<Address> {
    for (const [index, slab] of this.#slabs.entries()) {
      if (slab === undefined) continue;
      for (let offset = 0; offset < slab.used;) {
        const word = slab.words[offset / 4]!;
        if ((word & FREED) === 0) yield index * SLAB_UNITS + offset / UNIT_BYTES + 1;
        offset += lengthOf(word);
      }
    }
  }

  /**
   * Goes on with a walk for at most `steps` records and calls `visit` with every one, or every marked one; it may append and
   * free. At the end it begins again; records that move meanwhile are met once more or in the next round.
   */
  walk(position: WalkPosition, steps: number, which: 'all' | 'marked', visit: (address: Address) => void): void {
    const bits = which === 'all' ? FREED : FREED | MARKED;
    const wanted = which === 'all' ? 0 : MARKED;
    for (let left = steps; left > 0 && (which === 'all' ? this.#usedBytes : this.#marked) > 0; left--) {
      const slab = this.#slabs[position.slab];
      if (slab === undefined || slab !== position.of || position.offset >= slab.used) {
        position.slab = slab !== undefined && slab !== position.of ? position.slab : position.slab + 1;
        if (position.slab >= this.#slabs.length) position.slab = 0;
        position.offset = 0;
        position.of = this.#slabs[position.slab];
        continue;
      }
      const { offset } = position;
      const word = slab.words[offset / 4]!;
      position.offset += lengthOf(word);
      if ((word & bits) === wanted) visit(position.slab * SLAB_UNITS + offset / UNIT_BYTES + 1);
    }
  }

  #find(address: Address): { readonly slab: Slab; readonly offset: number; readonly index: number } {
    const index = Math.floor((address - 1) / SLAB_UNITS);
    const slab = this.#slabs[index];
    invariant(slab !== undefined, 'a record stands in a slab that is there');
    return { slab, offset: ((address - 1) % SLAB_UNITS) * UNIT_BYTES, index };
  }

  /** @returns the number of a slab with room for a record of this length */
  #place(lengthBytes: number): number {
    if (lengthBytes > SHARED_BYTES_MAX) return this.#add(new Slab(Math.max(lengthBytes, SLAB_BYTES + UNIT_BYTES)));
    const active = this.#slabs[this.#active];
    if (active !== undefined && active.used + lengthBytes <= active.bytes.byteLength) return this.#active;
    // small stores stay small: the first slabs are as long as all before them together
    const wanted = Math.min(SLAB_BYTES, Math.max(SLAB_BYTES_FIRST, 2 ** Math.floor(Math.log2(this.liveBytes + 1))));
    const before = this.#active;
    this.#active = this.#add(new Slab(Math.max(wanted, lengthBytes)));
    if (active !== undefined && active.freed === active.used) this.#giveBack(before);
    return this.#active;
  }

  #add(slab: Slab): number {
    const index = this.#free.pop() ?? this.#slabs.length;
    invariant(index < SLABS_MAX, 'the records of one partition fit into 32 GiB');
    this.#slabs[index] = slab;
    return index;
  }

  #drop(slab: Slab, offset: number): number {
    const word = slab.words[offset / 4]!;
    const lengthBytes = lengthOf(word);
    invariant((word & FREED) === 0, 'a record is freed once');
    slab.words[offset / 4] = word | FREED;
    slab.freed += lengthBytes;
    this.#freedBytes += lengthBytes;
    if ((word & MARKED) !== 0) this.#marked--;
    return lengthBytes;
  }

  #giveBack(index: number): void {
    const slab = this.#slabs[index]!;
    this.#usedBytes -= slab.used;
    this.#freedBytes -= slab.freed;
    this.#slabs[index] = undefined;
    this.#free.push(index);
    if (this.#victim === index) this.#victim = -1;
  }

  #chooseVictim(): boolean {
    if (this.#freedBytes <= this.liveBytes * GARBAGE_SHARE + SLAB_BYTES_FIRST) return false;
    let best = -1;
    let bestShare = GARBAGE_SHARE / 2;
    for (const [index, slab] of this.#slabs.entries()) {
      if (slab === undefined || index === this.#active) continue;
      const share = slab.freed / slab.used;
      if (share > bestShare) [best, bestShare] = [index, share];
    }
    const active = this.#slabs[this.#active];
    if (best < 0 && active !== undefined && active.freed > active.used / 2) {
      // most of what was appended last is gone: what is left of it moves, too
      best = this.#active;
      this.#active = -1;
    }
    this.#victim = best;
    this.#victimOffset = 0;
    return best >= 0;
  }

  /** @returns the bytes that it cost, about */
  #moveOne(): number {
    const index = this.#victim;
    const slab = this.#slabs[index]!;
    const offset = this.#victimOffset;
    const word = slab.words[offset / 4]!;
    const lengthBytes = lengthOf(word);
    this.#victimOffset += lengthBytes;
    const freed = (word & FREED) !== 0;
    if (!freed) {
      const from = index * SLAB_UNITS + offset / UNIT_BYTES + 1;
      const hash = slab.words[offset / 4 + 1]!;
      const to = this.append(
        slab.bytes.subarray(offset, offset + lengthBytes),
        hash,
        (word & MARKED) !== 0,
        (word & SPARED) !== 0,
      );
      this.#drop(slab, offset);
      this.#moved(hash, from, to);
    }
    if (this.#victimOffset >= slab.used) this.#giveBack(index);
    return freed ? UNIT_BYTES * 2 : lengthBytes;
  }
}

/** @throws {TwinstateError} `INVARIANT_BROKEN` where the memory was damaged, instead of a walk without an end */
function lengthOf(word: number): number {
  const lengthBytes = word & LENGTH;
  invariant(lengthBytes >= FRAME_BYTES, 'a record has a length');
  return lengthBytes;
}
