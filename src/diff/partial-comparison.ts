/**
 * Compares only the objects that a scan found changed, and what they refer to from now on.
 *
 * Invariant: the result is, byte for byte, that of a comparison of everything, which goes through the objects level by level; or it is
 * undefined, because that could not be told from the changed objects alone. Then the caller rolls back and compares everything.
 *
 * What an object refers to is scanned when it is met, so that objects that did not change cost a scan and no more.
 */
import type { Binding } from './binding.js';
import { Comparison } from './comparison.js';
import type { Draft } from './draft.js';
import { findings, STRUCTURAL, type Change } from './findings.js';
import type { LiveKind } from './live-kind.js';
import type { GraphNode } from './node.js';

/** An object that changed. */
export interface Finding {
  readonly node: GraphNode;
  /** Its level in the graph; of use only among those of one root. */
  readonly depth: number;
  readonly change: Change;
}

const NOTHING_KNOWN: ReadonlyMap<object, GraphNode> = new Map();

export class PartialComparison extends Comparison {
  /** What is to be compared, by level. */
  readonly #levels: Finding[][] = [];
  #waiting = 0;
  readonly #closed: GraphNode[] = [];
  #closedNew = 0;
  /** What was ever to be compared: met twice, or new, an object has no certain place in the order. */
  readonly #known = new Set<GraphNode>();
  #depth = 0;
  /** True where nothing waited on deeper levels when the current one was begun: only then does what is added stand in its order. */
  #isClear = true;
  /** True while objects are met that were not scanned. */
  #scans = false;
  #isUnsure = false;

  readonly #found: readonly Finding[];
  readonly #isStructural: boolean;

  /** @param found in the order of a comparison; the only ones that changed */
  constructor(draft: Draft, binding: Binding, root: object, found: readonly Finding[]) {
    const isStructural = found.some(({ change }) => change === STRUCTURAL);
    // keys and members are looked for; where no reference changed nothing else is, and no table needs to be made
    const looksFor = isStructural || found.some(({ node }) => node.kind === 'map' || node.kind === 'set');
    super(draft, binding, root, undefined, looksFor ? undefined : NOTHING_KNOWN);
    this.#found = found;
    this.#isStructural = isStructural;
  }

  /** @param isOneTree all was found from one root, so that new objects can be put in order among it */
  runOn(isOneTree: boolean): Uint8Array | null | undefined {
    if (!this.#isStructural) {
      for (const { node } of this.#found) this.compareNode(node);
      // what refers to an object changes what is met, and in which order
      return this.writer.namesNodes || this.draft.isStructural ? undefined : this.#finish();
    }
    if (!isOneTree) return undefined;
    for (const finding of this.#found) this.#wait(finding);
    try {
      do {
        this.#compareLevels();
        this.#depth = 0;
        this.#scans = this.#isClear = true;
      } while (!this.#isUnsure && this.fillNext());
    } finally {
      for (const node of this.#closed) node.shared = false;
    }
    return this.#finish();
  }

  /** Keeps scans from looking into a node: it was compared, or will be filled, and may be part of a new cycle. */
  #close(node: GraphNode): void {
    if (node.shared) return;
    node.shared = true;
    this.#closed.push(node);
  }

  #finish(): Uint8Array | null | undefined {
    return this.#isUnsure || this.hasHoles ? undefined : this.writer.finish();
  }

  #compareLevels(): void {
    for (let depth = 0; this.#waiting > 0; depth++) {
      const level = this.#levels[depth];
      if (level === undefined) continue;
      this.#levels[depth] = [];
      this.#waiting -= level.length;
      this.#depth = depth;
      this.#isClear = this.#waiting === 0;
      for (const { node, change } of level) {
        this.#scans = change === STRUCTURAL;
        node.mark = this.walk;
        this.#close(node);
        this.compareNode(node);
        if (this.#isUnsure) return;
      }
    }
  }

  #wait(finding: Finding): void {
    if (this.#known.has(finding.node) || finding.node.id >= this.draft.base) this.#isUnsure = true;
    this.#known.add(finding.node);
    (this.#levels[finding.depth] ??= []).push(finding);
    this.#waiting++;
  }

  override meets(node: GraphNode, live: unknown): boolean {
    if (node.source !== live || typeof live !== 'object' || live === null || node.kind === 'blob') return false;
    if (node.mark !== this.walk) {
      node.mark = this.walk;
      // the scan finds out whether the object is still of its kind
      this.visited(node);
    }
    return true;
  }

  protected override visited(node: GraphNode): void {
    if (!this.#scans || node.shared) return;
    // it is scanned with its view
    if (node.kind === 'view' && !node.buffer!.shared) node.buffer!.mark = this.walk;
    const { created } = this.draft;
    while (this.#closedNew < created.length) this.#close(created[this.#closedNew++]!);
    findings.clear();
    findings.scan(node, node.source, this.#depth + 1);
    if (findings.broken) this.#isUnsure = true;
    const { count } = findings;
    if (count === 0) return;
    if (!this.#isClear) this.#isUnsure = true;
    for (let i = 0; i < count; i++) {
      this.#wait({ node: findings.changed[i]!.node, depth: findings.depths[i]!, change: findings.changes[i]! });
    }
  }

  protected override adopt(node: GraphNode, live: object, kind: LiveKind): boolean {
    // whether another object has claimed it by then depends on what was not looked at
    if (node.shared || node.kind === 'view') this.#isUnsure = true;
    return super.adopt(node, live, kind);
  }
}
