/**
 * Tells which of very many sessions may be due, by the hashes of their ids and nothing else: four bytes a session.
 *
 * Invariant: an entry that is inserted for a moment is handed out at that moment or before, never more than one slot's width after
 * it (and as fast as it is asked for). It may come too early: whoever takes it looks at the session and inserts it again. So nothing
 * is ever moved or taken out when a session is used or destroyed. Equal hashes in one slot are mostly one entry.
 *
 * Five wheels of 64 slots, each slot as wide as the whole wheel before it (G. Varghese and T. Lauck, "Hashed and hierarchical timing
 * wheels", SOSP 1987): 64 ms, 4 s, 4.4 min, 4.7 h, 12 days, and so two years; what is farther away waits in the last slot.
 */
const SLOTS = 64;
const WHEELS = 5;
const TICK_MS = 64;
const CHUNK_FIRST = 8;
const CHUNK_MAX = 512;

/** Numbers in growing pieces: the unused part is never more than the used one, nor than one piece. */
class Bag {
  readonly #chunks: Uint32Array[] = [];
  #used = 0;

  add(value: number): void {
    let last = this.#chunks.at(-1);
    if (last === undefined || this.#used === last.length) {
      last = new Uint32Array(last === undefined ? CHUNK_FIRST : Math.min(CHUNK_MAX, last.length * 2));
      this.#chunks.push(last);
      this.#used = 0;
    }
    last[this.#used++] = value;
  }

  get bytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  }

  /** Its pieces, each sorted, so that equal ones are neighbours. Nothing is added any more. */
  takeChunks(): Uint32Array[] {
    const last = this.#chunks.pop();
    return last === undefined ? [] : [...this.#chunks, last.subarray(0, this.#used)].map((chunk) => chunk.toSorted());
  }
}

export class TimingWheel {
  readonly #slots: (Bag | undefined)[] = Array.from({ length: WHEELS * SLOTS });
  #ripe: Uint32Array[] = [];
  /** How much of the last of `#ripe` was handed out. */
  #taken = 0;
  /** Every slot that begins before this tick was emptied; `undefined` until the time is known. */
  #next: number | undefined;
  #early = new Bag();

  /** Bytes reserved for entries. */
  get bytes(): number {
    const ripe = this.#ripe.reduce((sum, chunk) => sum + chunk.byteLength, this.#early.bytes);
    return this.#slots.reduce((sum, bag) => sum + (bag?.bytes ?? 0), ripe);
  }

  /** @param hash 32 bits, unsigned */
  insert(hash: number, atMs: number): void {
    // looked at as soon as the time is known
    if (this.#next === undefined) return this.#early.add(hash);
    const tick = Math.max(Math.ceil(atMs / TICK_MS), this.#next);
    let wheel = 0;
    let width = 1;
    let emptied = this.#next - 1;
    let slot = tick;
    while (slot > emptied + SLOTS && wheel < WHEELS - 1) {
      wheel++;
      width *= SLOTS;
      emptied = Math.floor((this.#next - 1) / width);
      slot = Math.floor(tick / width);
    }
    const index = wheel * SLOTS + (Math.min(slot, emptied + SLOTS) % SLOTS);
    (this.#slots[index] ??= new Bag()).add(hash);
  }

  /** Makes ripe what may be due at `nowMs`. Where the clock was set back, entries come early. */
  advance(nowMs: number): void {
    const now = Math.floor(nowMs / TICK_MS);
    if (this.#next === undefined) {
      this.#ripen(this.#early);
      this.#early = new Bag();
    } else {
      for (let wheel = 0, width = 1; wheel < WHEELS; wheel++, width *= SLOTS) {
        const first = Math.floor((this.#next - 1) / width) + 1;
        const last = Math.min(Math.floor(now / width), first + SLOTS - 1);
        for (let slot = first; slot <= last; slot++) this.#empty(wheel * SLOTS + (slot % SLOTS));
      }
    }
    this.#next = now + 1;
  }

  /** Hands out up to `max` ripe entries, each once. */
  take(max: number): number[] {
    const hashes: number[] = [];
    while (hashes.length < max && this.#ripe.length > 0) {
      const chunk = this.#ripe.at(-1)!;
      const hash = chunk[this.#taken++]!;
      if (hash !== hashes.at(-1)) hashes.push(hash);
      if (this.#taken < chunk.length) continue;
      this.#ripe.pop();
      this.#taken = 0;
    }
    return hashes;
  }

  #empty(index: number): void {
    const bag = this.#slots[index];
    if (bag === undefined) return;
    this.#slots[index] = undefined;
    this.#ripen(bag);
  }

  /** In front: what became ripe before is handed out first, from the end. */
  #ripen(bag: Bag): void {
    this.#ripe = [...bag.takeChunks(), ...this.#ripe];
  }
}
