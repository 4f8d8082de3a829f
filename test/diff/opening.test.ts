import { expect } from 'chai';
import * as fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import 'reflect-metadata';
import { Graph } from '../../src/diff/graph.js';
import { Benchmark, Replica } from '../../src/diff/index.js';
import { openingSource } from '../../src/diff/opening-source.js';
import { Opening } from '../../src/diff/opening.js';
import { defineSession } from '../../src/model/define-session.js';
import { Immutable } from '../../src/model/immutable.js';
import { modelOf } from '../../src/model/model-of.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';
import type { Class } from '../../src/model/session-model.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { openAndChange } from './opening-strict.js';
import { difference } from './topology.js';
import { mutate, World, type Gene } from './world.js';

const RUNS = Number(process.env['DIFF_RUNS'] ?? 800);
const model = modelOf(World);
const gene = fc.tuple(fc.nat(40), fc.nat(200), fc.nat(400), fc.nat(400));

function snapshotOf(genes: readonly Gene[]): Uint8Array {
  const world = new World();
  for (const one of genes) mutate(world, one);
  const benchmark = Benchmark.of(world);
  // ids out of order
  mutate(world, [0, 5, 11, 7]);
  benchmark.diff(world);
  return benchmark.snapshot();
}

/** As sessions were opened before there were quick readers: the oracle. */
function openSlowly(snapshot: Uint8Array, of = model): Graph {
  const graph = Graph.decode(snapshot, of.limits);
  graph.bind(of);
  return graph;
}

function outcome(open: () => Graph): { readonly graph?: Graph; readonly error?: string } {
  try {
    return { graph: open() };
  } catch (error) {
    if (!(error instanceof TwinstateError) || error.code === 'INVARIANT_BROKEN') throw error;
    return { error: `${error.code} ${error.message}` };
  }
}

/** An attribute that is there and undefined is not the same as none, to `Object.keys`. */
function sameKeys(a: object, b: object): void {
  expect(Object.getOwnPropertyNames(a)).to.deep.equal(Object.getOwnPropertyNames(b));
  for (const name of Object.keys(a)) {
    const [{ value: _, ...one }, { value: __, ...other }] = [a, b].map((each) =>
      Object.getOwnPropertyDescriptor(each, name)!,
    ) as [PropertyDescriptor, PropertyDescriptor];
    expect(one, name).to.deep.equal(other);
  }
}

const hex = (bytes: Uint8Array | null): string => (bytes === null ? '-' : Buffer.from(bytes).toString('hex'));

