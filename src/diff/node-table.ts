/**
 * The nodes of one session by id and by live object, with the schema: the state that every verb works on.
 *
 * Invariant: ids are never used twice; `nextId` is above all of them. `bySource` holds exactly the nodes that have a source and can
 * be met by identity. Between two verbs of a bound graph that compares, every node in the table can be reached from the root,
 * unless `garbage` says that some may not.
 */
import type { InstanceNode } from './node.js';
import { eachChild, type ArrayNode, type GraphNode } from './node.js';
import { Schema } from './schema.js';

export class NodeTable {
  nodes = new Map<number, GraphNode>();
  /** Blobs are not in it: their values have no identity. */
  bySource = new Map<object, GraphNode>();
  schema: Schema = new Schema([], '');
  nextId = 0;
  /** True where a reference was taken away since the last sweep. */
  garbage = false;
  /** How many nodes the last sweep left. */
  liveCount = 0;
  #walk = 0;

  /** The root of a session is an instance; that of a blob an array. */
  get root(): InstanceNode | ArrayNode {
    return this.nodes.get(0) as InstanceNode | ArrayNode;
  }

  /** A number that no node is marked with. */
  nextWalk(): number {
    return ++this.#walk;
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
    const found = this.reachable();
    if (found.length < this.nodes.size) {
      const walk = this.root.mark;
      for (const node of this.nodes.values()) if (node.mark !== walk) this.forget(node);
    }
    this.garbage = false;
    this.liveCount = found.length;
  }

  /** Sweeps once there may be as much garbage as there is life, so that its cost is shared by what made it. */
  sweepAmortised(): void {
    if (this.garbage && this.nodes.size > 2 * this.liveCount) this.sweep();
  }

  forget(node: GraphNode): void {
    this.nodes.delete(node.id);
    if (node.source !== undefined && this.bySource.get(node.source) === node) this.bySource.delete(node.source);
  }
}
