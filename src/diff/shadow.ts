/**
 * The shadow of a node: what the node knows of its object, in the form in which it is compared fastest.
 *
 * Invariant: a shadow tells exactly what its node does. Shadows form a tree: each node that is met once has its shadow where it
 * stands, and one that is met several times stands in the tree's list, with an `Edge` wherever it is met.
 */
import type { GraphNode } from './node.js';
import type { OperationWriter } from './operation-writer.js';

/** What a shadow holds in place of a node: its shadow, or an edge to where that is. */
export interface Place {
  /** The live object. */
  readonly source: unknown;
  /** True for a shadow, which is compared here and nowhere else. */
  readonly owned: boolean;
  compare(live: unknown, depth: number): void;
}

/** What was changed, to be put back where a change cannot be finished: a shadow, a place in it and the old value, in turns. */
export class Undo {
  readonly #steps: unknown[] = [];
  #count = 0;

  push(shadow: Shadow, place: number, old: unknown): void {
    this.#steps[this.#count++] = shadow;
    this.#steps[this.#count++] = place;
    this.#steps[this.#count++] = old;
  }

  /** Puts everything back, the last first. */
  takeBack(): void {
    const steps = this.#steps;
    for (let i = this.#count - 3; i >= 0; i -= 3) (steps[i] as Shadow).restore(steps[i + 1] as number, steps[i + 2]);
    this.forget();
  }

  forget(): void {
    // cheaper than a new length
    for (let i = 0; i < this.#count; i++) this.#steps[i] = undefined;
    this.#count = 0;
  }
}

export abstract class Shadow implements Place {
  readonly node: GraphNode;
  readonly source: object;
  /** Where a comparison meets the object: breadth first, from the root. */
  position = 0;
  declare readonly owned: boolean;

  constructor(node: GraphNode, source: object) {
    this.node = node;
    this.source = source;
  }

  /** Reports what changed in the object and below it. `live` is `source`. */
  abstract compare(live: unknown, depth: number): void;

  /**
   * Takes over and writes the changes that a scan found in this object, where none of them is `hard`.
   *
   * @returns false where the object is no longer as it was found
   */
  advance(_writer: OperationWriter, _undo: Undo): boolean {
    return false;
  }

  /** Puts an old value back, in the node too. */
  restore(_index: number, _old: unknown): void {}

  /** Follows its node, in which primitive values changed; false where it cannot. */
  abstract refresh(): boolean;
}
// on the prototype, because it is the same for all
Object.defineProperty(Shadow.prototype, 'owned', { value: true });

/** Where a node stands that has its shadow elsewhere. */
export class Edge implements Place {
  readonly source: unknown;
  declare readonly owned: boolean;

  constructor(source: unknown) {
    this.source = source;
  }

  compare(): void {}
}
Object.defineProperty(Edge.prototype, 'owned', { value: false });
