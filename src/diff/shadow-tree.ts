/**
 * The shadows of a whole graph, and the quick answer to whether anything changed.
 *
 * Invariant: either the answer is exactly, byte for byte, what a comparison of everything would give, and graph and shadows are
 * advanced; or it is `undefined`, and nothing was changed.
 */
import { limitExceeded } from '../wire/limits.js';
import type { Binding } from './binding.js';
import { Comparison } from './comparison.js';
import { Draft } from './draft.js';
import { findings } from './findings.js';
import type { GraphNode } from './node.js';
import type { NodeTable } from './node-table.js';
import { OperationWriter } from './operation-writer.js';
import { Undo, type Shadow } from './shadow.js';

/** A shadow that is nobody's: the root's, or that of an object that is met several times. */
export interface ShadowRoot {
  readonly shadow: Shadow;
  readonly depth: number;
}

let pooled = new OperationWriter(0);
const undo = new Undo();
const POOLED_BYTES_MAX = 1 << 16;

export class ShadowTree {
  readonly #roots: readonly ShadowRoot[];
  readonly #table: NodeTable;
  /** Objects whose shadows could not follow them: they are used as dictionaries. */
  readonly #unsteady: Set<GraphNode>;
  #stale = false;

  constructor(roots: readonly ShadowRoot[], table: NodeTable, unsteady: Set<GraphNode>) {
    this.#roots = roots;
    this.#table = table;
    this.#unsteady = unsteady;
  }

  /** True where the shadows no longer tell what the nodes do. */
  get stale(): boolean {
    return this.#stale;
  }

  /**
   * Compares, and advances the graph.
   *
   * @returns the delta, null where nothing changed, undefined where everything has to be compared
   * @throws {TwinstateError} `LIMIT_EXCEEDED`; then nothing was changed
   */
  diff(binding: Binding): Uint8Array | null | undefined {
    if (!findings.begin(binding.limits.elementsMax)) return undefined;
    try {
      if (!this.#proves()) return undefined;
      if (findings.count === 0) return null;
      findings.sort();
      return findings.hard ? this.#compare(found(), binding) : this.#advance(binding);
    } finally {
      findings.end();
    }
  }

  /** Lets go of everything outside that knows of the tree. */
  close(): void {}

  /** Looks at everything that may have changed. */
  protected scan(): void {
    const roots = this.#roots;
    for (let i = 0; i < roots.length; i++) findings.scan(roots[i]!.shadow, roots[i]!.depth);
  }

  /** False where the scan proves nothing. */
  #proves(): boolean {
    try {
      this.scan();
    } catch {
      // a getter threw; the comparison says where
      return false;
    }
    return !findings.broken && (findings.count < 2 || !findings.unordered);
  }

  #advance(binding: Binding): Uint8Array | undefined {
    const writer = pooled;
    writer.restart(this.#table.nextId);
    try {
      for (let i = 0; i < findings.count; i++) {
        if (findings.changed[i]!.advance(writer, undo)) continue;
        undo.takeBack();
        return undefined;
      }
      const { deltaBytesMax } = binding.limits;
      if (writer.lengthBytes > deltaBytesMax)
        throw limitExceeded(binding.limits, 'deltaBytesMax', writer.lengthBytes, 'this delta');
    } catch (error) {
      undo.takeBack();
      throw error;
    }
    undo.forget();
    if (writer.lengthBytes > POOLED_BYTES_MAX) pooled = new OperationWriter(0);
    return writer.finish() ?? undefined;
  }

  /** Has these objects compared by the interpreter; they are all that changed. */
  #compare(shadows: readonly Shadow[], binding: Binding): Uint8Array | null | undefined {
    const table = this.#table;
    const draft = new Draft(table);
    let delta: Uint8Array | null | undefined;
    try {
      delta = new Comparison(draft, binding, table.root.source!).runOn(shadows.map(({ node }) => node));
    } catch {
      // the comparison of everything finds it again, and whether something else comes first
    }
    if (delta === undefined) {
      this.#stale = true;
      draft.rollback();
      return undefined;
    }
    if (delta !== null && delta.byteLength > binding.limits.deltaBytesMax) {
      this.#stale = true;
      draft.rollback();
      throw limitExceeded(binding.limits, 'deltaBytesMax', delta.byteLength, 'this delta');
    }
    for (const shadow of shadows) {
      if (!draft.before.has(shadow.node) || shadow.refresh()) continue;
      this.#unsteady.add(shadow.node);
      this.#stale = true;
    }
    return delta;
  }
}

function found(): Shadow[] {
  return findings.changed.slice(0, findings.count) as Shadow[];
}
