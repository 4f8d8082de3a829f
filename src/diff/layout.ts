/**
 * The keys of plain objects that are records, in their order, so that a snapshot or delta names each such list of keys once.
 *
 * Invariant: whether a list of keys is a layout depends on the list alone, so writers and readers number layouts alike. It has few
 * keys, and none of them is an array index, which only dictionaries have.
 */
import { LAYOUT_KEYS_MAX } from '../wire/format.js';
import { isIndexKey } from './key-order.js';

/** A list of keys, as the end of the way through its keys. */
class Step {
  number = -1;
  readonly isIndex: boolean;
  readonly next = new Map<string, Step>();

  constructor(isIndex: boolean) {
    this.isIndex = isIndex;
  }
}

/** The layouts that one snapshot or delta has defined so far. */
export class Layouts {
  #root = new Step(false);
  #count = 0;

  /** @returns the layout's number; -1 for the keys of a dictionary and for those of a new layout, which has a number from now on */
  numberOf(keys: { readonly size: number; keys(): Iterable<string> }): number {
    if (keys.size === 0 || keys.size > LAYOUT_KEYS_MAX) return -1;
    let step = this.#root;
    for (const key of keys.keys()) {
      let next = step.next.get(key);
      if (next === undefined) step.next.set(key, (next = new Step(isIndexKey(key))));
      if (next.isIndex) return -1;
      step = next;
    }
    const { number } = step;
    if (number < 0) step.number = this.#count++;
    return number;
  }

  /** Forgets all. */
  clear(): void {
    if (this.#count > 0) this.#root = new Step(false);
    this.#count = 0;
  }
}

/** True where these keys, no two of them the same, are those of a record. */
export function isLayout(keys: readonly string[]): boolean {
  return keys.length > 0 && keys.length <= LAYOUT_KEYS_MAX && !keys.some(isIndexKey);
}
