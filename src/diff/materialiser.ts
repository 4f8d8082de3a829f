/**
 * Makes live objects for the nodes of a graph, and writes the content of nodes into them.
 *
 * Invariant: only classes that the model declares are constructed. An object is made once for its node; its content is written
 * after its children exist, and a class made by `make` gets its children finished as far as cycles allow. Nothing recurses.
 */
import { copyBytes } from '../shared/bytes.js';
import { TwinstateError } from '../shared/errors.js';
import { VIEW_KINDS } from '../wire/format.js';
import { isSecretive, thrown } from '../model/secrecy.js';
import type { AttributeModel } from '../model/session-model.js';
import { writeAttribute, writeKey, writeKeys } from './live-write.js';
import type { Binding, BoundClass } from './binding.js';
import { HOLE, isNode, type BytesNode, type GraphNode, type InstanceNode, type Stored } from './node.js';
import { eachChild } from './node.js';
import { liveBytes } from './likeness.js';

type ViewConstructor = new (buffer: ArrayBuffer, offsetBytes: number, length: number) => ArrayBufferView;

/** Called when a node gets its object. */
export type Attach = (node: GraphNode, live: object) => void;

export class Materialiser {
  readonly #binding: Binding;
  readonly #attach: Attach;
  /** The decoded values of blobs, each decoded before anything live is written. */
  readonly #decoded = new Map<BytesNode, unknown>();
  readonly #made = new Set<GraphNode>();

  constructor(binding: Binding, attach: Attach) {
    this.#binding = binding;
    this.#attach = attach;
  }

  /**
   * Makes the objects that are missing from these nodes on, following what the model can see, and fills the new ones.
   * What has its object is not looked into, unless it is among `roots`.
   */
  make(roots: Iterable<GraphNode>): void {
    const late: GraphNode[] = [];
    const seen = new Set<GraphNode>();
    // each node is met twice: first its children are put above it, then, when they are done, it is made
    const stack: { node: GraphNode; entered: boolean }[] = [];
    const push = (node: GraphNode): void => {
      if (node.source === undefined && !seen.has(node)) stack.push({ node, entered: false });
    };
    for (const root of roots) {
      if (!seen.has(root)) stack.push({ node: root, entered: false });
      for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
        if (top.entered || seen.has(top.node)) {
          stack.pop();
          if (top.entered) this.#leave(top.node, late);
          continue;
        }
        top.entered = true;
        seen.add(top.node);
        // what needs nothing of its children is made at once, so that cycles close
        if (top.node.source === undefined && !this.#waits(top.node)) this.#construct(top.node);
        this.#eachVisible(top.node, push);
      }
    }
    for (const node of late) if (node.source === undefined) this.#construct(node);
    for (const node of late) this.fill(node);
  }

  /** Writes the node's whole content into its object. */
  fill(node: GraphNode): void {
    const live = node.source!;
    switch (node.kind) {
      case 'instance':
        return this.#fillInstance(node, live);
      case 'object':
        return writeKeys(
          live,
          node.keys,
          () => true,
          (value) => this.value(value),
        );
      case 'array': {
        const array = live as unknown[];
        if (array.length > node.elements.length) array.length = node.elements.length;
        node.elements.forEach((value, index) => {
          if (value !== HOLE) array[index] = this.value(value);
          else if (Object.hasOwn(array, index)) Reflect.deleteProperty(array, index);
        });
        array.length = node.elements.length;
        return;
      }
      case 'map': {
        const map = live as Map<unknown, unknown>;
        map.clear();
        for (const [key, value] of node.entries) map.set(this.value(key), this.value(value));
        return;
      }
      case 'set': {
        const set = live as Set<unknown>;
        set.clear();
        for (const member of node.members) set.add(this.value(member));
        return;
      }
      case 'date':
        return void (live as Date).setTime(node.time);
      case 'regexp': {
        const regexp = live as RegExp;
        if (regexp.source !== node.pattern || regexp.flags !== node.flags) regexp.compile(node.pattern, node.flags);
        regexp.lastIndex = node.lastIndex;
        return;
      }
      case 'url':
        (live as URL).href = node.href;
        return;
      case 'buffer':
      case 'arrayBuffer':
        return liveBytes(live as Buffer | ArrayBuffer).set(node.bytes);
      default:
    }
  }

  /** The live value of what is stored; its object exists. */
  value(stored: Stored): unknown {
    return isNode(stored) ? stored.source : stored;
  }