describe('a session that is opened by generated readers', () => {
  it('is what decoding and binding make of it, identities included, and so are its snapshot and its deltas', function () {
    this.timeout(0);
    let quick = 0;
    fc.assert(
      fc.property(fc.array(gene, { maxLength: 10 }), fc.array(gene, { maxLength: 6 }), (genes, changes) => {
        const snapshot = snapshotOf(genes);
        if (Opening.of(snapshot, model) !== undefined) quick++;
        const [one, other] = [Graph.open(snapshot, model), openSlowly(snapshot)];
        const [a, b] = [one.instance as World, other.instance as World];
        expect(difference(a, b)).to.equal(undefined);
        sameKeys(a, b);
        expect([one.nextId, one.name, one.fingerprint]).to.deep.equal([other.nextId, other.name, other.fingerprint]);
        expect(hex(one.encode())).to.equal(hex(other.encode()));
        for (const each of [a, b]) for (const change of changes) mutate(each, change);
        expect(hex(one.diff())).to.equal(hex(other.diff()));
        expect(hex(one.encode())).to.equal(hex(other.encode()));
        expect(one.diff()).to.equal(null);
        expect(difference(a, b)).to.equal(undefined);
      }),
      { numRuns: RUNS },
    );
    expect(quick / RUNS, 'how many took the quick way').to.be.greaterThan(0.5);
  });

  it('is refused with the same error, whatever bytes arrive', function () {
    this.timeout(0);
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(4), fc.uint8Array({ maxLength: 6 })), { minLength: 1, maxLength: 3 });
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(gene, { maxLength: 8 }), damage, (genes, places) => {
        let bytes = Buffer.from(snapshotOf(genes));
        const head = bytes.indexOf('opaque') + 12;
        for (const [at, removed, inserted] of places) {
          // mostly behind the schema
          const start = at % 8 === 0 ? at % bytes.length : head + (at % Math.max(1, bytes.length - head));
          bytes = Buffer.concat([bytes.subarray(0, start), inserted, bytes.subarray(start + removed)]);
        }
        const [quick, slow] = [outcome(() => Graph.open(bytes, model)), outcome(() => openSlowly(bytes))];
        expect(quick.error).to.equal(slow.error);
        if (Opening.of(bytes, model) === undefined) return;
        accepted++;
        expect(slow.error, 'accepted by the strict decoder').to.equal(undefined);
        expect(difference(quick.graph!.instance, slow.graph!.instance)).to.equal(undefined);
        expect(hex(quick.graph!.diff())).to.equal(hex(slow.graph!.diff()));
        expect(hex(quick.graph!.encode())).to.equal(hex(slow.graph!.encode()));
      }),
      { numRuns: RUNS },
    );
    expect(accepted, 'damage that leaves a snapshot').to.be.greaterThan(RUNS / 500);
  });

  it('is refused where its bytes end early, or go on', () => {
    // the last slots and elements are the smallest values, which a missing byte could be taken for
    const world = Object.assign(new World(), { a: { k: undefined, list: [undefined, 0, { last: undefined }] } });
    const snapshot = Benchmark.of(world).snapshot();
    const wrong = Array.from(snapshot, (_, length) => snapshot.subarray(0, length));
    for (const bytes of [...wrong, Buffer.concat([snapshot, Buffer.of(0)]), Buffer.concat([snapshot, Buffer.of(0xfe)])]) {
      expect(() => Graph.open(bytes, model), `${bytes.length} bytes`).to.throw(TwinstateError);
    }
    expect(Graph.open(snapshot, model).diff()).to.equal(null);
  });

  it('has no nodes until a verb needs them, and these come from the bytes, not from what the instance is by then', () => {
    const snapshot = snapshotOf([[0, 0, 26, 0]]);
    const given = Buffer.from(snapshot);
    const graph = Graph.open(given, model);
    // whoever gave the bytes may use them for something else
    given.fill(0xff);
    const world = graph.instance as World;
    world.b = 'changed before there was a benchmark';
    expect(hex(graph.encode()), 'still what was opened').to.equal(hex(snapshot));
    const backup = Replica.restore(World, snapshot);
    const delta = graph.diff()!;
    backup.apply(delta);
    expect(backup.instance.b).to.equal('changed before there was a benchmark');
    expect(difference(backup.instance, world)).to.equal(undefined);
    graph.encode().fill(0);
    expect(hex(graph.encode())).to.equal(hex(backup.snapshot()));
  });

  it('keeps none of the bytes that it was given, however many', () => {
    const world = Object.assign(new World(), { a: [Buffer.alloc(20_000, 1), 'x'.repeat(20_000)] });
    const given = Benchmark.of(world).snapshot();
    const snapshot = hex(given);
    const graph = Graph.open(given, model);
    given.fill(0xff);
    expect(difference(graph.instance, world)).to.equal(undefined);
    expect(hex(graph.encode())).to.equal(snapshot);
    expect(graph.diff()).to.equal(null);
    // and nothing of it is the benchmark's
    ((graph.instance as World).a as [Buffer])[0].fill(2);
    expect(hex(graph.encode())).to.equal(snapshot);
    expect(graph.diff()).not.to.equal(null);
  });

  it('has strings in common with its nodes, but none that was changed', () => {
    const world = Object.assign(new World(), { a: ['one', { k: 'two' }], b: 'three' });
    const snapshot = Benchmark.of(world).snapshot();
    const graph = Graph.open(snapshot, model);
    const opened = graph.instance as World & { a: [string, { k: string }] };
    opened.a[0] = 'eins';
    opened.a[1].k = 'zwei';
    opened.b = 'drei';
    expect(hex(graph.encode())).to.equal(hex(snapshot));
    expect(graph.diff()!.byteLength).to.be.greaterThan(15);
    const throws = Graph.open(snapshot, model);
    Object.defineProperty(throws.instance, 'b', {
      get: () => {
        throw new Error('not yet');
      },
      configurable: true,
    });
    expect(throws.reachable().size).to.equal(4);
  });

  it('keeps what is long, in other scripts and on the border of what is decoded at once', () => {
    const world = new World();
    const texts = Array.from({ length: 900 }, (_, i) => `${'ä€😀'.slice(0, i % 3)}${'x'.repeat((i * 7) % 90)}${i}`);
    world.a = [...texts, 'y'.repeat(30_000), '\ud800', 'z'.repeat(1_024), 'ß'.repeat(2_000)];
    const snapshot = Benchmark.of(world).snapshot();
    expect(Opening.of(snapshot, model)).not.to.equal(undefined);
    const { instance, graph } = Replica.restore(World, snapshot);
    expect(instance.a).to.deep.equal(world.a);
    expect(graph.diff()).to.equal(null);
    expect(hex(graph.encode())).to.equal(hex(snapshot));
  });

  it('keeps a limit of the class, however the bytes claim to be within it', () => {
    class Small {
      @Mutable() list: unknown;
    }
    class Large {
      @Mutable() list: unknown;
    }
    Session({ name: 'sized', limits: { objectsMax: 4, elementsMax: 5, sessionBytesMax: 400 } })(Small);
    Session({ name: 'sized' })(Large);
    for (const list of [[1, 2, 3, 4, 5, 6], [[], [], [], []], ['x'.repeat(401)], Array.from({ length: 6 })]) {
      const snapshot = Benchmark.of(Object.assign(new Large(), { list })).snapshot();
      expect(() => Replica.restore(Small, snapshot)).to.throw(TwinstateError, /LIMIT_EXCEEDED/);
      expect(() => Replica.restore(Large, snapshot)).not.to.throw();
    }
  });

  it('is not needed where code generation is disallowed', () => {
    const script = fileURLToPath(new URL('opening-strict.js', import.meta.url));
    const printed = execFileSync(process.execPath, ['--disallow-code-generation-from-strings', script, 'print']).toString();
    const here = openAndChange();
    expect(here.quick).to.equal(true);
    expect(JSON.parse(printed)).to.deep.equal({ ...here, quick: false });
  });
});

