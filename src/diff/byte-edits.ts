/**
 * Finds what was done to a byte string: bytes written over, put in, taken out, in several places.
 *
 * Invariant: edits lie in order and never overlap, and between two of them the strings are equal. The work is bounded: every byte is
 * looked at a fixed number of times, natively but for what lies close to a difference; where that does not tell, the rest is one edit.
 *
 * What changed in place is found by running along both strings from their starts, what was put in or taken out once also from their
 * ends: the two runs meet where it happened. Between several such places there is a third alignment; it is found by looking for a few
 * bytes from the middle of the one in the other, and both sides of the match are treated likewise.
 */
import { runAhead, runBehind } from './byte-runs.js';

/** `old[from, to)` became `now[at, end)`. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly at: number;
  readonly end: number;
}

/** Equal bytes fewer than these between two edits are sent along: an edit of its own costs about as many. */
export const GAP_BYTES_MIN = 4;
/** What an edit costs beside its bytes, about. */
const EDIT_COST_BYTES = 3;
/** So much change in a row, less an eighth of what is equal between, says that the strings no longer run along. */
const BURST_BYTES_MAX = 256;
const CALM_BYTES = 8;
/** What is looked for in the other string; four times as much where it is found twice. */
const ANCHOR_BYTES = 32;
const ANCHOR_BYTES_MAX = 2048;
/** Where anchors are taken, in sixteenths. */
const ANCHOR_PLACES = [8, 4, 12, 2, 14, 6, 10];
/** So many anchors that are nowhere in the other string say that everything is new. */
const STRANGERS_MAX = 3;
/** What there is instead of a place: no bytes like these, or too many. */
const NOWHERE = -1;
const UNDECIDED = -2;
const DEPTH_MAX = 16;
/** How many times the length of both strings is searched for anchors, at most. */
const SEARCHES_MAX = 12;
const SEARCHED_BYTES_MIN = 1 << 16;

/** Edits along one alignment: in the order in which they were met, `reach` is how far the strings were held against each other. */
interface Run {
  readonly edits: readonly Edit[];
  readonly reach: number;
  /** Where the burst began that ended the run; `reach` where there was none. */
  readonly calm: number;
}

