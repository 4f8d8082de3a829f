/**
 * Parses the operations of a delta or snapshot by `wire/format.ts`, without the graph.
 *
 * Invariant: time and memory are bounded by the bytes and the limits: lengths are held against what is left, holes against one
 * allowance for the whole. What is returned holds views of the bytes, never of anything else. No recursion.
 */
import { Op, Tag, VIEW_KINDS } from '../wire/format.js';
import { holdLimit, type Limits } from '../wire/limits.js';
import type { ByteReader } from '../wire/reader.js';
import { isPrimitiveTag, readPrimitive, readText } from '../wire/value.js';
import { isLayout } from './layout.js';
import { HOLE } from './node.js';
import { Fresh, Link, type Content, type Form, type NodeOp, type Operation, type Patch, type RegExpForm } from './operation.js';
import type { WireHunk, WireValue } from './operation.js';

/** Hears where in the bytes the id of a node stands. */
export type IdListener = (id: number, from: number, to: number) => void;

export class OperationReader {
  readonly #reader: ByteReader;
  readonly #limits: Limits;
  readonly #snapshot: boolean;
  readonly #onId: IdListener | undefined;
  readonly #onMade: IdListener | undefined;
  readonly #waiting: Fresh[] = [];
  readonly #layouts: (readonly string[])[] = [];
  #filled = 0;
  #made = 0;
  #lastId = -1;
  #holes = 0;
  #target = 0;
  #schemaAllowed: boolean;

  /** @param onMade hears of references to nodes that the delta makes itself, by their order */
  constructor(reader: ByteReader, form: 'delta' | 'snapshot', limits: Limits, onId?: IdListener, onMade?: IdListener) {
    this.#reader = reader;
    this.#limits = limits;
    this.#snapshot = form === 'snapshot';
    this.#schemaAllowed = form === 'delta';
    this.#onId = onId;
    this.#onMade = onMade;
  }

  /** New nodes met so far. */
  get created(): number {
    return this.#made;
  }

