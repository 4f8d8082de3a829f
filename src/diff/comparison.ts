/**
 * Compares live objects with a graph, advances the graph to them and writes the delta on the way: the graph strategy, interpreted.
 *
 * Invariant: each node is visited once a pass, with exactly one live object, which is its source from then on. What the pass writes is
 * what it does to the graph, in the same order. It throws before anything unsupported enters the graph; the caller rolls back.
 *
 * An object is its node's source (nothing to look up), or is known elsewhere (it moved: a reference is sent), or is unknown and looks
 * like the one that stood there, whose node no other object has claimed (adopted: its content is compared), or else is new.
 */
import { TwinstateError } from '../shared/errors.js';
import { invariant } from '../shared/invariant.js';
import { limitExceeded } from '../wire/limits.js';
import { isSecretive, thrown } from '../model/secrecy.js';
import type { Limits } from '../wire/limits.js';
import { readAttribute } from '../model/attribute-access.js';
import type { Binding } from './binding.js';
import type { ComparisonPass } from './comparison-pass.js';
import { compareContent } from './content-comparison.js';
import type { Draft } from './draft.js';
import { extraProperty } from './extra-properties.js';
import { kindOf, unsupported, unsupportedExtra, type LiveKind } from './live-kind.js';
import { livePath } from './live-path.js';
import { HOLE, isContainer, isNode, type ContainerNode, type GraphNode, type InstanceNode, type Stored } from './node.js';
import { ArrayNode } from './node.js';
import { looksLike } from './likeness.js';
import { newNode } from './new-node.js';
import { OperationWriter } from './operation-writer.js';

export class Comparison implements ComparisonPass {
  readonly draft: Draft;
  readonly writer: OperationWriter;
  readonly #root: object;
  readonly #bySource: ReadonlyMap<object, GraphNode>;
  readonly #outerPath: ((live: unknown) => string | undefined) | undefined;
  #binding: Binding;
  protected readonly walk: number;
  readonly #toCompare: GraphNode[] = [];
  readonly #toFill: ContainerNode[] = [];
  #compared = 0;
  #filled = 0;
  #holes = 0;
  /** What is being looked at, for errors of the application's own code. */
  #at: object;

  /**
   * @param outerPath finds what stands in a blob, whose root is no place that people know
   * @param bySource the nodes by live object, for who needs fewer of them than there are
   */
  constructor(
    draft: Draft,
    binding: Binding,
    root: object,
    outerPath?: (live: unknown) => string | undefined,
    bySource: ReadonlyMap<object, GraphNode> = draft.table.bySource,
  ) {
    this.draft = draft;
    this.writer = new OperationWriter(draft.base);
    this.#binding = binding;
    this.#root = root;
    this.#at = root;
    this.#outerPath = outerPath;
    // made by now, because making it walks through the graph as it is
    this.#bySource = bySource;
    this.walk = draft.table.nextWalk();
  }