describe('a class that is opened by generated readers', () => {
  /** Opens what is given by both ways; the quick one is taken, unless it must not be. */
  function both<T extends object>(type: Class<T>, instance: T, isQuick = true): [T, T] {
    const snapshot = Benchmark.of(instance).snapshot();
    const of = modelOf(type);
    Graph.open(snapshot, of);
    expect(Opening.of(snapshot, of) !== undefined).to.equal(isQuick);
    const pair: [T, T] = [Graph.open(snapshot, of).instance as T, openSlowly(snapshot, of).instance as T];
    expect(difference(...pair)).to.equal(undefined);
    sameKeys(...pair);
    return pair;
  }

  it('has run its constructor, once for each object, and keeps what is private and transient', () => {
    let made = 0;
    @Session({ name: 'secretive' })
    class Secretive {
      @Mutable() shown = 1;
      socket = { open: true };
      readonly #secret = ++made;

      get secret(): number {
        return this.#secret;
      }
    }
    const snapshot = Benchmark.of(new Secretive()).snapshot();
    Replica.restore(Secretive, snapshot);
    const before = made;
    const { instance } = Replica.restore(Secretive, snapshot);
    expect(made - before).to.equal(1);
    expect(instance.secret).to.equal(made);
    expect(instance.socket).to.deep.equal({ open: true });
    both(Secretive, new Secretive());
  });

  it('has its immutable attributes sealed', () => {
    @Session({ name: 'stamped' })
    class Stamped {
      @Immutable() first: unknown = 'f';
      @Mutable() between: unknown = 'b';
      @Immutable() last: unknown;
      @Immutable() absent?: unknown;
    }
    const [opened] = both(Stamped, Object.assign(new Stamped(), { last: [1] }));
    expect(() => (opened.first = 2)).to.throw(TypeError);
    expect(() => (opened.last = 2)).to.throw(TypeError);
    expect(opened.last).to.deep.equal([1]);
    expect(Object.keys(opened)).to.deep.equal(Object.keys(new Stamped()));
  });

  it('has the keys of its constructor in their order, also where all of them are taken away and added again', () => {
    let isLonger = false;
    @Session({ name: 'fielded' })
    class Fielded {
      before = 0;
      @Immutable() a: unknown = 'a';
      local = { of: 'one' };
      @Immutable() b: unknown = 'b';
      @Mutable() c: unknown = 'c';
      last = 'last';
      constructor() {
        // an instance that differs from the first
        if (isLonger) Object.assign(this, { more: 1 });
      }
    }
    for (let i = 0; i < 8; i++) {
      isLonger = i > 5;
      const [opened] = both(Fielded, Object.assign(new Fielded(), { a: [i], c: i % 2 === 0 ? undefined : { i } }));
      expect(Object.keys(opened).slice(0, 6)).to.deep.equal(['before', 'a', 'local', 'b', 'c', 'last']);
      expect(opened.last).to.equal('last');
      expect(() => (opened.b = 1)).to.throw(TypeError);
    }
  });

  it('may have attributes of any name, and no prototype is reached', () => {
    class Odd {}
    const names = ['__proto__', 'constructor', 'toString', 'a b', '0', `"]; throw 1; //`];
    defineSession(Odd, { name: 'odd', mutable: names });
    const odd = new Odd();
    names.forEach((name, i) =>
      Object.defineProperty(odd, name, { value: { i }, writable: true, enumerable: true, configurable: true }),
    );
    const [opened] = both(Odd, odd);
    expect(Object.getPrototypeOf(opened)).to.equal(Odd.prototype);
    for (const [i, name] of names.entries()) expect(Object.getOwnPropertyDescriptor(opened, name)?.value).to.deep.equal({ i });
    const slot = { property: names[5]!, by: 'assign', blob: false } as const;
    expect(openingSource({ name: '*/', slots: [slot], open: false, elementsMax: 9 })).to.include(JSON.stringify(names[5]));
  });

  it('may hold any keys where it is open, in their order', () => {
    class Bag {
      size = 1;
      first = 1;
    }
    defineSession(Bag, { name: 'bag-of-any', mutable: '*', transient: ['size'] });
    const bag = Object.assign(new Bag(), { zero: 0, list: [{ deep: true }] });
    // what the constructor puts first is last here
    Reflect.deleteProperty(bag, 'first');
    bag.first = 2;
    Object.defineProperty(bag, '__proto__', { value: 'data', writable: true, enumerable: true, configurable: true });
    both(Bag, bag);
  });

  it('tells elements apart by their key from the first comparison on, whoever opened it', () => {
    class Seat {
      @Mutable() row = '';
      @Mutable() guest = '';
    }
    @Session({ name: 'hall' })
    class Hall {
      @Mutable({ type: () => Seat, key: 'row' }) seats: Seat[] = [];
    }
    const seat = (row: string, guest: string): Seat => Object.assign(new Seat(), { row, guest });
    const hall = Object.assign(new Hall(), { seats: ['a', 'b', 'c', 'd'].map((row) => seat(row, 'nobody')) });
    const snapshot = Benchmark.of(hall).snapshot();
    for (const open of [Graph.open.bind(Graph), openSlowly]) {
      const graph = open(snapshot, modelOf(Hall));
      const follower = Replica.restore(Hall, snapshot);
      const held = new Map(follower.instance.seats.map((each) => [each.row, each]));
      const { seats } = graph.instance as Hall;
      seats.splice(0, 4, ...['d', 'b', 'a'].map((row) => seat(row, 'somebody')));
      follower.apply(graph.diff()!);
      expect(follower.instance.seats.map(({ row, guest }) => row + guest)).to.deep.equal(['dsomebody', 'bsomebody', 'asomebody']);
      for (const each of follower.instance.seats) expect(each).to.equal(held.get(each.row));
    }
  });

  it('takes the slow way with a setter, with `make`, with an attribute that this release does not have', () => {
    @Session({ name: 'behind' })
    class Behind {
      #value = 1;
      @Mutable() get value(): number {
        return this.#value;
      }
      set value(value: number) {
        this.#value = value;
      }
    }
    both(Behind, Object.assign(new Behind(), { value: 5 }), false);

    @Session({ name: 'made', make: ({ name }) => new Made(String(name)) })
    class Made {
      @Mutable() name: string;
      constructor(name: string) {
        this.name = name;
      }
    }
    both(Made, new Made('m'), false);
  });

  it('takes the slow way, with its error, where the constructor throws or leaves what cannot be assigned', () => {
    let isBroken = false;
    @Session({ name: 'moody' })
    class Moody {
      @Mutable() mood: unknown = 'good';
      constructor() {
        if (isBroken) throw new Error('not today');
      }
    }
    const snapshot = Benchmark.of(new Moody()).snapshot();
    isBroken = true;
    expect(() => Replica.restore(Moody, snapshot)).to.throw(TwinstateError, /NOT_CONSTRUCTIBLE.*Moody/);
    isBroken = false;
    expect(Replica.restore(Moody, snapshot).instance.mood).to.equal('good');

    @Session({ name: 'shy' })
    class Shy {
      @Mutable() hidden!: unknown;
      constructor() {
        Object.defineProperty(this, 'hidden', { value: 1, writable: true, enumerable: false, configurable: true });
      }
    }
    both(Shy, Object.assign(new Shy(), { hidden: 3 }), false);
  });
});