  /** Reads the next operation, or undefined at the end, where nothing may be left unfilled. */
  next(): Operation | undefined {
    const reader = this.#reader;
    for (;;) {
      if (reader.done) {
        if (this.#filled < this.#waiting.length) reader.fail('the content of every new node', 'the end');
        return undefined;
      }
      const byte = reader.u8();
      if (byte >= Op.shapeNew && byte <= Op.fingerprint) return this.#schemaOp(byte);
      this.#schemaAllowed = false;
      if (byte === Op.switch) {
        if (this.#snapshot) reader.fail('an operation of a snapshot', 'another one');
        this.#target = this.#id();
        continue;
      }
      if (byte === Op.fill) return this.#fill();
      if (this.#snapshot && byte !== Op.keySet) reader.fail('an operation of a snapshot', 'another one');
      return this.#nodeOp(byte);
    }
  }

  value(): WireValue {
    const reader = this.#reader;
    const tag = reader.u8();
    if (isPrimitiveTag(tag)) return readPrimitive(reader, tag);
    switch (tag) {
      case Tag.hole:
        this.#takeHoles(1);
        return HOLE;
      case Tag.ref:
        return new Link(this.#id());
      case Tag.newRef: {
        const from = reader.offset;
        const index = reader.varint();
        this.#onMade?.(index, from, reader.offset);
        if (this.#snapshot || index >= this.#made) reader.fail('a node that this delta has made', `number ${index}`);
        return new Link(-1 - index);
      }
      case Tag.at: {
        if (!this.#snapshot) reader.fail('a value', 'an id');
        this.#lastId = reader.varint() - 1;
        return this.#fresh(reader.u8());
      }
      default:
        return this.#fresh(tag);
    }
  }

  #schemaOp(byte: number): Operation {
    const reader = this.#reader;
    if (!this.#schemaAllowed) reader.fail('schema operations only at the start of a delta', 'one elsewhere');
    switch (byte) {
      case Op.shapeNew:
        return { op: 'shape', name: readText(reader), attributes: readTexts(reader) };
      case Op.shapeExtend:
        return { op: 'extend', shape: reader.varint(), attributes: readTexts(reader) };
      default:
        return { op: 'fingerprint', fingerprint: readText(reader) };
    }
  }

  #fill(): NodeOp {
    const fresh = this.#waiting[this.#filled];
    if (fresh === undefined) return this.#reader.fail('a new node to fill', 'none');
    this.#filled++;
    this.#target = fresh.target;
    return { target: fresh.target, op: 'fill', content: this.#content(fresh.form) };
  }

  #nodeOp(byte: number): NodeOp {
    const reader = this.#reader;
    const target = this.#target;
    if (byte <= Op.slotMax) return { target, op: 'slot', slot: byte, value: this.value() };
    switch (byte) {
      case Op.slot:
        return { target, op: 'slot', slot: reader.varint(), value: this.value() };
      case Op.keySet:
        return { target, op: 'keySet', key: readText(reader), value: this.#solid() };
      case Op.keyDelete:
        return { target, op: 'keyDelete', key: readText(reader) };
      case Op.index:
        return { target, op: 'index', index: reader.varint(), value: this.value() };
      case Op.splice:
        return { target, op: 'edit', hunks: [this.#hunk()] };
      case Op.edit: {
        const hunks: WireHunk[] = [];
        for (let n = reader.count(3); n > 0; n--) hunks.push(this.#hunk());
        return { target, op: 'edit', hunks };
      }
      case Op.mapSet:
        return { target, op: 'mapSet', key: this.#solid(), value: this.#solid() };
      case Op.mapDelete:
        return { target, op: 'mapDelete', key: this.#existing() };
      case Op.setAdd:
        return { target, op: 'setAdd', value: this.#solid() };
      case Op.setDelete:
        return { target, op: 'setDelete', value: this.#existing() };
      case Op.clear:
        return { target, op: 'clear' };
      case Op.date:
        return { target, op: 'date', time: readTime(reader) };
      case Op.regexp:
        return { target, op: 'regexp', ...this.#regexp() };
      case Op.url:
        return { target, op: 'url', href: readHref(reader) };
      case Op.bytes:
        return { target, op: 'bytes', bytes: reader.bytes() };
      case Op.patch: {
        const patches: Patch[] = [];
        for (let n = reader.count(3); n > 0; n--) {
          patches.push({ kept: reader.varint(), removed: reader.varint(), inserted: reader.bytes() });
        }
        return { target, op: 'patch', patches };
      }
      default:
        return reader.fail('an operation', `the byte ${byte}`);
    }
  }

  #hunk(): WireHunk {
    return { kept: this.#reader.varint(), removed: this.#reader.varint(), inserted: this.#list() };
  }

  #list(): WireValue[] {
    const reader = this.#reader;
    const count = reader.varint();
    holdLimit(this.#limits, 'elementsMax', count, 'a list');
    const values: WireValue[] = [];
    while (values.length < count) {
      const at = reader.offset;
      const tag = reader.peek();
      if (tag !== Tag.holes) {
        values.push(this.value());
        continue;
      }
      reader.u8();
      const run = reader.varint();
      if (run > count - values.length) reader.fail(`at most ${count - values.length} holes at byte ${at}`, `${run}`);
      this.#takeHoles(run);
      for (let i = 0; i < run; i++) values.push(HOLE);
    }
    return values;
  }

  #content(form: Form): Content {
    const reader = this.#reader;
    switch (form.kind) {
      case 'instance':
      case 'array':
        return { kind: form.kind, values: this.#list() };
      case 'set': {
        const values: WireValue[] = [];
        for (let n = this.#count(1); n > 0; n--) values.push(this.#solid());
        return { kind: 'set', values };
      }
      case 'object': {
        const keys = this.#keys();
        return { kind: 'object', entries: keys.map((key): [string, WireValue] => [key, this.#solid()]) };
      }
      case 'map': {
        const entries: [WireValue, WireValue][] = [];
        for (let n = this.#count(2); n > 0; n--) entries.push([this.#solid(), this.#solid()]);
        return { kind: 'map', entries };
      }
      case 'view':
        return { kind: 'view', buffer: this.value(), offsetBytes: reader.varint(), length: reader.varint() };
      default:
        return reader.fail('a container', `a ${form.kind}`);
    }
  }

  #keys(): readonly string[] {
    const reader = this.#reader;
    const head = reader.varint();
    const number = Math.floor(head / 2);
    if (head % 2 === 1) return this.#layouts[number] ?? reader.fail('a layout that came earlier', `number ${number}`);
    if (number * 2 > reader.left) reader.fail(`at most ${reader.left >> 1} keys in the bytes left`, `${number}`);
    holdLimit(this.#limits, 'elementsMax', number, 'a collection');
    const keys = Array.from({ length: number }, () => readText(reader));
    if (new Set(keys).size < number) reader.fail('keys once each', 'a key twice');
    if (isLayout(keys)) this.#layouts.push(keys);
    return keys;
  }

  #fresh(tag: number): Fresh {
    const form = this.#form(tag);
    const index = this.#made++;
    holdLimit(this.#limits, 'objectsMax', this.#made, 'the number of objects');
    if (this.#snapshot) this.#lastId++;
    const fresh = new Fresh(this.#snapshot ? this.#lastId : -1 - index, form);
    switch (form.kind) {
      case 'instance':
      case 'object':
      case 'array':
      case 'map':
      case 'set':
      case 'view':
        this.#waiting.push(fresh);
        break;
      default:
    }
    return fresh;
  }

  #form(tag: number): Form {
    const reader = this.#reader;
    if (tag >= Tag.fixinstance) return { kind: 'instance', shape: tag - Tag.fixinstance };
    switch (tag) {
      case Tag.date:
        return { kind: 'date', time: readTime(reader) };
      case Tag.regexp:
        return { kind: 'regexp', ...this.#regexp() };
      case Tag.url:
        return { kind: 'url', href: readHref(reader) };
      case Tag.buffer:
        return { kind: 'buffer', bytes: reader.bytes() };
      case Tag.arrayBuffer:
        return { kind: 'arrayBuffer', bytes: reader.bytes() };
      case Tag.blob: {
        const coder = reader.u8();
        if (coder > 1) reader.fail('0 or 1', `${coder}`);
        return { kind: 'blob', bytes: reader.bytes(), coded: coder === 0 };
      }
      case Tag.object:
        return { kind: 'object', nullPrototype: false };
      case Tag.nullObject:
        return { kind: 'object', nullPrototype: true };
      case Tag.array:
        return { kind: 'array' };
      case Tag.map:
        return { kind: 'map' };
      case Tag.set:
        return { kind: 'set' };
      case Tag.view: {
        const view = reader.u8();
        if (view >= VIEW_KINDS.length) reader.fail('a kind of view', `${view}`);
        return { kind: 'view', view };
      }
      case Tag.instance:
        return { kind: 'instance', shape: reader.varint() };
      default:
        return reader.fail('a value', `the tag ${tag}`);
    }
  }

  #regexp(): RegExpForm {
    const reader = this.#reader;
    const pattern = readText(reader);
    const flags = readText(reader);
    const lastIndex = this.value();
    if (typeof lastIndex !== 'number') return reader.fail('a number', 'another value');
    try {
      const made = new RegExp(pattern, flags);
      if (made.source === pattern && made.flags === flags) return { pattern, flags, lastIndex };
    } catch {
      // what is thrown would quote the pattern
      return reader.fail('a regular expression', 'something else');
    }
    return reader.fail('the source of a regular expression', 'another form of it');
  }

  /** A value that is no hole. */
  #solid(): WireValue {
    const value = this.value();
    return value === HOLE ? this.#reader.fail('a value', 'a hole') : value;
  }

  /** A value that makes no node. */
  #existing(): WireValue {
    const value = this.#solid();
    return value instanceof Fresh ? this.#reader.fail('a key or member', 'a new node') : value;
  }

  #id(): number {
    const from = this.#reader.offset;
    const id = this.#reader.varint();
    this.#onId?.(id, from, this.#reader.offset);
    return id;
  }

  #count(bytesEach: number): number {
    const count = this.#reader.count(bytesEach);
    holdLimit(this.#limits, 'elementsMax', count, 'a collection');
    return count;
  }

  #takeHoles(count: number): void {
    this.#holes += count;
    holdLimit(this.#limits, 'elementsMax', this.#holes, 'the number of holes');
  }
}

export function readTexts(reader: ByteReader): string[] {
  const texts: string[] = [];
  for (let n = reader.count(); n > 0; n--) texts.push(readText(reader));
  return texts;
}

function readTime(reader: ByteReader): number {
  const time = reader.f64();
  return Object.is(new Date(time).getTime(), time) ? time : reader.fail('a time in whole milliseconds', 'another number');
}

function readHref(reader: ByteReader): string {
  const href = readText(reader);
  if (URL.canParse(href) && new URL(href).href === href) return href;
  return reader.fail('the href of a URL', 'something else');
}
