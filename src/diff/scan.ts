/**
 * The quick answer to whether anything in a graph changed, and what.
 *
 * Invariant: either the answer is exactly, byte for byte, what a comparison of everything would give, and the graph is advanced; or it
 * is `undefined`, and nothing was changed.
 */
import { limitExceeded } from '../wire/limits.js';
import type { Binding } from './binding.js';
import { Draft } from './draft.js';
import { findings, SIMPLE, STRUCTURAL, type Change, type Scannable } from './findings.js';
import { giveScans } from './node-scans.js';
import type { NodeTable } from './node-table.js';
import { OperationWriter } from './operation-writer.js';
import { PartialComparison, type Finding } from './partial-comparison.js';
import { Survey } from './survey.js';
import { Undo } from './undo.js';

/** What is scanned from: the root, or an object that is met several times and so from none of them. */
export interface ScanRoot extends Scannable {
  readonly source: object | undefined;
}

giveScans();
let pooled = new OperationWriter(0);
const undo = new Undo();
const POOLED_BYTES_MAX = 1 << 16;
/** As many are sorted by insertion. */
const SMALL = 16;
/** After so many answers without their help, tables are dropped. */
const IDLE_MAX = 32;

export class Scan {
  protected readonly table: NodeTable;
  readonly #roots: readonly ScanRoot[];
  readonly #depths: readonly number[];
  #rootsHit = 0;
  #idle = 0;
  #draft: Draft | undefined = undefined;

  constructor(table: NodeTable, roots: readonly ScanRoot[], depths: readonly number[]) {
    this.table = table;
    this.#roots = roots;
    this.#depths = depths;
  }

  /** Takes what the survey found to be looked at on its own. */
  static of(table: NodeTable, { order, depths }: Survey): Scan {
    const shared = order.flatMap((node, i) => (node.shared ? i : []));
    // arrays that do not grow take no more room than they need
    const roots = Array.from(shared, (i) => order[i]!);
    const levels = Array.from(shared, (i) => depths[i]!);
    return new Scan(table, roots, levels);
  }

  /**
   * Compares, and advances the graph.
   *
   * @returns the delta, null where nothing changed, undefined where everything has to be compared
   * @throws {TwinstateError} `LIMIT_EXCEEDED`; then nothing was changed
   */
  diff(binding: Binding): Uint8Array | null | undefined {
    if (!findings.begin(binding)) return undefined;
    try {
      if (!this.#proves()) return undefined;
      if (findings.count === 0) return this.#idles(null);
      const { worst } = findings;
      if (!this.#sort(binding, worst)) return undefined;
      return worst === SIMPLE ? this.#idles(this.#advance(binding)) : this.#compare(found(), binding);
    } finally {
      findings.end();
    }
  }

  /** True where the scan still knows all that it has to look at, although objects came. */
  outlives(): boolean {
    return true;
  }

  /** The draft in which the last answer changed more than values: the graph has to be made whole after it. */
  takeDraft(): Draft | undefined {
    const draft = this.#draft;
    if (draft !== undefined) this.#draft = undefined;
    return draft;
  }

  /** Lets go of everything outside that knows of the scan. */
  close(): void {}

  /** Looks at everything that may have changed. */
  protected scan(): void {
    const roots = this.#roots;
    this.#rootsHit = 0;
    for (let i = 0; i < roots.length; i++) {
      const root = roots[i]!;
      const before = findings.count;
      findings.scan(root, root.source, this.#depths[i]!);
      if (findings.count !== before) this.#rootsHit++;
    }
  }

  /** False where the scan proves nothing. */
  #proves(): boolean {
    try {
      this.scan();
    } catch {
      // a getter threw; the comparison says where
      return false;
    }
    return !findings.broken;
  }

  /** True where all that was found hangs on one root. */
  protected get isOneTree(): boolean {
    return this.#rootsHit === 1;
  }

  /** Puts what changed in the order in which a comparison meets it; false where that cannot be told. */
  #sort(binding: Binding, worst: Change): boolean {
    if (findings.count < 2) return true;
    // in one tree, the order of a scan and that of a comparison are the same on each level
    if (this.isOneTree) sortBy(findings.depths);
    else if (worst === STRUCTURAL) return false;
    else {
      if (!this.table.isInOrder) void new Survey(this.table, binding, true);
      sortBy(findings.changed.slice(0, findings.count).map((scanned) => scanned!.node.mark));
    }
    return true;
  }

  #idles<T>(delta: T): T {
    if (++this.#idle > IDLE_MAX) {
      this.#idle = 0;
      if (this.table.hasTables) this.table.dropTables();
    }
    return delta;
  }

  #advance(binding: Binding): Uint8Array | undefined {
    const writer = pooled;
    writer.restart(this.table.nextId);
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
  #compare(found: readonly Finding[], binding: Binding): Uint8Array | null | undefined {
    const { table } = this;
    const draft = new Draft(table);
    let delta: Uint8Array | null | undefined;
    try {
      delta = new PartialComparison(draft, binding, table.root.source!, found).runOn(this.isOneTree);
    } catch {
      // the comparison of everything finds it again, and whether something else comes first
    }
    if (delta === undefined) {
      draft.rollback();
      return undefined;
    }
    if (delta !== null && delta.byteLength > binding.limits.deltaBytesMax) {
      draft.rollback();
      throw limitExceeded(binding.limits, 'deltaBytesMax', delta.byteLength, 'this delta');
    }
    if (!draft.isStructural) return this.#idles(delta);
    this.#idle = 0;
    this.#draft = draft;
    return delta;
  }
}

function found(): Finding[] {
  return Array.from({ length: findings.count }, (_, i) => ({
    node: findings.changed[i]!.node,
    depth: findings.depths[i]!,
    change: findings.changes[i]!,
  }));
}

/** Sorts what was found by a number for each; what has the same stays in its order. What changed is mostly little. */
function sortBy(numbers: number[]): void {
  const { changed, depths, changes, count } = findings;
  if (count > SMALL) {
    const order = Array.from({ length: count }, (_, i) => i).toSorted((a, b) => numbers[a]! - numbers[b]!);
    const sorted = order.map((i) => [changed[i], depths[i]!, changes[i]!] as const);
    sorted.forEach(([node, depth, change], i) => {
      changed[i] = node;
      depths[i] = depth;
      changes[i] = change;
    });
    return;
  }
  for (let i = 1; i < count; i++) {
    const [node, depth, change, number] = [changed[i], depths[i]!, changes[i]!, numbers[i]!];
    let to = i;
    for (; to > 0 && numbers[to - 1]! > number; to--) {
      changed[to] = changed[to - 1];
      depths[to] = depths[to - 1]!;
      changes[to] = changes[to - 1]!;
      numbers[to] = numbers[to - 1]!;
    }
    changed[to] = node;
    depths[to] = depth;
    changes[to] = change;
    numbers[to] = number;
  }
}
