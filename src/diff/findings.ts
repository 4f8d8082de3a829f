/**
 * What a scan finds while it looks whether anything changed: generated comparators report here.
 *
 * Invariant: nothing is changed by a scan. Where `broken` is false, the objects that were reported are all that changed, and only
 * primitive values did; where it is true, that was not proved and everything has to be compared.
 */
import { HOLE } from './node.js';
import type { Shadow } from './shadow.js';

/** Every so many levels the scan starts anew from a list, so that depth costs no stack. A power of two. */
export const LEVELS = 64;
/** As many are sorted by insertion. */
const SMALL = 16;

export class Findings {
  /** The objects that changed, `count` of them, in the order in which the scan left them. */
  readonly changed: (Shadow | undefined)[] = [];
  count = 0;
  /** An object came, went or moved, or a value is none that can be replicated. */
  broken = false;
  /** A change that `Shadow.advance` cannot make. */
  hard = false;
  /** The order of what was found may not be that of a comparison. */
  unordered = false;
  /** Of one collection, by the limits of the session. */
  elementsMax = 0;
  readonly #deferred: Shadow[] = [];
  readonly #deferredDepths: number[] = [];
  #running: Shadow | undefined;
  #busy = false;

  /** @returns false where a scan is under way: a getter of the application compares another session */
  begin(elementsMax: number): boolean {
    if (this.#busy) return false;
    this.#busy = true;
    this.elementsMax = elementsMax;
    this.broken = this.hard = this.unordered = false;
    return true;
  }

  /** Forgets everything, so that nothing is kept alive. */
  end(): void {
    this.#busy = false;
    this.#running = undefined;
    // cheaper than a new length
    for (let i = 0; i < this.count; i++) this.changed[i] = undefined;
    this.count = 0;
    if (this.#deferred.length > 0) this.#deferred.length = this.#deferredDepths.length = 0;
  }

  scan(shadow: Shadow, depth: number): void {
    this.#run(shadow, depth);
    for (let i = 0; i < this.#deferred.length; i++) this.#run(this.#deferred[i]!, this.#deferredDepths[i]!);
    if (this.#deferred.length > 0) this.#deferred.length = this.#deferredDepths.length = 0;
  }

  #run(shadow: Shadow, depth: number): void {
    this.#running = shadow;
    shadow.compare(shadow.source, depth);
  }

  report(shadow: Shadow, _depth?: number): void {
    this.changed[this.count++] = shadow;
  }

  /** Puts what changed in the order in which a comparison meets it. What changed is mostly little. */
  sort(): void {
    const { changed, count } = this;
    if (count > SMALL) return this.#sortMany();
    for (let i = 1; i < count; i++) {
      const shadow = changed[i]!;
      let to = i;
      for (; to > 0 && changed[to - 1]!.position > shadow.position; to--) changed[to] = changed[to - 1]!;
      changed[to] = shadow;
    }
  }

  #sortMany(): void {
    const sorted = this.changed.slice(0, this.count).toSorted((a, b) => a!.position - b!.position);
    sorted.forEach((shadow, i) => (this.changed[i] = shadow));
  }

  /** Reports that a collection has other members; where objects are among them, they may have moved. */
  resized(shadow: Shadow, depth: number, flat: boolean): void {
    if (!flat) this.broken = true;
    this.hard = true;
    this.report(shadow, depth);
  }

  /** True where the object is put off; to be asked at every multiple of `LEVELS`. */
  defer(shadow: Shadow, depth: number): boolean {
    if (shadow === this.#running) return false;
    this.#deferred.push(shadow);
    this.#deferredDepths.push(depth);
    return true;
  }

  /** Judges two values that are not the same by `Object.is`; true where there is nothing to send all the same. */
  agrees(live: unknown, stored: unknown): boolean {
    if (stored === HOLE) {
      if (live === undefined) return true;
      this.hard = true;
    }
    if ((typeof stored === 'object' && stored !== null) || !isPrimitive(live)) this.broken = true;
    return false;
  }
}

export function isPrimitive(value: unknown): boolean {
  return value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol');
}

/** One for all: a scan is over before anything else runs. */
export const findings = new Findings();
