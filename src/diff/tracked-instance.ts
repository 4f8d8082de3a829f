/**
 * How the objects of a tracked graph are scanned that say themselves what was written, and the arrays that hold them.
 *
 * Invariant: neither looks below: each object down there is scanned on its own.
 */
import { findings, isPrimitive, SAME, STRUCTURAL, type Change } from './findings.js';
import type { ArrayNode, GraphNode, InstanceNode, Scanned, Stored } from './node.js';
import type { OperationWriter } from './operation-writer.js';
import { ALL_MARKS, MARKS, type TrackedState, type Watch } from './tracked-state.js';
import type { Undo } from './undo.js';

/** What the tracked objects of one class have in common. */
export interface TrackedLayout {
  readonly prototype: object;
  /** The slots of the mutable attributes, in their order. */
  readonly slots: readonly number[];
}

/** It holds no values: what was written is compared with the node itself. */
export class TrackedInstance implements Scanned {
  readonly node: InstanceNode;
  readonly #layout: TrackedLayout;
  readonly #state: TrackedState;
  readonly #watch: Watch;
  #taken = ALL_MARKS;
  /** The attributes in which the last scan found other values, `#changedCount` of them, in their order. */
  readonly #changed: number[] = [];
  #changedCount = 0;

  constructor(node: InstanceNode, layout: TrackedLayout, state: TrackedState, watch: Watch) {
    this.node = node;
    this.#layout = layout;
    this.#state = state;
    this.#watch = watch;
  }

  /** Takes what was written since the last time. */
  take(): void {
    this.#taken |= this.#state.take(this.#watch);
  }

  /** Forgets what was taken: the node has it. */
  settle(): void {
    this.#taken = 0;
  }

  /** Gives back what was taken: the node has it not. */
  putBack(): void {
    this.#state.putBack(this.#watch, this.#taken);
    this.#taken = 0;
  }

  compare(): void {
    const { slots, prototype } = this.#layout;
    const { node } = this;
    if (Object.getPrototypeOf(node.source) !== prototype) findings.broken = true;
    const start = findings.count;
    const changed = this.#changed;
    let count = 0;
    let change: Change = SAME;
    const { values } = this.#state;
    for (let marks = this.#taken; marks !== 0; marks &= marks - 1) {
      for (let i = 31 - Math.clz32(marks & -marks); i < slots.length; i += MARKS) {
        const value = values[i];
        const old = node.get(slots[i]!);
        if (Object.is(value, old)) continue;
        if (typeof old === 'object' && old !== null && old.source === value) continue;
        const judged = findings.judge(value, old);
        if (judged === SAME) continue;
        if (judged > change) change = judged;
        changed[count++] = i;
      }
    }
    this.#changedCount = count;
    if (count === 0) return;
    // attributes that share a mark come together
    if (count > 1 && slots.length > MARKS) sortFirst(changed, count);
    findings.report(this, 0, change, start);
  }

  advance(writer: OperationWriter, undo: Undo): boolean {
    const { node } = this;
    const { slots } = this.#layout;
    const { values } = this.#state;
    for (let k = 0; k < this.#changedCount; k++) {
      const i = this.#changed[k]!;
      const value = values[i];
      if (!isPrimitive(value)) return false;
      const slot = slots[i]!;
      undo.push(this, slot, node.get(slot));
      node.set(slot, value as Stored);
      writer.slot(node, slot, value as Stored);
    }
    return true;
  }

  restore(slot: number, old: unknown): void {
    this.node.set(slot, old as Stored);
  }
}

/** They are few mostly, and were in order but for those that share a mark. */
function sortFirst(values: number[], count: number): void {
  for (let i = 1; i < count; i++) {
    const value = values[i]!;
    let to = i;
    for (; to > 0 && values[to - 1]! > value; to--) values[to] = values[to - 1]!;
    values[to] = value;
  }
}

/**
 * An array that held objects only when this was made; none of them is looked at from here. Where values came in since, which change no
 * edge and so leave the scan as it is, it is compared as any other.
 */
export class PointerArray {
  readonly node: ArrayNode;
  readonly #pointers: readonly unknown[];

  constructor(node: ArrayNode) {
    this.node = node;
    this.#pointers = node.elements.map((element) => (element as GraphNode).source);
  }

  get source(): object | undefined {
    return this.node.source;
  }

  compare(live: readonly unknown[], depth: number): void {
    if (Object.getPrototypeOf(live) !== Array.prototype) findings.broken = true;
    const isOld = this.node.elements.length !== this.#pointers.length;
    if (isOld || !sameObjects(live, this.#pointers)) findings.report(this.node, depth, STRUCTURAL, findings.count);
  }
}

/** By identity, and nothing else: objects are not NaN, nor -0, nor holes. */
function sameObjects(a: readonly unknown[], b: readonly unknown[]): boolean {
  const { length } = b;
  if (a.length !== length) return false;
  let i = 0;
  // four at a time take two thirds of the time
  for (const end = length - 3; i < end; i += 4) {
    if (a[i] !== b[i] || a[i + 1] !== b[i + 1] || a[i + 2] !== b[i + 2] || a[i + 3] !== b[i + 3]) return false;
  }
  for (; i < length; i++) if (a[i] !== b[i]) return false;
  return true;
}
