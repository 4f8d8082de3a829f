/**
 * What a scan finds while it looks whether anything changed: nodes report here.
 *
 * Invariant: nothing is changed by a scan. Where `broken` is false, the objects that were reported are all that changed; below one
 * whose structure changed nothing is reported, it has to be looked at again. Where `broken` is true, that was not proved and
 * everything has to be compared.
 */
import type { Binding } from './binding.js';
import type { NodeBase, Scanned } from './node.js';

/** Every so many levels the scan starts anew from a list, so that depth costs no stack. A power of two. */
export const LEVELS = 64;

/** Nothing to send. */
export const SAME = 0;
/** Only primitive values changed, and `NodeBase.advance` can take them over. */
export const SIMPLE = 1;
/** The interpreter has to say what changed in the object; what it refers to is the same. */
export const HARD = 2;
/** Objects came, went or moved: what is below was not looked at, or will be looked at again. */
export const STRUCTURAL = 3;

/** How an object, or a value in it, changed. */
export type Change = typeof SAME | typeof SIMPLE | typeof HARD | typeof STRUCTURAL;

/** What a scan can start from. */
export interface Scannable {
  compare(live: unknown, depth: number): void;
}

export class Findings {
  /** What changed, `count` of them, in the order in which the scan left them. */
  readonly changed: (Scanned | undefined)[] = [];
  readonly depths: number[] = [];
  readonly changes: Change[] = [];
  count = 0;
  /** The change that asks for most, of all that were reported since the scan began. */
  worst: Change = SAME;
  /** A prototype changed, a getter threw, or what else makes a scan prove nothing. */
  broken = false;
  /** By what the session is bound. */
  binding: Binding | undefined = undefined;
  #highest = 0;
  readonly #deferred: NodeBase[] = [];
  readonly #deferredDepths: number[] = [];
  #running: Scannable | undefined;
  #busy = false;

  /** @returns false where a scan is under way: a getter of the application compares another session */
  begin(binding: Binding): boolean {
    if (this.#busy) return false;
    this.#busy = true;
    this.binding = binding;
    this.broken = false;
    this.worst = SAME;
    return true;
  }

  /** Forgets everything, so that nothing is kept alive. */
  end(): void {
    this.#busy = false;
    this.binding = this.#running = undefined;
    this.clear();
    for (let i = 0; i < this.#highest; i++) this.changed[i] = undefined;
    this.#highest = 0;
  }

  /** Forgets what was found. */
  clear(): void {
    if (this.count > this.#highest) this.#highest = this.count;
    this.count = 0;
    if (this.#deferred.length > 0) this.#deferred.length = this.#deferredDepths.length = 0;
  }

  scan(node: Scannable, live: unknown, depth: number): void {
    this.#running = node;
    node.compare(live, depth);
    if (this.#deferred.length > 0) this.#scanDeferred();
  }

  #scanDeferred(): void {
    for (let i = 0; i < this.#deferred.length; i++) {
      const node = (this.#running = this.#deferred[i]!);
      node.compare(node.source, this.#deferredDepths[i]!);
    }
    this.#deferred.length = this.#deferredDepths.length = 0;
  }

  /** @param start how many there were when the scan came to the object */
  report(node: Scanned, depth: number, change: Change, start: number): void {
    if (change === STRUCTURAL) {
      // what is put off could not be taken back
      if (this.#deferred.length > 0) this.broken = true;
      if (this.count > this.#highest) this.#highest = this.count;
      this.count = start;
    }
    if (change > this.worst) this.worst = change;
    const at = this.count++;
    this.changed[at] = node;
    this.depths[at] = depth;
    this.changes[at] = change;
  }

  /** True where the object is put off; to be asked at every multiple of `LEVELS`. */
  defer(node: NodeBase, depth: number): boolean {
    if (node === this.#running) return false;
    this.#deferred.push(node);
    this.#deferredDepths.push(depth);
    return true;
  }

  /** Judges two values that are not the same by `Object.is`, where the stored one is not the live one's node. */
  judge(live: unknown, stored: unknown): Change {
    // a hole: an attribute that was never given
    if (typeof stored === 'symbol') return live === undefined ? SAME : isPrimitive(live) ? HARD : STRUCTURAL;
    return (typeof stored === 'object' && stored !== null) || !isPrimitive(live) ? STRUCTURAL : SIMPLE;
  }
}

export function isPrimitive(value: unknown): boolean {
  return value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol');
}

/** One for all: a scan is over before anything else runs. */
export const findings = new Findings();