export function editsOf(old: Uint8Array, now: Uint8Array): Edit[] {
  return new EditSearch(view(old), view(now)).run();
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

class EditSearch {
  readonly #old: Buffer;
  readonly #now: Buffer;
  readonly #edits: Edit[] = [];
  /** Bytes that may still be searched for anchors. */
  #searchable: number;

  constructor(old: Buffer, now: Buffer) {
    this.#old = old;
    this.#now = now;
    this.#searchable = SEARCHES_MAX * (old.length + now.length) + SEARCHED_BYTES_MIN;
  }

  run(): Edit[] {
    this.#search({ from: 0, to: this.#old.length, at: 0, end: this.#now.length }, 0);
    return this.#edits;
  }

  /** Finds the edits within a part, of which nothing is known. */
  #search(part: Edit, depth: number): void {
    const { from, to, at, end } = this.#trim(part);
    if (from === to && at === end) return;
    if (from === to || at === end) return this.#add({ from, to, at, end });
    const length = Math.min(to - from, end - at);
    const ahead = this.#ahead(from, at, length);
    if (ahead.reach === length && to - from === end - at) return ahead.edits.forEach((edit) => this.#add(edit));
    const behind = this.#behind(to, end, length);
    // both count from the start of the shorter string
    const [first, last] = [ahead.reach, length - behind.reach];
    if (first >= last) return this.#join({ from, to, at, end }, ahead, behind, last, first);
    const [head, tail] = [ahead.calm, behind.calm];
    for (const edit of ahead.edits) if (edit.from - from < head) this.#add(edit);
    this.#anchor({ from: from + head, to: to - tail, at: at + head, end: end - tail }, depth);
    for (const edit of behind.edits.toReversed()) if (to - edit.to < tail) this.#add(edit);
  }

  #trim({ from, to, at, end }: Edit): Edit {
    const head = runAhead(this.#old, this.#now, from, at, Math.min(to - from, end - at));
    const tail = runBehind(this.#old, this.#now, to, end, Math.min(to - from, end - at) - head);
    return { from: from + head, to: to - tail, at: at + head, end: end - tail };
  }

  /** Runs along from the starts, through what was written over, until nothing fits any more. */
  #ahead(from: number, at: number, length: number): Run {
    const [old, now] = [this.#old, this.#now];
    const edits: Edit[] = [];
    let level = 0;
    let calm = 0;
    for (let i = 0; i < length;) {
      const equal = runAhead(old, now, from + i, at + i, length - i);
      i += equal;
      if (i === length) break;
      level = Math.max(0, level - equal / CALM_BYTES);
      if (level === 0) calm = i;
      const room = Math.min(length, i + Math.ceil(BURST_BYTES_MAX - level));
      let to = i + 1;
      for (let same = 0, k = to; k < room && same < GAP_BYTES_MIN; k++) {
        if (old[from + k] === now[at + k]) same++;
        else {
          same = 0;
          to = k + 1;
        }
      }
      edits.push({ from: from + i, to: from + to, at: at + i, end: at + to });
      level += to - i + EDIT_COST_BYTES;
      i = to;
      if (level > BURST_BYTES_MAX) return { edits, reach: i, calm };
    }
    return { edits, reach: length, calm: length };
  }

  /** Likewise from the ends back; `reach` and `calm` are counted from there. */
  #behind(to: number, end: number, length: number): Run {
    const [old, now] = [this.#old, this.#now];
    const edits: Edit[] = [];
    let level = 0;
    let calm = 0;
    for (let i = 0; i < length;) {
      const equal = runBehind(old, now, to - i, end - i, length - i);
      i += equal;
      if (i === length) break;
      level = Math.max(0, level - equal / CALM_BYTES);
      if (level === 0) calm = i;
      const room = Math.min(length, i + Math.ceil(BURST_BYTES_MAX - level));
      let far = i + 1;
      for (let same = 0, k = far; k < room && same < GAP_BYTES_MIN; k++) {
        if (old[to - k - 1] === now[end - k - 1]) same++;
        else {
          same = 0;
          far = k + 1;
        }
      }
      edits.push({ from: to - far, to: to - i, at: end - far, end: end - i });
      level += far - i + EDIT_COST_BYTES;
      i = far;
      if (level > BURST_BYTES_MAX) return { edits, reach: i, calm };
    }
    return { edits, reach: length, calm: length };
  }

  /**
   * Bytes were put in or taken out in one place, or in none, which lies from `first` to `last` of the shorter string: where the edits
   * before it, along the starts, and those behind it, along the ends, are fewest.
   */
  #join(part: Edit, ahead: Run, behind: Run, first: number, last: number): void {
    const { from, to, at, end } = part;
    const length = Math.min(to - from, end - at);
    const before = ahead.edits;
    const after = behind.edits.toReversed().map((edit) => ({ edit, begin: length - (to - edit.from), stop: length - (to - edit.to) }));
    let cost = 0;
    for (const { edit } of after) cost += costOf(edit);
    let place = first;
    let least = Infinity;
    // the place moves on from edit to edit: those along the starts come to count, those along the ends no longer do
    for (let a = 0, b = 0; ;) {
      while (b < after.length && after[b]!.stop <= first) cost -= costOf(after[b++]!.edit);
      const nextAhead = a < before.length ? before[a]!.from - from : Infinity;
      const nextBehind = b < after.length ? after[b]!.stop : Infinity;
      const here = Math.min(nextAhead, nextBehind, last);
      if (here >= first && here <= last) {
        const total = nextBehind === here ? cost - costOf(after[b]!.edit) : cost;
        if (total < least) [least, place] = [total, here];
      }
      if (here >= last) break;
      if (nextBehind <= nextAhead) cost -= costOf(after[b++]!.edit);
      else cost += costOf(before[a++]!);
    }
    for (const edit of before) {
      const stop = Math.min(edit.to - from, place);
      if (edit.from - from < stop) this.#add({ from: edit.from, to: from + stop, at: edit.at, end: at + stop });
    }
    const rest = length - place;
    this.#add({ from: from + place, to: to - rest, at: at + place, end: end - rest });
    for (const { edit, begin, stop } of after) {
      const begun = Math.max(begin, place);
      if (begun < stop) this.#add({ from: to - (length - begun), to: edit.to, at: end - (length - begun), end: edit.end });
    }
  }

  /** Finds some bytes of the one string in the other, and the edits on both sides of the match. */
  #anchor(part: Edit, depth: number): void {
    const { from, to, at, end } = part;
    if (depth < DEPTH_MAX && to - from >= ANCHOR_BYTES && end - at >= ANCHOR_BYTES) {
      const held = this.#old.subarray(from, to);
      let strangers = 0;
      for (const sixteenths of ANCHOR_PLACES) {
        if (strangers === STRANGERS_MAX) break;
        const place = at + Math.floor(((end - at - ANCHOR_BYTES) * sixteenths) / 16);
        const found = this.#find(held, place, end);
        if (found === NOWHERE) strangers++;
        if (found < 0) continue;
        const back = runBehind(this.#old, this.#now, from + found, place, Math.min(found, place - at));
        const ahead = runAhead(this.#old, this.#now, from + found, place, Math.min(to - from - found, end - place));
        this.#search({ from, to: from + found - back, at, end: place - back }, depth + 1);
        this.#search({ from: from + found + ahead, to, at: place + ahead, end }, depth + 1);
        return;
      }
    }
    this.#add(part);
  }

  /** The only place where `held` has the bytes of `now` from `place` on, so many that there is only one; negative where there is none. */
  #find(held: Buffer, place: number, end: number): number {
    for (let length = ANCHOR_BYTES; length <= ANCHOR_BYTES_MAX && place + length <= end && this.#searchable > 0; length *= 4) {
      const anchor = this.#now.subarray(place, place + length);
      const found = held.indexOf(anchor);
      const second = found < 0 ? -1 : held.indexOf(anchor, found + 1);
      this.#searchable -= second < 0 ? held.length : second;
      if (second < 0) return found;
    }
    return UNDECIDED;
  }

  #add(edit: Edit): void {
    if (edit.from === edit.to && edit.at === edit.end) return;
    const last = this.#edits.at(-1);
    if (last === undefined || edit.from - last.to >= GAP_BYTES_MIN) this.#edits.push(edit);
    else this.#edits[this.#edits.length - 1] = { from: last.from, to: edit.to, at: last.at, end: edit.end };
  }
}

function costOf({ at, end }: Edit): number {
  return end - at + EDIT_COST_BYTES;
}
