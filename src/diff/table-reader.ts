/**
 * Reads a snapshot straight into nodes, as the operations of the strict decoder would make them.
 *
 * Invariant: what this reader accepts, the strict decoder accepts, with the same nodes as the result. Everything else is `UNUSUAL`, and
 * whatever is thrown means the same: the caller starts again with the strict decoder. Containers wait to be filled, first in first out;
 * nothing recurses.
 */
import { Op, Tag, VIEW_KINDS } from '../wire/format.js';
import type { Limits } from '../wire/limits.js';
import { TerseReader, UNUSUAL, unusual } from '../wire/terse-reader.js';
import { isPrimitiveTag, type Primitive } from '../wire/value.js';
import { copyBytes } from '../shared/bytes.js';
import { isLayout } from './layout.js';
import {
  ArrayNode,
  BytesNode,
  DateNode,
  HOLE,
  type InstanceNode,
  MapNode,
  DictionaryNode,
  LooseInstance,
  RegExpNode,
  SetNode,
  UrlNode,
  ViewNode,
  ownKeys,
  type ContainerNode,
  type GraphNode,
  type Stored,
} from './node.js';
import { NodeTable } from './node-table.js';
import type { Schema } from './schema.js';

/** The objects that were opened from the same bytes. */
export interface Opened {
  /** In the order of the bytes; undefined for a blob. */
  readonly objects: readonly (object | undefined)[];
  /** By shape and slot; undefined where nothing is to be shared with them. */
  readonly properties: readonly (readonly string[])[] | undefined;
}

export class TableReader extends TerseReader {
  readonly #table = new NodeTable();
  readonly #limits: Limits;
  readonly #opened: Opened | undefined;
  readonly #waiting: ContainerNode[] = [];
  readonly #layouts: (readonly string[])[] = [];
  #made = 0;
  #lastId = -1;
  #holes = 0;

  /**
   * @param at where the schema section ends
   * @param opened objects that the nodes stand for; strings that these still hold are shared with them
   */
  constructor(bytes: Uint8Array, at: number, text: string, schema: Schema, limits: Limits, opened?: Opened) {
    super(bytes, at, text);
    this.#table.schema = schema;
    this.#limits = limits;
    this.#opened = opened;
  }

  run(rootKind: 'instance' | 'array'): NodeTable {
    const table = this.#table;
    const { bytes } = this;
    const nextId = this.varint();
    const root = this.#fresh(bytes[this.at++]!);
    if (root.kind !== rootKind) throw UNUSUAL;
    const waiting = this.#waiting;
    for (let i = 0; i < waiting.length; i++) {
      if (bytes[this.at++] !== Op.fill) throw UNUSUAL;
      const node = waiting[i]!;
      this.#fill(node);
      if (node.kind === 'instance' && bytes[this.at] === Op.keySet) this.#keysOfOpen(node);
    }
    if (this.at !== this.end || nextId < table.nextId || !Number.isSafeInteger(table.nextId)) throw UNUSUAL;
    if (this.#opened !== undefined && this.#opened.objects.length !== this.#made) throw UNUSUAL;
    table.nextId = nextId;
    table.liveCount = table.nodes.size;
    return table;
  }

  #fill(node: ContainerNode): void {
    switch (node.kind) {
      case 'instance':
        return this.#fillInstance(node as LooseInstance);
      case 'object':
        return this.#fillObject(node as DictionaryNode);
      case 'array': {
        const live = this.#held(node) as unknown[] | undefined;
        const max = this.#limits.elementsMax;
        return live === undefined ? this.#list(node.elements, max) : this.#list(node.elements, max, undefined, (i) => live[i]);
      }
      case 'map':
        for (let n = this.#count(2); n > 0; n--) {
          const key = this.#solid();
          node.entries.set(key, this.#solid());
        }
        return;
      case 'set':
        for (let n = this.#count(1); n > 0; n--) node.members.add(this.#solid());
        return;
      case 'view':
        return this.#fillView(node);
    }
  }

  #fillInstance(node: LooseInstance): void {
    const { attributes } = this.#table.schema.shapes[node.shape]!;
    const { source } = node;
    const max = Math.min(attributes.length, this.#limits.elementsMax);
    const properties = this.#opened?.properties?.[node.shape];
    if (source === undefined || properties === undefined) return this.#list(node.slots, max, node);
    const live = source as Record<string, unknown>;
    this.#list(node.slots, max, node, (slot) => live[properties[slot]!]);
  }

  /** The object, where strings are to be shared with it. */
  #held(node: GraphNode): object | undefined {
    return this.#opened?.properties === undefined ? undefined : node.source;
  }

  /** @param held what stands in the place by now */
  #list(to: Stored[], max: number, holder?: InstanceNode, held?: (index: number) => unknown): void {
    const { bytes } = this;
    const count = this.varint();
    if (count > max) throw UNUSUAL;
    while (to.length < count) {
      const tag = bytes[this.at++]!;
      if (tag <= Tag.fixintMax) to.push(tag);
      else if (tag === Tag.hole || tag === Tag.holes) {
        const run = tag === Tag.hole ? 1 : this.varint();
        this.#holes += run;
        if (run > count - to.length || this.#holes > this.#limits.elementsMax) throw UNUSUAL;
        for (let i = 0; i < run; i++) to.push(HOLE);
      } else {
        const value = this.#value(tag, holder);
        to.push(held !== undefined && typeof value === 'string' ? shared(value, held(to.length)) : value);
      }
    }
  }

  #fillObject(node: DictionaryNode): void {
    const live = this.#held(node) as Record<string, unknown> | undefined;
    for (const key of this.#keys()) {
      const value = this.#solid();
      node.keys.set(key, live !== undefined && typeof value === 'string' ? shared(value, live[key]) : value);
    }
  }

