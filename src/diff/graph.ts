/**
 * The graph of one session: the document that is captured, compared, encoded, decoded, advanced by deltas and bound to objects.
 *
 * Invariant: every verb happens wholly or not at all; after an error the graph, and for all but the application's own setters the
 * live objects, are as before. A graph carries its own schema: unbound, it needs no class, and what it does not understand it keeps.
 */
import { TwinstateError } from '../shared/errors.js';
import type { AttributeModel, ClassModel, SessionModel } from '../model/session-model.js';
import { holdLimit, resolveLimits, type Limits } from '../wire/limits.js';
import { Application } from './apply.js';
import { sealImmutables } from '../model/immutability.js';
import { Binding } from './binding.js';
import { blobCodec } from './blob.js';
import { Comparison } from './comparison.js';
import { parseDelta } from './delta.js';
import { Draft } from './draft.js';
import { typed, wrongRoot } from './graph-refusal.js';
import { attributeAt, pathsOf, slotStep, type NodePath } from './graph-path.js';
import { kindOf } from './live-kind.js';
import { Materialiser } from './materialiser.js';
import { Mirror, type Clash } from './mirror.js';
import type { GraphNode } from './node.js';
import { NodeTable } from './node-table.js';
import { Opening } from './opening.js';
import { LayingOut } from './laying-out.js';
import { canGenerate } from './generated-code.js';
import { Survey } from './survey.js';
import { TrackedScan } from './tracked-scan.js';
import { schemaOf } from './schema.js';
import { Scan } from './scan.js';
import { decodeSnapshot } from './snapshot.js';
import { encodeSnapshot } from './snapshot-writer.js';
import { holdRoot, succeed } from './succession.js';
import { trackedClasses } from './tracked-classes.js';

export type { Clash } from './mirror.js';

export class Graph {
  /** Undefined while the session is only open: most are read and never changed. */
  #nodes: NodeTable | undefined;
  #opening: Opening | undefined;
  #binding: Binding | undefined;
  /** True until the first comparison: who only opens, reads or sends a session needs no generated classes. */
  #isLoose = true;
  /** While there is one, all nodes that it can meet are laid out, and each is `shared` that has to be. */
  #scan: Scan | undefined;
  readonly #limits: Limits;

  private constructor(content: NodeTable | Opening, limits: Limits, binding?: Binding) {
    if (content instanceof Opening) this.#opening = content;
    else this.#nodes = content;
    this.#limits = limits;
    this.#binding = binding;
  }