  /** The live value of an attribute, a blob decoded. */
  attributeValue(attribute: AttributeModel, holder: InstanceNode, stored: Stored): unknown {
    if (!isNode(stored) || stored.kind !== 'blob') return this.value(stored);
    stored.holder = holder;
    if (!this.#decoded.has(stored)) this.#decoded.set(stored, decodeBlob(this.#binding, attribute, stored.bytes, stored.coded));
    return this.#decoded.get(stored);
  }

  boundClass(node: InstanceNode): BoundClass {
    const bound = this.#binding.ofShape(node.shape);
    if (bound !== undefined) return bound;
    const { schema, model } = this.#binding;
    const { name } = schema.shapes[node.shape]!;
    throw new TwinstateError('CLASS_UNKNOWN', `this session holds an object of class ${name}, which is not declared here`, {
      expected: `a class of the model ${model.name} ${model.fingerprint}: ${[...model.classes.keys()].join(', ')}`,
      received: `${name}, stored by the model ${schema.fingerprint}`,
      cure: `declare ${name} where it is used, or give the class that replaced it this name`,
    });
  }

  /** Writes every attribute of these slots that the model knows. */
  writeSlot(node: InstanceNode, slot: number): void {
    const attribute = this.boundClass(node).attributes[slot];
    const stored = node.get(slot);
    if (attribute === undefined || stored === HOLE) return;
    writeAttribute(node.source!, attribute, this.attributeValue(attribute, node, stored));
  }

  /** Decodes the blobs of a node, so that bytes that cannot be decoded are found before anything is written. */
  prepare(node: GraphNode): void {
    if (node.kind !== 'instance') return;
    const { attributes } = this.boundClass(node);
    attributes.forEach((attribute, slot) => {
      const stored = node.get(slot);
      if (attribute !== undefined && isNode(stored) && stored.kind === 'blob') this.attributeValue(attribute, node, stored);
    });
  }

  #waits(node: GraphNode): boolean {
    return node.kind === 'view' || (node.kind === 'instance' && this.boundClass(node).of.makes);
  }

  #leave(node: GraphNode, late: GraphNode[]): void {
    if (node.source === undefined) this.#construct(node);
    if (!this.#made.has(node)) return;
    let whole = true;
    this.#eachVisible(node, (child) => {
      if (child.source === undefined) whole = false;
    });
    if (whole) this.fill(node);
    else late.push(node);
  }

  #construct(node: GraphNode): void {
    const live = this.#newObject(node);
    if (live === undefined) return;
    this.#made.add(node);
    this.#attach(node, live);
  }

  #newObject(node: GraphNode): object | undefined {
    switch (node.kind) {
      case 'instance': {
        const { of } = this.boundClass(node);
        return of.construct(of.makes ? this.#attributesOf(node) : {});
      }
      case 'object':
        return node.nullPrototype ? (Object.create(null) as object) : {};
      case 'array':
        return [];
      case 'map':
        return new Map();
      case 'set':
        return new Set();
      case 'view':
        return new (VIEW_KINDS[node.view] as ViewConstructor)(node.buffer!.source as ArrayBuffer, node.offsetBytes, node.length);
      case 'date':
        return new Date(node.time);
      case 'regexp':
        return new RegExp(node.pattern, node.flags);
      case 'url':
        return new URL(node.href);
      case 'buffer':
        return Buffer.alloc(node.bytes.byteLength);
      case 'arrayBuffer':
        return new ArrayBuffer(node.bytes.byteLength);
      case 'blob':
        return undefined;
    }
  }

  #attributesOf(node: InstanceNode): Record<string, unknown> {
    const attributes: Record<string, unknown> = {};
    this.boundClass(node).attributes.forEach((attribute, slot) => {
      const stored = node.get(slot);
      if (attribute === undefined || stored === HOLE) return;
      writeKey(attributes, attribute.property, this.attributeValue(attribute, node, stored));
    });
    return attributes;
  }

  #fillInstance(node: InstanceNode, live: object): void {
    const { of, properties } = this.boundClass(node);
    for (let slot = 0; slot < node.slotCount; slot++) this.writeSlot(node, slot);
    if (of.open)
      writeKeys(
        live,
        node.keys,
        (key) => !properties.has(key),
        (value) => this.value(value),
      );
  }

  /** The children that the model can see: not what stands in foreign slots, not blobs. */
  #eachVisible(node: GraphNode, visit: (child: GraphNode) => void): void {
    if (node.kind !== 'instance') return eachChild(node, visit);
    const { attributes, of, properties } = this.boundClass(node);
    attributes.forEach((attribute, slot) => {
      const stored = node.get(slot);
      if (attribute !== undefined && isNode(stored) && stored.kind !== 'blob') visit(stored);
    });
    if (!of.open) return;
    for (const [key, stored] of node.keys) if (!properties.has(key) && isNode(stored)) visit(stored);
  }
}

/**
 * The live value of an attribute whose whole value is bytes.
 *
 * @param coded made by the attribute's codec
 * @throws {TwinstateError} `BYTES_CORRUPT`, `FINGERPRINT_MISMATCH`
 */
export function decodeBlob(
  { blobs, model, schema }: Binding,
  attribute: AttributeModel,
  bytes: Uint8Array,
  coded: boolean,
): unknown {
  const { codec } = attribute;
  try {
    if (coded && codec !== undefined) return codec.decode(copyBytes(bytes));
    if (!coded && blobs !== undefined) return blobs.decode(bytes, model);
  } catch (cause) {
    if (cause instanceof TwinstateError) throw cause;
    throw new TwinstateError('BYTES_CORRUPT', `the value of ${attribute.property} cannot be decoded`, {
      expected: 'bytes that the codec of the attribute understands',
      ...thrown(cause, isSecretive(model)),
      cure: 'keep the codec able to read what earlier releases wrote',
    });
  }
  throw new TwinstateError(
    'FINGERPRINT_MISMATCH',
    `the value of ${attribute.property} was stored by a codec that is not declared here`,
    {
      expected: `the attribute as the model ${schema.fingerprint} declared it`,
      received: `the model ${model.fingerprint}`,
      cure: `declare the codec of ${attribute.property} again`,
    },
  );
}
