/**
 * Applies parsed operations to a graph, holding each against the graph before it changes anything.
 *
 * Invariant: an operation either fits (the node exists, is of the right kind, the slot is within its shape) and is done exactly, or
 * throws `DELTA_MISMATCH`; the caller then rolls the draft back. What a graph cannot hold never comes in: a view without its
 * `ArrayBuffer`, a blob outside a slot, a `Buffer` whose length changes.
 */
import { copyBytes } from '../shared/bytes.js';
import { TwinstateError } from '../shared/errors.js';
import { VIEW_KINDS } from '../wire/format.js';
import { holdLimit, type Limits } from '../wire/limits.js';
import { patchBytes } from './byte-patch.js';
import type { Draft, Hunk } from './draft.js';
import { loosen } from './laid-out-node.js';
import { newContainer } from './new-node.js';
import {
  BytesNode,
  DateNode,
  isNode,
  LooseInstance,
  RegExpNode,
  UrlNode,
  type ViewNode,
  type GraphNode,
  type Stored,
} from './node.js';
import { Fresh, Link, type Content, type Form, type NodeOp, type Operation, type SchemaOp, type WireValue } from './operation.js';

type Kind = GraphNode['kind'];

/** Refuses what does not fit the graph. */
function mismatch(expected: string, received: string): never {
  throw new TwinstateError('DELTA_MISMATCH', 'this does not fit the graph it is applied to', {
    expected,
    received,
    cure: 'apply each delta once and in order, from the snapshot it continues; nothing of it was applied',
  });
}

export class Application {
  readonly #draft: Draft;
  readonly #limits: Limits;
  readonly #fresh: GraphNode[] = [];

  constructor(draft: Draft, limits: Limits) {
    this.#draft = draft;
    this.#limits = limits;
  }

  apply(operation: Operation): void {
    switch (operation.op) {
      case 'shape':
      case 'extend':
      case 'fingerprint':
        return this.#schema(operation);
      case 'fill':
        return this.#fill(this.#node(operation.target), operation.content);
      default:
        return this.#change(operation);
    }
  }

  /** The value, made or found. */
  resolve(value: WireValue, blobAllowed = false): Stored {
    if (value instanceof Link) {
      const node = this.#node(value.target);
      return node.kind === 'blob' ? mismatch('a reference to an object', 'one to a blob') : node;
    }
    if (!(value instanceof Fresh)) return value;
    if (value.form.kind === 'blob' && !blobAllowed) mismatch('a blob in a slot only', 'one elsewhere');
    return this.#make(value);
  }

