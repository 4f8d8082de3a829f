/**
 * The nodes of one session, with the schema: the state that every verb works on.
 *
 * Invariant: ids are never used twice; `nextId` is above all of them. The tables by id and by live object are made on demand and hold
 * every node that can be reached; `bySource` only those that have a source and can be met by identity. In an unbound graph, which is
 * not compared, some may be in the table by id that cannot be reached: `garbage` says so.
 */
import type { ArrayNode, InstanceNode } from './node.js';
import { eachChild, type GraphNode } from './node.js';
import { Schema } from './schema.js';

export class NodeTable {
  schema: Schema = new Schema([], '');
  nextId = 0;
  /** True where a reference was taken away since the last sweep. */
  garbage = false;
  /** How many nodes the last sweep left. */
  liveCount = 0;
  #root: GraphNode | undefined = undefined;
  #nodes: Map<number, GraphNode> | undefined = new Map();
  #bySource: Map<object, GraphNode> | undefined = new Map();
  /** How many there are, while no table says so. */
  #size = 0;
  #walk = 0;
  #isInOrder = false;

  /** The root of a session is an instance; that of a blob an array. */
  get root(): InstanceNode | ArrayNode {
    return this.#root as InstanceNode | ArrayNode;
  }

  get isEmpty(): boolean {
    return this.#root === undefined;
  }

  get size(): number {
    return this.#nodes?.size ?? this.#size;
  }

  /** By id. */
  get nodes(): Map<number, GraphNode> {
    if (this.#nodes === undefined) this.#nodes = new Map(this.reachable().map((node) => [node.id, node]));
    return this.#nodes;
  }

  /** Blobs are not in it: their values have no identity. */
  get bySource(): Map<object, GraphNode> {
    if (this.#bySource === undefined) {
      this.#bySource = new Map();
      for (const node of this.reachable()) if (node.source !== undefined) this.#bySource.set(node.source, node);
    }
    return this.#bySource;
  }

  add(node: GraphNode): void {
    if (node.id === 0) this.#root = node;
    if (this.#nodes === undefined) this.#size++;
    else this.#nodes.set(node.id, node);
    this.nextId = Math.max(this.nextId, node.id + 1);
  }

  /** Says which live object a node stands for from now on. */
  link(node: GraphNode, source: object | undefined): void {
    const bySource = this.#bySource;
    if (bySource !== undefined && node.source !== undefined && bySource.get(node.source) === node) bySource.delete(node.source);
    node.source = source;
    if (source !== undefined && node.kind !== 'blob') bySource?.set(source, node);
  }

  forget(node: GraphNode): void {
    if (this.#nodes === undefined) this.#size--;
    else this.#nodes.delete(node.id);
    if (node.source !== undefined && this.#bySource?.get(node.source) === node) this.#bySource.delete(node.source);
  }

  /** Puts others in the place of nodes. */
  succeed(successors: ReadonlyMap<GraphNode, GraphNode>): void {
    for (const [node, successor] of successors) {
      if (node === this.#root) this.#root = successor;
      if (this.#nodes?.get(node.id) === node) this.#nodes.set(node.id, successor);
      if (node.source !== undefined && this.#bySource?.get(node.source) === node) this.#bySource.set(node.source, successor);
    }
  }

  /** Moves the ids of all nodes from `from` up by `by`. */
  shiftIds(from: number, by: number): void {
    const nodes = this.#nodes === undefined ? this.reachable() : [...this.#nodes.values()];
    for (const node of nodes) if (node.id >= from) node.id += by;
    if (this.#nodes !== undefined) this.#nodes = new Map(nodes.map((node) => [node.id, node]));
    if (this.nextId >= from) this.nextId += by;
  }

  /** Lets go of the tables until somebody asks for them. */
  dropTables(): void {
    this.#size = this.size;
    this.#nodes = this.#bySource = undefined;
  }

  get hasTables(): boolean {
    return this.#nodes !== undefined || this.#bySource !== undefined;
  }

  /** Says that these are all nodes there are. */
  keepOnly(nodes: readonly GraphNode[]): void {
    this.#size = nodes.length;
    this.garbage = false;
    this.liveCount = nodes.length;
    if ((this.#nodes?.size ?? this.#bySource?.size ?? 0) <= nodes.length && this.#nodes !== undefined) return;
    if (this.#nodes !== undefined) this.#nodes = new Map(nodes.map((node) => [node.id, node]));
    if (this.#bySource === undefined) return;
    this.#bySource = new Map();
    for (const node of nodes) if (node.source !== undefined && node.kind !== 'blob') this.#bySource.set(node.source, node);
  }

  /** A number that no node is marked with, nor a higher one. */
  nextWalk(): number {
    this.#isInOrder = false;
    return ++this.#walk;
  }

  /** Says that nodes are marked in the order in which a comparison meets them, up to this mark. */
  markedInOrder(highest: number): void {
    this.#walk = highest;
    this.#isInOrder = true;
  }

  get isInOrder(): boolean {
    return this.#isInOrder;
  }

  /** The nodes that can be reached, the root first. */
  reachable(): GraphNode[] {
    const walk = this.nextWalk();
    const found: GraphNode[] = [this.root];
    this.root.mark = walk;
    const visit = (child: GraphNode): void => {
      if (child.mark === walk) return;
      child.mark = walk;
      found.push(child);
    };
    for (let i = 0; i < found.length; i++) eachChild(found[i]!, visit);
    return found;
  }

  /** Drops what cannot be reached. */
  sweep(): void {
    this.keepOnly(this.reachable());
  }

  /** Sweeps once there may be as much garbage as there is life, so that its cost is shared by what made it. */
  sweepAmortised(): void {
    if (this.garbage && this.size > 2 * this.liveCount) this.sweep();
  }
}