  get #table(): NodeTable {
    if (this.#nodes === undefined) {
      this.#nodes = this.#opening!.table();
      this.#opening = undefined;
    }
    return this.#nodes;
  }

  /**
   * Captures a live instance. The graph is bound to it: `diff` compares with it.
   *
   * @throws {TwinstateError} `VALUE_UNSUPPORTED`, `CLASS_UNKNOWN`, `LIMIT_EXCEEDED`, each with the path
   */
  static capture(instance: object, model: SessionModel): Graph {
    const table = new NodeTable();
    table.schema = schemaOf(model);
    const binding = Binding.of(model, table.schema, blobCodec);
    if (kindOf(instance, binding.kinds)?.kind !== 'instance' || Object.getPrototypeOf(instance) !== model.root.type.prototype) {
      throw wrongRoot(model, 'an object of another class');
    }
    new Comparison(new Draft(table), binding, instance).run();
    table.garbage = false;
    table.liveCount = table.size;
    return new Graph(table, binding.limits, binding);
  }

  /**
   * Decodes a snapshot. Whatever the bytes are, the result is a valid graph or an error.
   *
   * @throws {TwinstateError} `FORMAT_UNSUPPORTED`, `BYTES_CORRUPT`, `LIMIT_EXCEEDED`
   */
  static decode(snapshot: Uint8Array, limits?: Partial<Limits>): Graph {
    const resolved = resolveLimits(limits);
    return new Graph(decodeSnapshot(snapshot, resolved, 'instance'), resolved);
  }

  /**
   * Makes an instance from a snapshot, bound to a graph of its own. The snapshot is not kept.
   *
   * @throws {TwinstateError} as `decode` and `bind`
   */
  static open(snapshot: Uint8Array, model: SessionModel): Graph {
    const opening = Opening.of(snapshot, model);
    if (opening === undefined) {
      const graph = Graph.decode(snapshot, model.limits);
      graph.bind(model);
      return graph;
    }
    const graph = new Graph(opening, opening.binding.limits, opening.binding);
    return graph;
  }

  /** The id that the next new node gets. */
  get nextId(): number {
    return (this.#opening ?? this.#table).nextId;
  }

  /** Of the model that wrote the schema last. */
  get fingerprint(): string {
    return (this.#opening?.binding ?? this.#table).schema.fingerprint;
  }

  /** The wire name of the session class. */
  get name(): string {
    if (this.#opening !== undefined) return this.#opening.binding.model.name;
    const { root, schema } = this.#table;
    return root.kind === 'instance' ? schema.shapes[root.shape]!.name : '';
  }

  /** The model that the graph is bound by. */
  get model(): SessionModel | undefined {
    return this.#binding?.model;
  }

  /** The live root, where the graph is bound. */
  get instance(): object | undefined {
    return this.#opening === undefined ? this.#table.root.source : this.#opening.root;
  }

  /**
   * Makes live objects for everything that the model can see, and binds the graph to them. Immutable attributes are non-writable.
   *
   * @returns the root instance
   * @throws {TwinstateError} `FINGERPRINT_MISMATCH`, `CLASS_UNKNOWN`, `BYTES_CORRUPT` (a blob), or what a constructor throws
   */
  bind(model: SessionModel): object {
    if (this.#binding !== undefined) {
      throw new TwinstateError('NOT_OPEN', 'this graph is bound already', {
        expected: 'a decoded graph',
        received: 'one with an instance',
        cure: 'decode the snapshot again for another instance',
      });
    }
    holdRoot(this.#table, model);
    const binding = Binding.of(model, this.#table.schema, blobCodec);
    const draft = new Draft(this.#table);
    try {
      new Materialiser(binding, (node, live) => draft.setSource(node, live)).make([this.#table.root]);
    } catch (error) {
      draft.rollback();
      throw typed(error, model);
    }
    this.#binding = binding;
    return this.#table.root.source!;
  }

  /**
   * Compares the live objects with the graph, and advances the graph to them.
   *
   * @returns the delta, or null where nothing changed
   * @throws {TwinstateError} as `capture`; then nothing advanced, and a later `diff` reports everything
   */
  diff(): Uint8Array | null {
    const binding = this.#bound('compared');
    const scan = (this.#scan ??= canGenerate() ? this.#makeScan(binding) : undefined);
    const quick = scan?.diff(binding);
    const draft = scan?.takeDraft();
    if (draft !== undefined) this.#settle(draft);
    const delta = quick === undefined ? this.#compareAll(binding) : quick;
    // at once, because what left the graph must not be kept alive until the next comparison
    if (this.#table.garbage) this.#sweep();
    return delta;
  }

  #sweep(): void {
    if (canGenerate()) this.#scan = this.#makeScan(this.#bound('compared'));
    else this.#table.sweep();
  }

  #compareAll(binding: Binding): Uint8Array | null {
    const table = this.#table;
    const draft = new Draft(table);
    try {
      const delta = new Comparison(draft, binding, table.root.source!).run();
      if (delta !== null) holdLimit(this.#limits, 'deltaBytesMax', delta.byteLength, 'this delta');
      if (canGenerate()) this.#settle(draft);
      return delta;
    } catch (error) {
      draft.rollback();
      throw error;
    }
  }

  /** Lays out what a draft made, and drops what it took away, where that can be told without a survey. */
  #settle(draft: Draft): void {
    const table = this.#table;
    if (!draft.isStructural || this.#isLoose) return;
    const isTold = this.#scan !== undefined && draft.dropDetached();
    // other slots are other classes
    if (draft.hasNewSchema) this.#isLoose = true;
    else new LayingOut(table, this.#bound('compared')).run(draft.created, draft.before.keys());
    if (this.#isLoose || !isTold || !this.#scan!.outlives()) this.#disturb();
  }

  /** Lays out what is loose; and a graph that is only compared needs no tables. */
  #makeScan(binding: Binding): Scan {
    if (this.#isLoose) {
      new LayingOut(this.#table, binding).run(this.#table.reachable(), []);
      this.#table.dropTables();
      this.#isLoose = false;
    }
    const survey = new Survey(this.#table, binding);
    const tracked = trackedClasses(binding.model);
    return tracked.size === 0 ? Scan.of(this.#table, survey) : TrackedScan.track(this.#table, survey, binding, tracked);
  }

  /** Lets go of the scan, before nodes change in a way that it cannot follow. */
  #disturb(): void {
    this.#scan?.close();
    this.#scan = undefined;
  }

  /** The whole graph as bytes. Equal graphs give equal bytes. */
  encode(): Uint8Array {
    if (this.#opening !== undefined) return this.#opening.snapshot();
    const snapshot = encodeSnapshot(this.#table);
    holdLimit(this.#limits, 'sessionBytesMax', snapshot.byteLength, 'this session');
    return snapshot;
  }

  /**
   * Applies a delta, to the live objects too where the graph is bound.
   *
   * @param firstId the id of its first new node, where `shiftIds` has made room for it among one's own
   * @returns the slots where an uncompared local change was met and left as it is
   * @throws {TwinstateError} `BYTES_CORRUPT`, `DELTA_MISMATCH`, `LIMIT_EXCEEDED`, `CLASS_UNKNOWN`; then nothing was applied
   */
  apply(delta: Uint8Array, firstId = this.#table.nextId): Clash[] {
    const operations = parseDelta(delta, this.#limits);
    // now, because making it walks through the graph as it is
    void this.#table.nodes;
    // what nobody can reach must not count against the limit
    if (this.#table.garbage && this.#table.size > this.#limits.objectsMax / 2) this.#table.sweep();
    const draft = new Draft(this.#table, firstId);
    let clashes: Clash[] = [];
    try {
      const application = new Application(draft, this.#limits);
      for (const operation of operations) application.apply(operation);
      if (this.#binding !== undefined) {
        const binding = this.#bound('changed');
        const materialiser = new Materialiser(binding, (node, live) => draft.setSource(node, live));
        clashes = new Mirror(binding, materialiser).carry(draft);
      }
    } catch (error) {
      draft.rollback();
      throw typed(error, this.model);
    }
    if (this.#binding !== undefined && canGenerate()) this.#settle(draft);
    this.#table.sweepAmortised();
    return clashes;
  }

  /**
   * Makes the graph and its live objects equal to a snapshot, in place: objects whose node lives on stay the same objects. Local
   * changes are overwritten.
   *
   * @param benchmark what the graph shall be instead, where the live objects are to hold changes that were not compared yet
   * @throws {TwinstateError} as `decode` and `bind`
   */
  sync(snapshot: Uint8Array, benchmark = snapshot): void {
    const { model } = this.#bound('brought up to date');
    try {
      const state = succeed(snapshot, [this.#table], model, this.#limits, true);
      const next = benchmark === snapshot ? state : succeed(benchmark, [state.table, this.#table], model, this.#limits, false);
      this.#disturb();
      this.#isLoose = true;
      this.#nodes = next.table;
      this.#binding = next.binding;
    } catch (error) {
      throw typed(error, model);
    }
  }

  /** Moves the ids of all nodes from `from` up by `by`. */
  shiftIds(from: number, by: number): void {
    this.#table.shiftIds(from, by);
  }

  /** The ids of all nodes that can be reached from the root. */
  reachable(): Set<number> {
    return new Set(this.#table.reachable().map(({ id }) => id));
  }

  reaches(id: number): boolean {
    return this.#table.reachable().some((node) => node.id === id);
  }

  /** Where a node stands, as people write it; the empty path is the root, undefined one that cannot be reached. */
  pathOf(id: number): string | undefined {
    return this.pathsOf([id]).get(id)?.path;
  }

  /** @param model gives properties their names, where the graph is not bound */
  pathsOf(ids: Iterable<number>, model?: SessionModel): Map<number, NodePath> {
    return pathsOf(this.#table, ids, model ?? this.model);
  }

  /** The id of the node that a live object stands for. */
  idOf(live: object): number | undefined {
    return this.#table.bySource.get(live)?.id;
  }

  /** A node, to be read only. */
  node(id: number): GraphNode | undefined {
    return this.#table.nodes.get(id);
  }

  /** The attribute that stands in a slot of an instance, where the model knows it. */
  attributeAt(id: number, slot: number, model = this.model): AttributeModel | undefined {
    const node = this.#table.nodes.get(id);
    return node?.kind === 'instance' ? attributeAt(this.#table, model, node.shape, slot) : undefined;
  }

  /** The class of the instances of a shape, where the model knows it. */
  classOf(shape: number, model = this.model): ClassModel | undefined {
    return model?.classes.get(this.#table.schema.shapes[shape]?.name ?? '');
  }

  /** A slot of an instance as people write it, and whether people may see what is in it. */
  describeSlot(
    id: number,
    slot: number,
    model?: SessionModel,
  ): { readonly step: string; readonly sensitive: boolean } | undefined {
    const node = this.#table.nodes.get(id);
    return node?.kind === 'instance' ? this.describeShape(node.shape, slot, model) : undefined;
  }

  describeShape(shape: number, slot: number, model = this.model): { readonly step: string; readonly sensitive: boolean } {
    const sensitive = attributeAt(this.#table, model, shape, slot)?.sensitive === true;
    return { step: slotStep(this.#table, model, shape, slot), sensitive };
  }

  /** Makes the immutable attributes of all bound objects non-writable, once they are replicated. Accessors stay as they are. */
  sealImmutables(): void {
    const binding = this.#bound('sealed');
    for (const node of this.#table.reachable()) {
      if (node.kind !== 'instance' || node.source === undefined) continue;
      const bound = binding.ofShape(node.shape);
      if (bound !== undefined) sealImmutables(bound.of, node.source);
    }
  }

  #bound(what: string): Binding {
    if (this.#binding === undefined) {
      throw new TwinstateError('NOT_OPEN', `a graph without an instance cannot be ${what}`, {
        expected: 'a graph that was captured or bound',
        received: 'a decoded one',
        cure: 'call `bind` first',
      });
    }
    if (this.#binding.schema !== this.#table.schema) this.#binding = this.#binding.withSchema(this.#table.schema);
    return this.#binding;
  }
}
