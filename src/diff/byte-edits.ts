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
import { alignAhead, alignBehind, costOf, GAP_BYTES_MIN, type Alignment, type Edit } from './byte-alignment.js';
import { runAhead, runBehind } from './byte-runs.js';

/** What is looked for in the other string; four times as much where it is found twice. */
const ANCHOR_BYTES = 32;
const ANCHOR_BYTES_MAX = 2048;
/** Where anchors are taken, in sixteenths. */
const ANCHOR_PLACES = [8, 4, 12, 2, 14, 6, 10];
/** So many anchors that are nowhere in the other string say that everything is new. */
const STRANGERS_MAX = 3;
/** Edits are taken as they are where they are few, or on average so far from each other: records that repeat themselves are shorter. */
const DOUBT_EDITS = 8;
const DOUBT_BYTES = 1024;
const DOUBTS_MAX = 3;
/** What there is instead of a place: no bytes like these, or too many. */
const NOWHERE = -1;
const UNDECIDED = -2;
const DEPTH_MAX = 16;
/** How many times the length of both strings is searched for anchors, at most. */
const SEARCHES_MAX = 8;
const SEARCHED_BYTES_MIN = 1 << 16;

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
    const { from, to, at, end } = this.#behindHead(part);
    if (from === to && at === end) return;
    // of equal lengths, most are written over in places
    if (to - from !== end - at) return this.#searchMoved({ from, to, at, end }, depth);
    const ahead = alignAhead(this.#old, this.#now, from, at, to - from);
    if (ahead.reach < to - from) this.#searchMoved({ from, to, at, end }, depth);
    else this.#settle({ from, to, at, end }, ahead.edits, depth);
  }

  /** Finds the edits within a part where the strings do not run along to the end. */
  #searchMoved(part: Edit, depth: number): void {
    const { from, to, at, end } = this.#beforeTail(part);
    if (from === to || at === end) return this.#add({ from, to, at, end });
    const length = Math.min(to - from, end - at);
    const ahead = alignAhead(this.#old, this.#now, from, at, length);
    const behind = alignBehind(this.#old, this.#now, to, end, length);
    // both count from the start of the shorter string
    const [first, last] = [ahead.reach, length - behind.reach];
    if (first >= last)
      return this.#settle({ from, to, at, end }, joined({ from, to, at, end }, ahead, behind, last, first), depth);
    const [head, tail] = [ahead.calm, behind.calm];
    const before = ahead.edits.filter((edit) => edit.from - from < head);
    const after = behind.edits.filter((edit) => to - edit.to < tail).toReversed();
    const match = this.#contradiction({ from, to, at, end }, before.length + after.length, depth);
    if (match !== undefined) return this.#split({ from, to, at, end }, match, depth);
    this.#addAll(before);
    this.#anchor({ from: from + head, to: to - tail, at: at + head, end: end - tail }, depth);
    this.#addAll(after);
  }

  #behindHead({ from, to, at, end }: Edit): Edit {
    const equal = runAhead(this.#old, this.#now, from, at, Math.min(to - from, end - at));
    return { from: from + equal, to, at: at + equal, end };
  }

  #beforeTail({ from, to, at, end }: Edit): Edit {
    const equal = runBehind(this.#old, this.#now, to, end, Math.min(to - from, end - at));
    return { from, to: to - equal, at, end: end - equal };
  }

  /** Takes these edits, unless others are fewer. */
  #settle(part: Edit, edits: readonly Edit[], depth: number): void {
    const match = this.#contradiction(part, edits.length, depth);
    if (match === undefined) return this.#addAll(edits);
    const [count, last] = [this.#edits.length, this.#edits.at(-1)];
    this.#split(part, match, depth);
    if (totalCost(this.#edits, count) <= totalCost(edits, 0)) return;
    this.#edits.length = count;
    if (last !== undefined) this.#edits[count - 1] = last;
    this.#addAll(edits);
  }

  /**
   * Where there are many edits, looks for a match that neither runs along from the starts nor up to the ends: what repeats itself, as
   * records do, runs along with its neighbour well enough.
   */
  #contradiction(part: Edit, edits: number, depth: number): Edit | undefined {
    const isDoubtful = edits > DOUBT_EDITS && part.end - part.at < edits * DOUBT_BYTES;
    const match = isDoubtful && depth < DEPTH_MAX ? this.#longestMatch(part, DOUBTS_MAX) : undefined;
    if (match === undefined || match.from - part.from === match.at - part.at) return undefined;
    return part.to - match.to === part.end - match.end ? undefined : match;
  }

  #addAll(edits: readonly Edit[]): void {
    for (const edit of edits) this.#add(edit);
  }

  /** Finds some bytes of the one string in the other, and the edits on both sides of the match. */
  #anchor(part: Edit, depth: number): void {
    const match = depth < DEPTH_MAX ? this.#longestMatch(part, ANCHOR_PLACES.length) : undefined;
    if (match === undefined) this.#add(part);
    else this.#split(part, match, depth);
  }

  #split({ from, to, at, end }: Edit, match: Edit, depth: number): void {
    this.#search({ from, to: match.from, at, end: match.at }, depth + 1);
    this.#search({ from: match.to, to, at: match.end, end }, depth + 1);
  }

  /** The longest of the matches of some anchors: a short one may be by chance. An `Edit` that changes nothing. */
  #longestMatch({ from, to, at, end }: Edit, anchors: number): Edit | undefined {
    if (to - from < ANCHOR_BYTES || end - at < ANCHOR_BYTES) return undefined;
    const held = this.#old.subarray(from, to);
    let longest: Edit | undefined;
    for (let i = 0, strangers = 0; i < anchors && strangers < STRANGERS_MAX; i++) {
      // from the middle outwards
      const place = at + Math.floor(((end - at - ANCHOR_BYTES) * ANCHOR_PLACES[i]!) / 16);
      const found = this.#find(held, place, end);
      if (found === NOWHERE) strangers++;
      if (found < 0) continue;
      const back = runBehind(this.#old, this.#now, from + found, place, Math.min(found, place - at));
      const ahead = runAhead(this.#old, this.#now, from + found, place, Math.min(to - from - found, end - place));
      if (longest !== undefined && back + ahead <= longest.end - longest.at) continue;
      longest = { from: from + found - back, to: from + found + ahead, at: place - back, end: place + ahead };
      if ((back + ahead) * 4 > end - at) break;
    }
    return longest;
  }

  /** The only place where `held` has the bytes of `now` from `place` on, so many that there is only one; negative where there is none. */
  #find(held: Buffer, place: number, end: number): number {
    for (let length = ANCHOR_BYTES; length <= ANCHOR_BYTES_MAX && place + length <= end && this.#searchable > 0; length *= 4) {
      const anchor = this.#now.subarray(place, place + length);
      const found = held.indexOf(anchor);
      const second = found < 0 ? -1 : held.indexOf(anchor, found + 1);
      this.#searchable -= second < 0 ? held.length : second;
      if (found < 0) return length === ANCHOR_BYTES ? NOWHERE : UNDECIDED;
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

/**
 * Bytes were put in or taken out in one place, or in none, which lies from `first` to `last` of the shorter string: where the edits
 * before it, along the starts, and those behind it, along the ends, are fewest.
 */
function joined(part: Edit, ahead: Alignment, behind: Alignment, first: number, last: number): Edit[] {
  const edits: Edit[] = [];
  const { from, to, at, end } = part;
  const length = Math.min(to - from, end - at);
  const before = ahead.edits;
  const after = behind.edits
    .toReversed()
    .map((edit) => ({ edit, begin: length - (to - edit.from), stop: length - (to - edit.to) }));
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
    if (edit.from - from < stop) edits.push({ from: edit.from, to: from + stop, at: edit.at, end: at + stop });
  }
  const rest = length - place;
  edits.push({ from: from + place, to: to - rest, at: at + place, end: end - rest });
  for (const { edit, begin, stop } of after) {
    const begun = Math.max(begin, place);
    if (begun < stop) edits.push({ from: to - (length - begun), to: edit.to, at: end - (length - begun), end: edit.end });
  }
  return edits;
}

function totalCost(edits: readonly Edit[], first: number): number {
  let cost = 0;
  for (let i = first; i < edits.length; i++) cost += costOf(edits[i]!);
  return cost;
}
