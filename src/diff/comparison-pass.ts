/**
 * A pass of comparison, as those see it who compare the content of one object.
 *
 * Invariant: whatever they meet in the object goes through `resolve`, `meets`, `known` or `adopts`, which see to it that it is visited.
 */
import type { Limits } from '../wire/limits.js';
import type { Binding } from './binding.js';
import type { Draft } from './draft.js';
import type { GraphNode, Stored } from './node.js';
import type { OperationWriter } from './operation-writer.js';

export interface ComparisonPass {
  readonly draft: Draft;
  readonly writer: OperationWriter;
  /** The model over the schema as it is by now. */
  readonly binding: Binding;
  /** Finds what stands for a live value in the graph, or makes it. Objects are compared later in the pass. */
  resolve(live: unknown, candidate: Stored): Stored;
  /** True where the live value is the node's own object, which then counts as visited. */
  meets(node: GraphNode, live: unknown): boolean;
  /** The node of an object that the graph knows, which then counts as visited. */
  known(live: object): GraphNode | undefined;
  /** True where the node stands for the live value already, or does so from now on because they look alike. */
  adopts(node: GraphNode, live: unknown): boolean;
  /** Marks a blob, which has no object of its own, as visited. */
  visitBlob(node: GraphNode): void;
  /** The value of a property as the graph knows it. */
  storedProperty(node: GraphNode, property: string): Stored | undefined;
  /** Gives slots to attributes that an older model did not have. */
  extendShape(shape: number, names: readonly string[]): void;
  /** @throws {TwinstateError} `LIMIT_EXCEEDED` with the object's path */
  limit(limit: keyof Limits, received: number, live: object, what: string): void;
  countHoles(holes: number, live: object): void;
  pathOf(live: unknown): string | undefined;
}
