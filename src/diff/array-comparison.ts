/**
 * Compares a live array with its node: trims head and tail, matches the middle by identity, value and key, keeps what is in order,
 * adopts look-alikes position by position, and replaces the rest.
 *
 * Invariant: afterwards the node's elements are those of the array, holes included, and the writer holds operations with that
 * effect. Cost is O(n log n) in the part that changed.
 */
import { spansBetween, stayingElements, type Span } from './array-match.js';
import type { ComparisonPass } from './comparison-pass.js';
import type { Hunk } from './draft.js';
import { HOLE, isNode, type ArrayNode, type GraphNode, type Stored } from './node.js';

/** Stands for -0 where `Map` would take it for 0. */
const NEGATIVE_ZERO = Symbol('-0');

export class ArrayComparison {
  readonly #pass: ComparisonPass;
  readonly #node: ArrayNode;
  readonly #live: readonly unknown[];
  #head = 0;

  constructor(pass: ComparisonPass, node: ArrayNode, live: readonly unknown[]) {
    this.#pass = pass;
    this.#node = node;
    this.#live = live;
  }

  run(): void {
    const live = this.#live;
    const old = this.#node.elements;
    let oldEnd = old.length;
    let newEnd = live.length;
    while (this.#head < oldEnd && this.#head < newEnd && this.#same(old[this.#head], this.#head)) this.#head++;
    while (oldEnd > this.#head && newEnd > this.#head && this.#same(old[oldEnd - 1], newEnd - 1)) {
      oldEnd--;
      newEnd--;
    }
    if (this.#head === oldEnd && this.#head === newEnd) return;
    const middle = old.slice(this.#head, oldEnd);
    const settled = this.#settle(middle, newEnd - this.#head);
    this.#emit(spansBetween(settled, middle.length, newEnd - this.#head));
  }

  /** True where the old element needs no look-up to be the same; its content is compared later. */
  #same(stored: Stored, index: number): boolean {
    const value = this.#read(index);
    if (isNode(stored)) return this.#pass.meets(stored, value);
    return Object.is(stored, value);
  }

  /** The element as data: `HOLE` where there is none. */
  #read(index: number): unknown {
    const value = this.#live[index];
    return value === undefined && !Object.hasOwn(this.#live, index) ? HOLE : value;
  }

  /** Pairs of old and new positions, from the head, that need not be sent. */
  #settle(middle: readonly Stored[], newCount: number): [number, number][] {
    const match = this.#match(middle, newCount);
    const stays = stayingElements(match, middle.length);
    const settled: [number, number][] = [];
    let old = 0;
    let now = 0;
    const adoptBetween = (oldEnd: number, newEnd: number): void => {
      for (; old < oldEnd && now < newEnd; old++, now++) {
        const stored = middle[old]!;
        if (match[now] === -1 && isNode(stored) && this.#pass.adopts(stored, this.#read(this.#head + now)))
          settled.push([old, now]);
      }
    };
    for (let j = 0; j < newCount; j++) {
      if (stays[j] === 0) continue;
      adoptBetween(match[j]!, j);
      settled.push([match[j]!, j]);
      old = match[j]! + 1;
      now = j + 1;
    }
    adoptBetween(middle.length, newCount);
    return settled;
  }

  #match(middle: readonly Stored[], newCount: number): Int32Array {
    const match = new Int32Array(newCount).fill(-1);
    if (middle.length === 0 || newCount === 0) return match;
    const positions = new Map<unknown, number[]>();
    // from the end, so that the earliest position is popped first
    for (let i = middle.length - 1; i >= 0; i--) {
      const name = nameOf(middle[i]);
      const list = positions.get(name);
      if (list === undefined) positions.set(name, [i]);
      else list.push(i);
    }
    for (let j = 0; j < newCount; j++) {
      const value = this.#read(this.#head + j);
      const name = typeof value === 'object' && value !== null ? this.#pass.known(value) : nameOf(value);
      match[j] = (name === undefined && typeof value === 'object' ? undefined : positions.get(name))?.pop() ?? -1;
    }
    if (this.#node.key !== undefined) this.#matchByKey(this.#node.key, middle, match);
    return match;
  }

  #matchByKey(key: string, middle: readonly Stored[], match: Int32Array): void {
    const matched = new Set(match);
    const byKey = new Map<Stored, number>();
    for (let i = middle.length - 1; i >= 0; i--) {
      const stored = middle[i];
      const value = isNode(stored) && !matched.has(i) ? this.#pass.storedProperty(stored, key) : undefined;
      if (value !== undefined && !isNode(value)) byKey.set(value, i);
    }
    if (byKey.size === 0) return;
    for (let j = 0; j < match.length; j++) {
      const value = this.#read(this.#head + j);
      if (match[j] !== -1 || typeof value !== 'object' || value === null || this.#pass.known(value) !== undefined) continue;
      const name = (value as Record<string, unknown>)[key] as Stored;
      const i = byKey.get(name);
      if (i === undefined || !this.#pass.adopts(middle[i] as GraphNode, value)) continue;
      byKey.delete(name);
      match[j] = i;
    }
  }

  #emit(spans: readonly Span[]): void {
    if (spans.length === 0) return;
    const { draft, writer } = this.#pass;
    const node = this.#node;
    const resolve = (index: number): Stored => {
      const value = this.#read(this.#head + index);
      return value === HOLE ? HOLE : this.#pass.resolve(value, undefined);
    };
    if (spans.every(({ removed, from, to }) => removed === 1 && to - from === 1)) {
      for (const { from } of spans) {
        const value = resolve(from);
        draft.setIndex(node, this.#head + from, value);
        writer.index(node, this.#head + from, value);
      }
      return;
    }
    const hunks: Hunk[] = spans.map(({ kept, removed, from, to }, index) => {
      const inserted: Stored[] = [];
      for (let j = from; j < to; j++) inserted.push(resolve(j));
      return { kept: index === 0 ? kept + this.#head : kept, removed, inserted };
    });
    draft.edit(node, hunks);
    writer.edit(node, hunks);
  }
}

function nameOf(value: unknown): unknown {
  return Object.is(value, -0) ? NEGATIVE_ZERO : value;
}
