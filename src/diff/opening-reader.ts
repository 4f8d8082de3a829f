/**
 * Reads a snapshot straight into live objects, as the strict decoder and the materialiser together would make them.
 *
 * Invariant: what this reader accepts, the strict decoder accepts, with the same objects as the result. Everything else, be it damage
 * or only rare, is `UNUSUAL`, and whatever is thrown means the same: the caller starts again the slow way. Containers wait to be filled, first in first out; nothing recurses.
 */
import { LAYOUT_KEYS_MAX, Op, Tag } from '../wire/format.js';
import { latin1Text } from '../wire/buffer-text.js';
import type { Limits } from '../wire/limits.js';
import { TerseReader, UNUSUAL, unusual } from '../wire/terse-reader.js';
import type { AttributeModel } from '../model/session-model.js';
import { isLayout } from './layout.js';
import { writeKey, writeKeys } from './live-write.js';
import { RecordOpener } from './record-opener.js';

/** Decodes the bytes that are the whole value of an attribute. */
export type DecodeBlob = (attribute: AttributeModel, bytes: Uint8Array, coded: boolean) => unknown;

/** Writes the content of an object that was made empty. */
export type Fill = (live: never, reader: OpeningReader) => void;

/** What it takes to open the instances of one class. */
export interface ClassOpener {
  make(): object;
  readonly fill: Fill;
}

export class OpeningReader extends TerseReader {
  /** Every object in the order of the bytes, which is that of a decoded table; undefined for a blob. */
  readonly objects: (object | undefined)[] = [];
  readonly #openers: readonly (ClassOpener | undefined)[];
  readonly #limits: Limits;
  readonly #decodeBlob: DecodeBlob;
  readonly #waiting: object[] = [];
  readonly #fills: Fill[] = [];
  /** Objects by id, once the ids are not simply the places in `objects`. */
  #byId: Map<number, object | undefined> | undefined;
  readonly #layouts: RecordOpener[] = [];
  #lastId = -1;
  #highestId = -1;
  #holes = 0;

  constructor(
    bytes: Uint8Array,
    at: number,
    text: string,
    openers: readonly (ClassOpener | undefined)[],
    limits: Limits,
    decodeBlob: DecodeBlob,
  ) {
    super(bytes, at, text);
    this.#openers = openers;
    this.#limits = limits;
    this.#decodeBlob = decodeBlob;
  }

