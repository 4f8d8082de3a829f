/**
 * The state that every change of the corpus begins with, as a session class for each strategy.
 *
 * Invariant: `stateFor` gives equal, unshared states each time, with something of every kind in known places.
 */
import 'reflect-metadata';
import type { DiffStrategy } from '../../../src/model/session-model.js';
import { Immutable } from '../../../src/model/immutable.js';
import { Mutable } from '../../../src/model/mutable.js';
import { Session } from '../../../src/model/session.js';

export interface Part {
  serial: string;
  qty: unknown;
  tags: unknown;
  next: unknown;
}

export interface Gadget extends Part {
  note: unknown;
}

export interface Row {
  [key: string]: unknown;
  id: number;
  text: unknown;
  inner: { deep: unknown };
}

export interface Tree {
  [key: string]: unknown;
  label: unknown;
  kids: Tree[];
}

export interface Ring {
  name: string;
  next: Ring | undefined;
}

/** Everything that is reached from one attribute, and so keeps its identities under every strategy. */
export interface Data {
  [key: string]: unknown;
  n: unknown;
  zero: unknown;
  s: unknown;
  flag: unknown;
  nothing: unknown;
  big: unknown;
  list: unknown[];
  rows: Row[];
  grid: unknown[][];
  sparse: unknown[];
  tree: Tree;
  dict: Record<string, unknown>;
  bare: Record<string, unknown>;
  map: Map<unknown, unknown>;
  set: Set<unknown>;
  date: Date;
  regexp: RegExp;
  url: URL;
  bytes: Buffer;
  memory: ArrayBuffer;
  halves: [Uint16Array, DataView];
  floats: Float64Array;
  bigs: BigInt64Array;
  left: Row;
  right: Row;
  ring: Ring;
  parts: Part[];
}

export interface State {
  readonly id: string;
  count: unknown;
  zero: unknown;
  text: unknown;
  celsius: number;
  data: Data;
  other: unknown;
  items: Part[];
  keyed: Part[];
  transient?: unknown;
}

/** What a change may make new objects with: instances of the classes that the strategy's session knows. */
export interface Maker {
  part(serial: string, qty?: unknown): Part;
  gadget(serial: string, qty?: unknown): Gadget;
}

export interface Fixture extends Maker {
  readonly type: new () => State;
  state(): State;
}

export function fixtureFor(diff: DiffStrategy): Fixture {
  @Session({ name: 'part', diff })
  class CorpusPart implements Part {
    @Immutable() serial = '';
    @Mutable() qty: unknown = 1;
    @Mutable() tags: unknown;
    @Mutable() next: unknown;
  }

  @Session({ name: 'gadget', diff })
  class CorpusGadget extends CorpusPart implements Gadget {
    @Mutable() note: unknown = 'plain';
  }

  @Session({ name: 'corpus', diff })
  class CorpusState implements State {
    #celsius = 20;
    @Immutable() id = 'corpus';
    @Mutable() count: unknown = 1;
    @Mutable() zero: unknown = 0;
    @Mutable() text: unknown = 'text';
    @Mutable() data!: Data;
    @Mutable() other: unknown;
    @Mutable({ type: { part: () => CorpusPart, gadget: () => CorpusGadget } }) items: Part[] = [];
    @Mutable({ type: () => CorpusPart, key: 'serial' }) keyed: Part[] = [];
    transient?: unknown;

    @Mutable()
    get celsius(): number {
      return this.#celsius;
    }
    set celsius(value: number) {
      this.#celsius = value;
    }
  }

  const part = (serial: string, qty: unknown = 1): Part => Object.assign(new CorpusPart(), { serial, qty });
  const gadget = (serial: string, qty: unknown = 1): Gadget => Object.assign(new CorpusGadget(), { serial, qty });
  return {
    type: CorpusState,
    part,
    gadget,
    state() {
      const state = new CorpusState();
      state.data = dataOf({ part, gadget });
      state.items = [part('i-1'), gadget('i-2', 2), part('i-3', 3)];
      state.keyed = ['k-1', 'k-2', 'k-3', 'k-4'].map((serial, i) => part(serial, i));
      return state;
    },
  };
}

export const row = (id: number): Row => ({ id, text: `row ${id} of some length`, inner: { deep: id } });

function dataOf(make: Maker): Data {
  const memory = new ArrayBuffer(16);
  const shared = row(100);
  const ring: Ring = { name: 'a', next: { name: 'b', next: { name: 'c', next: undefined } } };
  ring.next!.next!.next = ring;
  return {
    n: 1,
    zero: 0,
    s: 'a string',
    flag: true,
    nothing: null,
    big: 12345678901234567890n,
    list: Array.from({ length: 12 }, (_, i) => i * 10),
    rows: Array.from({ length: 8 }, (_, i) => row(i)),
    grid: [[1, 2], [3, 4], []],
    sparse: Object.assign([1], { 5: 'five' }),
    tree: {
      label: 'root',
      kids: [
        { label: 'left', kids: [] },
        { label: 'right', kids: [{ label: 'deep', kids: [] }] },
      ],
    },
    dict: { b: 1, a: 2, 7: 'seven', gone: undefined },
    bare: Object.assign(Object.create(null) as Record<string, unknown>, { x: 1, y: { z: 2 } }),
    map: new Map<unknown, unknown>([['one', 1], ['two', { deep: 2 }], [3, 'three'], [NaN, 'nan'], [shared, 'by object']]), // prettier-ignore
    set: new Set<unknown>(['one', 2, shared, NaN]),
    date: new Date(1_000_000),
    regexp: /a(?<name>b)+/g,
    url: new URL('https://example.org/path?q=1#top'),
    bytes: Buffer.from('a buffer of a few dozen bytes, all of them plain'),
    memory,
    halves: [new Uint16Array(memory, 2, 4), new DataView(memory, 8, 8)],
    floats: new Float64Array([1.5, -0, NaN, 4]),
    bigs: new BigInt64Array([1n, -1n]),
    left: shared,
    right: shared,
    ring,
    parts: [make.part('p-1'), make.gadget('p-2'), make.part('p-3')],
  };
}