  #schema(operation: SchemaOp): void {
    const { schema } = this.#draft.table;
    switch (operation.op) {
      case 'shape':
        return this.#draft.setSchema(schema.withShape(operation) ?? mismatch('a class that is new here', operation.name));
      case 'extend': {
        const extended = schema.withAttributes(operation.shape, operation.attributes);
        return this.#draft.setSchema(
          extended ?? mismatch(`new attributes of shape ${operation.shape}`, operation.attributes.join(', ')),
        );
      }
      case 'fingerprint':
        return this.#draft.setSchema(schema.withFingerprint(operation.fingerprint));
    }
  }

  #change(operation: Exclude<NodeOp, { op: 'fill' }>): void {
    const draft = this.#draft;
    const found = this.#node(operation.target);
    switch (operation.op) {
      case 'slot': {
        const node = this.#expect(found, 'instance');
        const size = draft.table.schema.shapes[node.shape]!.attributes.length;
        if (operation.slot >= size) mismatch(`a slot below ${size}`, `${operation.slot}`);
        return draft.setSlot(node, operation.slot, this.resolve(operation.value, true));
      }
      case 'keySet': {
        const node = this.#expect(found, 'object', 'instance');
        const value = this.resolve(operation.value);
        draft.setKey(node, operation.key, value);
        return this.#size(node.keys.size);
      }
      case 'keyDelete':
        return draft.deleteKey(this.#expect(found, 'object', 'instance'), operation.key);
      case 'index': {
        const node = this.#expect(found, 'array');
        if (operation.index >= node.elements.length) mismatch(`an index below ${node.elements.length}`, `${operation.index}`);
        return draft.setIndex(node, operation.index, this.resolve(operation.value));
      }
      case 'edit': {
        const node = this.#expect(found, 'array');
        let left = node.elements.length;
        const hunks: Hunk[] = operation.hunks.map(({ kept, removed, inserted }) => {
          left -= kept + removed;
          return { kept, removed, inserted: inserted.map((value) => this.resolve(value)) };
        });
        if (left < 0) mismatch(`edits within ${node.elements.length} elements`, `${-left} more`);
        draft.edit(node, hunks);
        return this.#size(node.elements.length);
      }
      case 'mapSet': {
        const node = this.#expect(found, 'map');
        const key = this.resolve(operation.key);
        draft.setEntry(node, key, this.resolve(operation.value));
        return this.#size(node.entries.size);
      }
      case 'mapDelete':
        return draft.deleteEntry(this.#expect(found, 'map'), this.resolve(operation.key));
      case 'setAdd': {
        const node = this.#expect(found, 'set');
        draft.addMember(node, this.resolve(operation.value));
        return this.#size(node.members.size);
      }
      case 'setDelete':
        return draft.deleteMember(this.#expect(found, 'set'), this.resolve(operation.value));
      case 'clear':
        return draft.clear(this.#expect(found, 'object', 'map', 'set'));
      case 'date':
        return draft.setTime(this.#expect(found, 'date'), operation.time);
      case 'regexp':
        return draft.setRegExp(this.#expect(found, 'regexp'), operation.pattern, operation.flags, operation.lastIndex);
      case 'url':
        return draft.setHref(this.#expect(found, 'url'), operation.href);
      case 'bytes':
        return this.#bytes(this.#expect(found, 'buffer', 'arrayBuffer', 'blob'), copyBytes(operation.bytes));
      case 'patch': {
        const node = this.#expect(found, 'buffer', 'arrayBuffer', 'blob');
        return this.#bytes(node, patchBytes(node.bytes, operation.patches) ?? mismatch('patches within the bytes', 'others'));
      }
    }
  }

  #bytes(node: BytesNode, bytes: Uint8Array): void {
    if (node.kind !== 'blob' && bytes.byteLength !== node.bytes.byteLength) {
      mismatch(`${node.bytes.byteLength} bytes`, `${bytes.byteLength}`);
    }
    holdLimit(this.#limits, 'sessionBytesMax', bytes.byteLength, 'a value');
    this.#draft.setBytes(node, bytes);
  }

  #make({ target, form }: Fresh): GraphNode {
    const { table } = this.#draft;
    const id = target < 0 ? this.#draft.base + this.#fresh.length : target;
    if (!Number.isSafeInteger(id + 1) || table.nodes.has(id)) mismatch('a new id', `${id}`);
    const node = this.#draft.add(makeNode(id, form));
    holdLimit(this.#limits, 'objectsMax', table.size, 'the number of objects');
    if (node.kind === 'instance' && table.schema.shapes[node.shape] === undefined)
      mismatch('a class of the schema', `shape ${node.shape}`);
    this.#fresh.push(node);
    return node;
  }

  #fill(node: GraphNode, content: Content): void {
    switch (content.kind) {
      case 'instance': {
        const instance = this.#expect(node, 'instance');
        const size = this.#draft.table.schema.shapes[instance.shape]!.attributes.length;
        if (content.values.length > size) mismatch(`at most ${size} slots`, `${content.values.length}`);
        content.values.forEach((value, slot) => instance.set(slot, this.resolve(value, true)));
        return;
      }
      case 'array': {
        const { elements } = this.#expect(node, 'array');
        for (const value of content.values) elements.push(this.resolve(value));
        return;
      }
      case 'set': {
        const { members } = this.#expect(node, 'set');
        for (const value of content.values) members.add(this.resolve(value));
        return;
      }
      case 'object': {
        const keys = loosen(this.#expect(node, 'object'));
        for (const [key, value] of content.entries) keys.set(key, this.resolve(value));
        return;
      }
      case 'map': {
        const { entries } = this.#expect(node, 'map');
        for (const [key, value] of content.entries) {
          const name = this.resolve(key);
          entries.set(name, this.resolve(value));
        }
        return;
      }
      case 'view':
        return this.#window(this.#expect(node, 'view'), content);
    }
  }

  #window(node: ViewNode, content: Content & { kind: 'view' }): void {
    const buffer = this.resolve(content.buffer);
    if (!isNode(buffer) || buffer.kind !== 'arrayBuffer') return mismatch('an ArrayBuffer behind a view', 'something else');
    const type = VIEW_KINDS[node.view]!;
    const elementBytes = type === DataView ? 1 : (type as Uint8ArrayConstructor).BYTES_PER_ELEMENT;
    const end = content.offsetBytes + content.length * elementBytes;
    if (content.offsetBytes % elementBytes !== 0 || end > buffer.bytes.byteLength) {
      mismatch(`a view within ${buffer.bytes.byteLength} bytes`, `one of ${content.length} elements from ${content.offsetBytes}`);
    }
    node.buffer = buffer;
    node.offsetBytes = content.offsetBytes;
    node.length = content.length;
  }

  #node(target: number): GraphNode {
    const node = target < 0 ? this.#fresh[-1 - target] : this.#draft.table.nodes.get(target);
    return node ?? mismatch('an object that exists', `#${target}`);
  }

  #expect<K extends Kind>(node: GraphNode, ...kinds: K[]): Extract<GraphNode, { kind: K }> {
    if ((kinds as Kind[]).includes(node.kind)) return node as Extract<GraphNode, { kind: K }>;
    return mismatch(`#${node.id} to be of kind ${kinds.join(' or ')}`, node.kind);
  }

  #size(size: number): void {
    holdLimit(this.#limits, 'elementsMax', size, 'a collection');
  }
}

function makeNode(id: number, form: Form): GraphNode {
  switch (form.kind) {
    case 'instance':
      return new LooseInstance(id, form.shape);
    case 'date':
      return new DateNode(id, form.time);
    case 'regexp':
      return new RegExpNode(id, form.pattern, form.flags, form.lastIndex);
    case 'url':
      return new UrlNode(id, form.href);
    case 'buffer':
    case 'arrayBuffer':
      return new BytesNode(id, form.kind, copyBytes(form.bytes));
    case 'blob':
      return new BytesNode(id, 'blob', copyBytes(form.bytes), form.coded);
    default:
      return newContainer(id, form);
  }
}