  /**
   * Reads everything behind the schema section.
   *
   * @param rootShape the shape that the root must have
   * @returns the id that the next new node gets
   */
  run(rootShape: number): number {
    const { bytes } = this;
    const nextId = this.varint();
    const tag = bytes[this.at++]!;
    if (this.#shape(tag) !== rootShape) throw UNUSUAL;
    this.#add(this.#instance(rootShape));
    const waiting = this.#waiting;
    const fills = this.#fills;
    for (let i = 0; i < waiting.length; i++) {
      if (bytes[this.at++] !== Op.fill) throw UNUSUAL;
      fills[i]!(waiting[i]! as never, this);
    }
    if (this.at !== this.end || nextId <= this.#highestId || !Number.isSafeInteger(this.#highestId + 1)) throw UNUSUAL;
    return nextId;
  }

  /** Reads the rest of a value whose tag was read, a new object or a reference included; no hole and no blob. */
  value(tag: number): unknown {
    if (tag >= Tag.fixinstance) return this.#add(this.#instance(tag - Tag.fixinstance));
    if (tag < Tag.hole) return this.primitive(tag);
    switch (tag) {
      case Tag.object:
        return this.#wait({}, fillObject);
      case Tag.nullObject:
        return this.#wait(Object.create(null) as object, fillObject);
      case Tag.array:
        return this.#wait([], fillArray);
      case Tag.map:
        return this.#wait(new Map(), fillMap);
      case Tag.set:
        return this.#wait(new Set(), fillSet);
      case Tag.ref:
        return this.#existing(this.varint());
      case Tag.at:
        return this.value(this.#jump());
      case Tag.instance:
        return this.#add(this.#instance(this.varint()));
      case Tag.date:
        return this.#add(this.#date());
      case Tag.regexp:
        return this.#add(this.#regexp());
      case Tag.url:
        return this.#add(this.#url());
      case Tag.buffer: {
        const bytes = this.raw();
        const buffer = Buffer.allocUnsafeSlow(bytes.byteLength);
        buffer.set(bytes);
        return this.#add(buffer);
      }
      case Tag.arrayBuffer:
        return this.#add(new Uint8Array(this.raw()).buffer);
      default:
        return this.primitive(tag);
    }
  }

  /** As `value`, in the slot of an attribute whose whole value stands as bytes. */
  valueOrBlob(tag: number, slot: number, attributes: readonly (AttributeModel | undefined)[]): unknown {
    const kind = tag === Tag.at ? this.#jump() : tag;
    if (kind !== Tag.blob) return this.value(kind);
    const coder = this.bytes[this.at++]!;
    if (coder > 1) throw UNUSUAL;
    const bytes = this.raw();
    this.#add(undefined);
    return this.#decodeBlob(attributes[slot]!, bytes, coder === 0);
  }

  /** Reads the keys of an instance of an open class that are none of these properties. */
  keys(live: object, properties: ReadonlySet<string>): void {
    const keys = new Map<string, unknown>();
    while (this.bytes[this.at] === Op.keySet) {
      this.at++;
      const key = this.taggedText();
      keys.set(key, this.solid());
      if (keys.size > this.#limits.elementsMax) throw UNUSUAL;
    }
    writeKeys(
      live,
      keys,
      (key) => !properties.has(key),
      (value) => value,
    );
  }

  /** Reads a value that is no hole, with its tag. */
  solid(): unknown {
    const tag = this.bytes[this.at++]!;
    if (tag <= Tag.fixintMax) return tag;
    return tag <= Tag.fixstrMax ? this.text(tag - Tag.fixstr) : this.value(tag);
  }

  /** Reads how many things of at least `bytesEach` bytes follow. */
  count(bytesEach: number): number {
    const count = this.varint();
    if (count * bytesEach > this.end - this.at || count > this.#limits.elementsMax) throw UNUSUAL;
    return count;
  }

  fillKeys(live: object): void {
    const head = this.varint();
    const number = Math.floor(head / 2);
    if (head % 2 === 1) return (this.#layouts[number] ?? unusual()).fill(live, this);
    if (number * 2 > this.end - this.at || number > this.#limits.elementsMax) throw UNUSUAL;
    if (number === 0) return;
    const layout = this.#record(number);
    if (layout !== undefined) {
      this.#layouts.push(layout);
      layout.fill(live, this);
      return;
    }
    const keys = Array.from({ length: number }, () => this.taggedText());
    if (new Set(keys).size < number) throw UNUSUAL;
    for (const key of keys) writeKey(live, key, this.solid());
  }

  fillElements(live: unknown[]): void {
    const { bytes } = this;
    const count = this.varint();
    if (count > this.#limits.elementsMax) throw UNUSUAL;
    let i = 0;
    while (i < count) {
      const tag = bytes[this.at++]!;
      if (tag <= Tag.fixintMax) live[i++] = tag;
      else if (tag !== Tag.hole && tag !== Tag.holes)
        live[i++] = tag <= Tag.fixstrMax ? this.text(tag - Tag.fixstr) : this.value(tag);
      else {
        const run = tag === Tag.hole ? 1 : this.varint();
        this.#holes += run;
        if (run > count - i || this.#holes > this.#limits.elementsMax) throw UNUSUAL;
        i += run;
      }
    }
    // holes at the end
    if (live.length < count) live.length = count;
  }

  #shape(tag: number): number {
    if (tag >= Tag.fixinstance) return tag - Tag.fixinstance;
    return tag === Tag.instance ? this.varint() : -1;
  }

  #instance(shape: number): object {
    const opener = this.#openers[shape];
    if (opener === undefined) throw UNUSUAL;
    const live = opener.make();
    this.#waiting.push(live);
    this.#fills.push(opener.fill);
    return live;
  }

  #wait(live: object, fill: Fill): object {
    this.#waiting.push(live);
    this.#fills.push(fill);
    return this.#add(live);
  }

  #add<T extends object | undefined>(live: T): T {
    const id = ++this.#lastId;
    if (id > this.#highestId) this.#highestId = id;
    if (this.objects.push(live) > this.#limits.objectsMax) throw UNUSUAL;
    if (this.#byId !== undefined) {
      if (this.#byId.has(id)) throw UNUSUAL;
      this.#byId.set(id, live);
    }
    return live;
  }

  /** Reads the id of the next new node, and its tag. */
  #jump(): number {
    this.#byId ??= new Map(this.objects.entries());
    this.#lastId = this.varint() - 1;
    const tag = this.bytes[this.at++]!;
    return tag > Tag.at ? tag : unusual();
  }

  #existing(id: number): object {
    return (this.#byId === undefined ? this.objects[id] : this.#byId.get(id)) ?? unusual();
  }

  /** Reads the keys of a record; for those of a dictionary, nothing is read. */
  #record(count: number): RecordOpener | undefined {
    const { at } = this;
    if (count > LAYOUT_KEYS_MAX) return undefined;
    // the bytes of the keys say which they are: most often they need not be made
    for (let i = 0; i < count; i++) this.skipText();
    const known = RecordOpener.known(this.latin1Since(at));
    if (known !== undefined) return known;
    // a text of its own, which keeps nothing else
    const bytes = latin1Text(this.bytes, at, this.at);
    this.at = at;
    const keys = Array.from({ length: count }, () => this.taggedText());
    if (isLayout(keys) && new Set(keys).size === count) return RecordOpener.new(bytes, keys);
    this.at = at;
    return undefined;
  }

  #date(): Date {
    const time = this.f64();
    const date = new Date(time);
    return Object.is(date.getTime(), time) ? date : unusual();
  }

  #regexp(): RegExp {
    const pattern = this.taggedText();
    const flags = this.taggedText();
    const lastIndex = this.solid();
    const regexp = new RegExp(pattern, flags);
    if (typeof lastIndex !== 'number' || regexp.source !== pattern || regexp.flags !== flags) throw UNUSUAL;
    regexp.lastIndex = lastIndex;
    return regexp;
  }

  #url(): URL {
    const href = this.taggedText();
    const url = new URL(href);
    return url.href === href ? url : unusual();
  }
}

const fillObject: Fill = (live: object, reader) => reader.fillKeys(live);
const fillArray: Fill = (live: unknown[], reader) => reader.fillElements(live);

const fillMap: Fill = (live: Map<unknown, unknown>, reader) => {
  for (let n = reader.count(2); n > 0; n--) {
    const key = reader.solid();
    live.set(key, reader.solid());
  }
};

const fillSet: Fill = (live: Set<unknown>, reader) => {
  for (let n = reader.count(1); n > 0; n--) live.add(reader.solid());
};
