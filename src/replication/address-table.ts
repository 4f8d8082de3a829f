/**
 * Finds addresses by the hash of what stands there: an open-addressed table of numbers, so that an entry costs no object.
 *
 * Invariant: every address inserted and not removed is found under its hash, in the table or in the one that is being emptied
 * into it. Growing is spread over the insertions and removals that follow, a few entries each, so none of them is slow.
 */
import { invariant } from '../shared/invariant.js';
import type { Address } from './slab-store.js';

const CAPACITY_FIRST = 64;
const LOAD_MAX = 0.75;
/** Slots of the old table emptied with each change; the new one, twice as large, has room for much longer. */
const STEP_SLOTS = 8;
/** In the old table only: looked past. */
const REMOVED = 0xffffffff;

/** Pairs of hash and address; address 0: empty. */
class Pairs {
  readonly pairs: Uint32Array;
  readonly capacity: number;
  readonly #shift: number;
  count = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.pairs = new Uint32Array(capacity * 2);
    this.#shift = 32 - Math.log2(capacity);
  }

  /** Where a hash belongs. All ids of one partition agree in their hash's remainder: spread what is left over the upper bits. */
  home(hash: number): number {
    return Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) >>> this.#shift;
  }

  find(hash: number, same: (address: Address) => boolean): number {
    const { pairs, capacity } = this;
    for (let slot = this.home(hash); pairs[slot * 2 + 1] !== 0; slot = (slot + 1) & (capacity - 1)) {
      const address = pairs[slot * 2 + 1]!;
      if (pairs[slot * 2] === hash && address !== REMOVED && same(address)) return slot;
    }
    return -1;
  }

  insert(hash: number, address: Address): void {
    const { pairs, capacity } = this;
    let slot = this.home(hash);
    while (pairs[slot * 2 + 1] !== 0) slot = (slot + 1) & (capacity - 1);
    pairs[slot * 2] = hash;
    pairs[slot * 2 + 1] = address;
    this.count++;
  }

  /** Empties a slot and moves up those behind it that it kept from their homes, so that no mark is left. */
  remove(at: number): void {
    const { pairs, capacity } = this;
    const mask = capacity - 1;
    let hole = at;
    for (let slot = (hole + 1) & mask; pairs[slot * 2 + 1] !== 0; slot = (slot + 1) & mask) {
      const home = this.home(pairs[slot * 2]!);
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      pairs[hole * 2] = pairs[slot * 2]!;
      pairs[hole * 2 + 1] = pairs[slot * 2 + 1]!;
      hole = slot;
    }
    pairs[hole * 2 + 1] = 0;
    this.count--;
  }
}

export class AddressTable {
  #current = new Pairs(CAPACITY_FIRST);
  #old: Pairs | undefined;
  #emptied = 0;

  get size(): number {
    return this.#current.count + (this.#old?.count ?? 0);
  }

  get bytes(): number {
    return this.#current.pairs.byteLength + (this.#old?.pairs.byteLength ?? 0);
  }

  /** @returns the address under this hash that is the `same`, or 0 */
  find(hash: number, same: (address: Address) => boolean): Address {
    const slot = this.#current.find(hash, same);
    if (slot >= 0) return this.#current.pairs[slot * 2 + 1]!;
    const old = this.#old?.find(hash, same) ?? -1;
    return old < 0 ? 0 : this.#old!.pairs[old * 2 + 1]!;
  }

  /** Adds an address that is not in it. */
  insert(hash: number, address: Address): void {
    if (this.#current.count + 1 > this.#current.capacity * LOAD_MAX) {
      while (this.#old !== undefined) this.#step();
      this.#old = this.#current;
      this.#emptied = 0;
      this.#current = new Pairs(this.#old.capacity * 2);
    }
    this.#current.insert(hash, address);
    this.#step();
  }

  remove(hash: number, address: Address): void {
    const { within, slot } = this.#slotOf(hash, address);
    if (within === this.#current) within.remove(slot);
    else {
      within.pairs[slot * 2 + 1] = REMOVED;
      within.count--;
    }
    this.#step();
  }

  /** What stood at `from` stands at `to` now. */
  move(hash: number, from: Address, to: Address): void {
    const { within, slot } = this.#slotOf(hash, from);
    within.pairs[slot * 2 + 1] = to;
  }

  #slotOf(hash: number, address: Address): { readonly within: Pairs; readonly slot: number } {
    const same = (other: Address): boolean => other === address;
    for (const within of [this.#current, this.#old]) {
      const slot = within?.find(hash, same) ?? -1;
      if (slot >= 0) return { within: within!, slot };
    }
    return invariant(false, 'an address is found under its hash') as never;
  }

  #step(): void {
    const old = this.#old;
    if (old === undefined) return;
    const end = Math.min(old.capacity, this.#emptied + STEP_SLOTS);
    for (let slot = this.#emptied; slot < end; slot++) {
      const address = old.pairs[slot * 2 + 1]!;
      if (address === 0 || address === REMOVED) continue;
      this.#current.insert(old.pairs[slot * 2]!, address);
      old.pairs[slot * 2 + 1] = REMOVED;
      old.count--;
    }
    this.#emptied = end;
    if (end === old.capacity) this.#old = undefined;
  }
}