  #keys(): readonly string[] {
    const head = this.varint();
    const number = Math.floor(head / 2);
    if (head % 2 === 1) return this.#layouts[number] ?? unusual();
    if (number * 2 > this.end - this.at || number > this.#limits.elementsMax) throw UNUSUAL;
    const keys: string[] = [];
    for (let i = 0; i < number; i++) keys.push(this.taggedText());
    if (new Set(keys).size < number) throw UNUSUAL;
    if (isLayout(keys)) this.#layouts.push(keys);
    return keys;
  }

  #keysOfOpen(node: InstanceNode): void {
    const keys = ownKeys(node);
    while (this.bytes[this.at] === Op.keySet) {
      this.at++;
      const key = this.taggedText();
      keys.set(key, this.#solid());
      if (keys.size > this.#limits.elementsMax) throw UNUSUAL;
    }
  }

  #fillView(node: ViewNode): void {
    const buffer = this.#solid();
    if (!(buffer instanceof BytesNode) || buffer.kind !== 'arrayBuffer') throw UNUSUAL;
    const offsetBytes = this.varint();
    const length = this.varint();
    const type = VIEW_KINDS[node.view]!;
    const elementBytes = type === DataView ? 1 : (type as Uint8ArrayConstructor).BYTES_PER_ELEMENT;
    if (offsetBytes % elementBytes !== 0 || offsetBytes + length * elementBytes > buffer.bytes.byteLength) throw UNUSUAL;
    node.buffer = buffer;
    node.offsetBytes = offsetBytes;
    node.length = length;
  }

  /** Reads a value that is no hole. */
  #solid(): Stored {
    return this.#value(this.bytes[this.at++]!, undefined);
  }

  /** @param holder the instance in whose slot the value stands: only there it may be a blob */
  #value(tag: number, holder: InstanceNode | undefined): Stored {
    if (isPrimitiveTag(tag)) return this.primitive(tag);
    if (tag === Tag.ref) {
      const node = this.#table.nodes.get(this.varint());
      return node === undefined || node.kind === 'blob' ? unusual() : node;
    }
    const node = this.#fresh(tag);
    if (node.kind === 'blob') {
      if (holder === undefined) throw UNUSUAL;
      if (this.#opened !== undefined) node.holder = holder;
    }
    return node;
  }

  #fresh(tag: number): GraphNode {
    let kind = tag;
    let id = this.#lastId + 1;
    if (tag === Tag.at) {
      id = this.varint();
      kind = this.bytes[this.at++]!;
    }
    const table = this.#table;
    if ((this.#made === 0 && id !== 0) || table.nodes.has(id)) throw UNUSUAL;
    this.#lastId = id;
    const node = this.#new(kind, id);
    table.add(node);
    if (id >= table.nextId) table.nextId = id + 1;
    const live = this.#opened?.objects[this.#made];
    if (live !== undefined) {
      node.source = live;
      table.bySource.set(live, node);
    }
    if (++this.#made > this.#limits.objectsMax) throw UNUSUAL;
    return node;
  }

  #new(tag: number, id: number): GraphNode {
    if (tag >= Tag.fixinstance) return this.#instance(id, tag - Tag.fixinstance);
    switch (tag) {
      case Tag.object:
        return this.#wait(new DictionaryNode(id, false));
      case Tag.nullObject:
        return this.#wait(new DictionaryNode(id, true));
      case Tag.array:
        return this.#wait(new ArrayNode(id));
      case Tag.map:
        return this.#wait(new MapNode(id));
      case Tag.set:
        return this.#wait(new SetNode(id));
      case Tag.view: {
        const view = this.bytes[this.at++]!;
        return view < VIEW_KINDS.length ? this.#wait(new ViewNode(id, view)) : unusual();
      }
      case Tag.instance:
        return this.#instance(id, this.varint());
      case Tag.date: {
        const time = this.f64();
        return Object.is(new Date(time).getTime(), time) ? new DateNode(id, time) : unusual();
      }
      case Tag.regexp:
        return this.#regexp(id);
      case Tag.url: {
        const href = this.taggedText();
        return new URL(href).href === href ? new UrlNode(id, href) : unusual();
      }
      case Tag.buffer:
        return new BytesNode(id, 'buffer', copyBytes(this.raw()));
      case Tag.arrayBuffer:
        return new BytesNode(id, 'arrayBuffer', copyBytes(this.raw()));
      case Tag.blob: {
        const coder = this.bytes[this.at++]!;
        if (!(coder <= 1)) throw UNUSUAL;
        return new BytesNode(id, 'blob', copyBytes(this.raw()), coder === 0);
      }
      default:
        return unusual();
    }
  }

  #instance(id: number, shape: number): GraphNode {
    if (this.#table.schema.shapes[shape] === undefined) throw UNUSUAL;
    return this.#wait(new LooseInstance(id, shape));
  }

  #wait<N extends ContainerNode>(node: N): N {
    this.#waiting.push(node);
    return node;
  }

  #regexp(id: number): GraphNode {
    const pattern = this.taggedText();
    const flags = this.taggedText();
    const lastIndex: Primitive = this.primitive(this.bytes[this.at++]!);
    const regexp = new RegExp(pattern, flags);
    if (typeof lastIndex !== 'number' || regexp.source !== pattern || regexp.flags !== flags) throw UNUSUAL;
    return new RegExpNode(id, pattern, flags, lastIndex);
  }

  #count(bytesEach: number): number {
    const count = this.varint();
    if (count * bytesEach > this.end - this.at || count > this.#limits.elementsMax) throw UNUSUAL;
    return count;
  }
}

/** One string for both sides takes half the memory, and is compared by its address. */
function shared(read: string, held: unknown): string {
  return held === read ? held : read;
}