  get binding(): Binding {
    if (this.#binding.schema !== this.draft.table.schema) this.#binding = this.#binding.withSchema(this.draft.table.schema);
    return this.#binding;
  }

  /** Compares everything that can be reached from the root, or captures it where the graph is empty. */
  run(): Uint8Array | null {
    try {
      const { table } = this.draft;
      const root = this.resolve(this.#root, table.isEmpty ? undefined : table.root);
      if (root !== table.root) throw this.#notTheRoot();
      for (;;) {
        if (this.#compared < this.#toCompare.length) this.compareNode(this.#toCompare[this.#compared++]!);
        else if (!this.fillNext()) break;
      }
      return this.writer.finish();
    } catch (error) {
      throw error instanceof TwinstateError ? error : this.#unreadable(error);
    }
  }

  resolve(live: unknown, candidate: Stored): Stored {
    switch (typeof live) {
      case 'undefined':
      case 'boolean':
      case 'number':
      case 'string':
      case 'bigint':
        return live;
      case 'object':
        return live === null ? null : this.#resolveObject(live, candidate);
      default:
        throw unsupported(live, this.pathOf(live));
    }
  }

  #resolveObject(live: object, candidate: Stored): GraphNode {
    if (isNode(candidate) && this.meets(candidate, live)) return candidate;
    const kind = this.#kindOf(live);
    const known = this.#known(live, kind);
    if (known !== undefined) return known;
    if (isNode(candidate) && this.adopt(candidate, live, kind)) return candidate;
    return this.#create(live, kind);
  }

  meets(node: GraphNode, live: unknown): boolean {
    if (node.source !== live || typeof live !== 'object' || live === null || node.kind === 'blob') return false;
    if (node.mark === this.walk) return true;
    if (!looksLike(node, live, this.#kindOf(live), this.binding)) return false;
    this.#visit(node);
    return true;
  }

  known(live: object): GraphNode | undefined {
    const node = this.#bySource.get(live);
    if (node === undefined || node.mark === this.walk) return node;
    return this.#known(live, this.#kindOf(live));
  }

  adopts(node: GraphNode, live: unknown): boolean {
    if (typeof live !== 'object' || live === null) return false;
    const known = this.known(live);
    return known !== undefined ? known === node : this.adopt(node, live, this.#kindOf(live));
  }

  visitBlob(node: GraphNode): void {
    node.mark = this.walk;
  }

  storedProperty(node: GraphNode, property: string): Stored | undefined {
    if (node.kind === 'object') return node.keys.get(property);
    if (node.kind !== 'instance') return undefined;
    const slot = this.binding.ofShape(node.shape)?.attributes.findIndex((attribute) => attribute?.property === property) ?? -1;
    return slot < 0 ? node.keys.get(property) : node.get(slot);
  }

  limit(limit: keyof Limits, received: number, live: object, what: string): void {
    const { limits } = this.binding;
    if (received > limits[limit]) throw limitExceeded(limits, limit, received, what, this.pathOf(live));
  }

  countHoles(holes: number, live: object): void {
    this.#holes += holes;
    this.limit('elementsMax', this.#holes, live, 'the number of holes in sparse arrays');
  }

  pathOf(live: unknown): string | undefined {
    return this.#outerPath === undefined ? livePath(this.#root, live, this.binding.kinds) : this.#outerPath(live);
  }

  #kindOf(live: object): LiveKind {
    const kind = kindOf(live, this.#binding.kinds);
    if (kind === undefined) throw unsupported(live, this.pathOf(live));
    return kind;
  }

  #known(live: object, kind: LiveKind): GraphNode | undefined {
    const node = this.#bySource.get(live);
    if (node === undefined) return undefined;
    if (node.mark === this.walk) return node;
    if (looksLike(node, live, kind, this.binding)) {
      this.#visit(node);
      return node;
    }
    // the object became something else (its memory was given away, its prototype was set): its node cannot follow
    this.draft.setSource(node, undefined);
    return undefined;
  }

  protected adopt(node: GraphNode, live: object, kind: LiveKind): boolean {
    if (node.mark === this.walk || node.kind === 'blob' || !looksLike(node, live, kind, this.binding)) return false;
    if (node.kind === 'instance' && !this.#sameImmutables(node, live)) return false;
    if (node.kind === 'view') {
      const { buffer } = live as ArrayBufferView<ArrayBuffer>;
      if (!this.adopts(node.buffer!, buffer)) return false;
    }
    this.#refuseExtras(live, kind);
    this.draft.setSource(node, live);
    this.#visit(node);
    return true;
  }

  #refuseExtras(live: object, kind: LiveKind): void {
    const extra = extraProperty(live, kind);
    if (extra !== undefined) throw unsupportedExtra(isSecretive(this.binding.model) ? undefined : extra, this.pathOf(live));
  }

  /** True where adopting takes nothing that would have to be sent and never is: immutable attributes are not compared later. */
  #sameImmutables(node: InstanceNode, live: object): boolean {
    return this.binding.ofShape(node.shape)!.attributes.every((attribute, slot) => {
      const stored = node.get(slot);
      if (attribute === undefined || attribute.mutable || stored === HOLE) return true;
      const value = readAttribute(attribute, live);
      return isNode(stored) ? stored.source === value && value !== undefined : Object.is(stored, value);
    });
  }

  #visit(node: GraphNode): void {
    node.mark = this.walk;
    this.visited(node);
    // a view claims its buffer at once: it could follow no other one
    if (node.kind === 'view' && node.buffer!.mark !== this.walk) this.#visit(node.buffer!);
  }

  /** Sees to it that a node is compared that was met for the first time. */
  protected visited(node: GraphNode): void {
    this.#toCompare.push(node);
  }

  /** @returns false where no node is left to be filled */
  protected fillNext(): boolean {
    const node = this.#toFill[this.#filled++];
    if (node !== undefined) this.#fill(node);
    return node !== undefined;
  }

  /** True where arrays with holes were met, which are counted over the whole session. */
  protected get hasHoles(): boolean {
    return this.#holes > 0;
  }

  #create(live: object, kind: LiveKind): GraphNode {
    this.limit('objectsMax', this.draft.table.size + 1, live, 'the number of objects');
    this.#refuseExtras(live, kind);
    const node = this.draft.add(newNode(this.draft.table.nextId, live, kind, (of) => this.#shapeOf(of)));
    node.mark = this.walk;
    this.draft.setSource(node, live);
    if (isContainer(node)) this.#toFill.push(node);
    return node;
  }

  #shapeOf(of: Parameters<Binding['ofClass']>[0]): number {
    const { schema } = this.draft.table;
    const names = of.attributes.map(({ wireName }) => wireName);
    const shape = schema.find(of.name);
    if (shape === undefined) {
      const extended = schema.withShape({ name: of.name, attributes: names });
      invariant(extended !== undefined, 'a valid model has no class or attribute name twice');
      this.draft.setSchema(extended);
      this.writer.shape(of.name, names);
      this.#signSchema();
      return schema.shapes.length;
    }
    const held = new Set(schema.shapes[shape]!.attributes);
    this.extendShape(
      shape,
      names.filter((name) => !held.has(name)),
    );
    return shape;
  }

  extendShape(shape: number, names: readonly string[]): void {
    if (names.length === 0) return;
    const extended = this.draft.table.schema.withAttributes(shape, names);
    invariant(extended !== undefined, 'a valid model has no attribute name twice');
    this.draft.setSchema(extended);
    this.writer.extend(shape, names);
    this.#signSchema();
  }

  #signSchema(): void {
    const { schema } = this.draft.table;
    const { fingerprint } = this.#binding.model;
    if (this.#binding.blobs === undefined || schema.fingerprint === fingerprint) return;
    this.draft.setSchema(schema.withFingerprint(fingerprint));
    this.writer.fingerprint(fingerprint);
  }

  #fill(node: ContainerNode): void {
    this.#at = node.source!;
    if (node.kind === 'instance') {
      const { length } = this.binding.ofShape(node.shape)!.attributes;
      if (length > 0) node.set(length - 1, HOLE);
    }
    compareContent(this, node, true);
    this.writer.fill(node);
  }

  protected compareNode(node: GraphNode): void {
    this.#at = node.source!;
    if (node instanceof ArrayNode) this.limit('elementsMax', (node.source as unknown[]).length, node.source!, 'an array');
    compareContent(this, node, false);
    if (this.draft.before.has(node)) this.#refuseExtras(node.source!, this.#kindOf(node.source!));
  }

  #notTheRoot(): TwinstateError {
    return new TwinstateError('NOT_OPEN', 'this is not the instance that the graph was captured from', {
      expected: `the same instance of ${this.binding.model.name}`,
      received: 'an object that stands elsewhere in the session, or changed its class',
      cure: 'compare the instance itself, or capture anew',
    });
  }

  #unreadable(cause: unknown): TwinstateError {
    return new TwinstateError('VALUE_UNSUPPORTED', 'this value cannot be read', {
      expected: 'data',
      ...thrown(cause, isSecretive(this.binding.model)),
      cure: 'mend its getter or codec, or keep it in a transient member',
      path: this.pathOf(this.#at),
    });
  }
}
