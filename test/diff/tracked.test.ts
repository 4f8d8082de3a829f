import 'reflect-metadata';
import { expect } from 'chai';
import { instanceToPlain, plainToInstance } from 'class-transformer';
import * as fc from 'fast-check';
import { Benchmark, Replica } from '../../src/diff/index.js';
import { findings } from '../../src/diff/findings.js';
import { Graph } from '../../src/diff/graph.js';
import { defineSession } from '../../src/model/define-session.js';
import { sealImmutables } from '../../src/model/immutability.js';
import { Immutable } from '../../src/model/immutable.js';
import { modelOf } from '../../src/model/model-of.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';
import { TrackedState, Tracker } from '../../src/diff/tracked-state.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { difference } from './topology.js';
import { mutate, Part, World, type Gene } from './world.js';

const PRICE: string = 'price';
const ODD_NAMES = ['__proto__', 'constructor', 'toString', 'two words', 'quote\'"\n', '\u2028', 'owner', 'values'];

class Line {
  @Immutable() sku = 'tea';
  @Mutable() qty = 1;
  note = 'transient';
  @Mutable() price: unknown = 1.5;
  @Mutable() of: unknown = null;
}

class Gift extends Line {
  #wrapped = 0;
  @Mutable() wish = '';
  get wrapped(): number {
    return this.#wrapped;
  }
  wrap(): number {
    return (this.#wrapped += this.qty);
  }
}

class Meter {
  #read = 0;
  @Mutable() unit = 'm';
  @Mutable()
  get value(): number {
    return this.#read;
  }
  set value(value: number) {
    this.#read = value;
  }
}

@Session({ name: 'cart', diff: 'tracked' })
class Cart {
  @Immutable() id = 'c-1';
  @Mutable() coupon: unknown = '';
  @Mutable({ type: { line: () => Line, gift: () => Gift } }) lines: Line[] = [];
  @Mutable() any: unknown;
  @Mutable() __proto!: unknown;
  @Mutable({ type: () => Meter }) meter: unknown = null;
}

@Session({ name: 'late', diff: 'tracked' })
class Late {
  @Mutable() first = 1;
  @Immutable() id = 'late';
  @Mutable() last = 1;
}

const line = (sku: string, qty = 1): Line => Object.assign(new Line(), { sku, qty });
const gift = (sku: string): Gift => Object.assign(new Gift(), { sku });
const isTracked = (object: object, attribute: string): boolean =>
  Object.getOwnPropertyDescriptor(object, attribute)?.set !== undefined;

const hex = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString('hex');

/** A cart whose writes are tracked by now, with a replica that follows it. */
function tracked(cart = new Cart()): { cart: Cart; benchmark: Benchmark<Cart>; follow: () => Uint8Array | null } {
  if (cart.lines.length === 0) cart.lines = [line('tea'), gift('mug'), line('milk', 3)];
  const benchmark = Benchmark.of(cart);
  const replica = Replica.restore(Cart, benchmark.snapshot());
  const follow = (): Uint8Array | null => {
    const delta = benchmark.diff(cart);
    if (delta !== null) replica.apply(delta);
    expect(difference(cart, replica.instance)).to.equal(undefined);
    expect(Buffer.compare(benchmark.snapshot(), replica.snapshot())).to.equal(0);
    return delta;
  };
  expect(follow()).to.equal(null);
  return { cart, benchmark, follow };
}

async function collected(ref: WeakRef<object>): Promise<boolean> {
  for (let i = 0; i < 20 && ref.deref() !== undefined; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc!();
  }
  return ref.deref() === undefined;
}

describe('a tracked object', () => {
  it('looks as it did: keys and their order, JSON, spread, instanceof, what is transient', () => {
    const plain = gift('mug');
    const { cart, follow } = tracked();
    const one = cart.lines[1] as Gift;
    expect(isTracked(cart, 'coupon')).to.equal(true);
    expect(isTracked(one, 'qty') && isTracked(one, 'wish')).to.equal(true);
    expect(isTracked(one, 'sku') || isTracked(one, 'note')).to.equal(false);
    expect(Object.keys(one)).to.deep.equal(Object.keys(plain));
    expect(JSON.stringify(one)).to.equal(JSON.stringify(plain));
    // oxlint-disable-next-line typescript/no-misused-spread -- it is what users do
    expect({ ...one }).to.deep.equal({ ...plain });
    expect(Object.entries(one)).to.deep.equal(Object.entries(plain));
    expect(structuredClone(one)).to.deep.equal(structuredClone(plain));
    expect(one).to.be.instanceOf(Gift).and.instanceOf(Line);
    expect([one.wrap(), one.wrapped]).to.deep.equal([1, 1]);
    one.qty += 4;
    expect([one.qty, one.wrap()]).to.deep.equal([5, 6]);
    expect(follow()).not.to.equal(null);
    expect(follow()).to.equal(null);
  });

  it('goes through class-transformer and back', () => {
    const { cart, follow } = tracked();
    const plain = instanceToPlain(cart.lines[0]!);
    expect(plain).to.deep.equal(instanceToPlain(line('tea')));
    cart.lines[0] = plainToInstance(Line, { ...plain, qty: 7 });
    expect(follow()).not.to.equal(null);
    cart.lines[0].qty = 8;
    expect(follow()).not.to.equal(null);
  });

  it('sees assignments in every form', () => {
    const { cart, follow } = tracked();
    const one = cart.lines[0]!;
    const writes: (() => unknown)[] = [
      () => (one.qty = 2),
      () => one.qty++,
      () => Object.assign(one, { qty: 10, price: 2 }),
      () => Reflect.set(one, 'qty', 11),
      () => ([one.qty, one.price] = [12, 3]),
      () => (new Proxy(one, {}).qty = 13),
      () => ((one as unknown as Record<string, unknown>)[PRICE] = -0),
      () => (one.price = 0),
      () => (one.price = NaN),
      () => (one.price = undefined),
      () => (one.price = 12n),
      () => (one.price = { now: 'an object' }),
      () => ((one.price as { now: string }).now = 'changed inside'),
      () => (one.of = cart.lines[1]),
      () => (one.of = one),
      () => (one.of = new Map([['at', new Date(1)]])),
      () => (one.of as Map<string, Date>).get('at')!.setTime(2),
      () => (one.of as Map<string, unknown>).set('more', [1, 2]),
      () => ((one.of as Map<string, number[]>).get('more')![1] = 3),
      () => cart.lines.push(line('new')),
      () => (cart.lines[3]!.qty = 9),
      // oxlint-disable-next-line unicorn/no-array-reverse -- in place
      () => cart.lines.reverse(),
      () => (cart.lines[0]!.qty = 10),
      () => cart.lines.splice(1, 1),
      () => (cart.coupon = 'SAVE'),
      () => (cart.__proto = 'data'),
    ];
    for (const write of writes) {
      write();
      expect(follow(), String(write)).not.to.equal(null);
      expect(follow(), String(write)).to.equal(null);
      expect(follow(), String(write)).to.equal(null);
    }
  });

  it('sees another object at every place of an array', () => {
    for (let length = 1; length < 11; length++) {
      for (let at = 0; at < length; at++) {
        const cart = new Cart();
        cart.lines = Array.from({ length }, (_, i) => line(`l-${i}`));
        const { follow } = tracked(cart);
        cart.lines[at] = line('another');
        expect(follow(), `${at} of ${length}`).not.to.equal(null);
      }
    }
  });

  it('sends nothing for a value that was written and taken back, and the last of several', () => {
    const { cart, follow } = tracked();
    cart.lines[0]!.qty = 5;
    cart.lines[0]!.qty = 1;
    expect(follow()).to.equal(null);
    cart.lines[0]!.qty = 5;
    cart.lines[0]!.qty = 6;
    expect(follow()).to.have.length(4);
  });

  it('throws where an attribute is deleted or redefined, which would go unseen', () => {
    const { cart, follow } = tracked();
    const one = cart.lines[0] as { qty?: number };
    expect(() => delete one.qty).to.throw(TypeError, /qty/);
    expect(() => Object.defineProperty(one, 'qty', { value: 2 })).to.throw(TypeError, /qty/);
    expect(Reflect.deleteProperty(one, 'qty')).to.equal(false);
    expect(one.qty).to.equal(1);
    expect(follow()).to.equal(null);
  });

  it('may have attributes of any name', () => {
    class Odd {
      constructor() {
        for (const name of ODD_NAMES) {
          Object.defineProperty(this, name, { value: 0, writable: true, enumerable: true, configurable: true });
        }
      }
    }
    defineSession(Odd, { name: 'odd', diff: 'tracked', mutable: ODD_NAMES });
    const odd = new Odd() as unknown as Record<string, unknown>;
    const benchmark = Benchmark.of(odd);
    const replica = Replica.restore(Odd, benchmark.snapshot());
    for (let i = 0; i < 3; i++) expect(benchmark.diff(odd)).to.equal(null);
    for (const name of ODD_NAMES) {
      expect(isTracked(odd, name), name).to.equal(true);
      for (const value of ['data', { polluted: true }, 7]) {
        odd[name] = value;
        replica.apply(benchmark.diff(odd)!);
        expect(difference(odd, replica.instance), name).to.equal(undefined);
      }
    }
    expect(Object.getPrototypeOf(odd)).to.equal(Odd.prototype);
    expect(({} as { polluted?: boolean }).polluted).to.equal(undefined);
  });

  it('is another object once its prototype was exchanged and it was written', () => {
    const { cart, follow } = tracked();
    Object.setPrototypeOf(cart.lines[0], Gift.prototype);
    cart.lines[0]!.qty = 2;
    expect(follow()).not.to.equal(null);
    expect(follow()).to.equal(null);
  });

  it('refuses writes once it is frozen, and takes them where it is sealed', () => {
    const { cart, follow } = tracked();
    Object.freeze(cart.lines[0]);
    expect(() => (cart.lines[0]!.qty = 2)).to.throw(TypeError);
    expect(cart.lines[0]!.qty).to.equal(1);
    expect(follow()).to.equal(null);
    Object.seal(cart.lines[1]);
    cart.lines[1]!.qty = 2;
    expect(follow()).not.to.equal(null);
  });

  it('gives what inherits from it properties of its own, and a copy of its descriptors an error', () => {
    const { cart, follow } = tracked();
    const one = cart.lines[0]!;
    const heir = Object.create(one) as Line;
    expect(heir.qty).to.equal(1);
    heir.qty = 5;
    expect([heir.qty, one.qty]).to.deep.equal([5, 1]);
    const copy = Object.create(Line.prototype, Object.getOwnPropertyDescriptors(one)) as Line;
    expect(() => copy.qty).to.throw(TwinstateError, /VALUE_UNSUPPORTED/);
    expect(() => (copy.qty = 3)).to.throw(TwinstateError, /descriptors/);
    expect(follow()).to.equal(null);
  });
});

describe('what cannot be tracked', () => {
  it('is compared every time: frozen, sealed, a proxy, behind a getter, an attribute that is not there yet', () => {
    const cart = new Cart();
    const absent = new Line();
    delete (absent as { price?: unknown }).price;
    const target = line('target');
    cart.lines = [Object.freeze(line('frozen')), Object.seal(line('sealed')), new Proxy(target, {}), absent, line('tracked')];
    cart.meter = new Meter();
    const { follow } = tracked(cart);
    expect(cart.lines.map((one) => isTracked(one, 'qty'))).to.deep.equal([false, false, false, false, true]);
    for (const write of [
      () => (cart.lines[1]!.qty = 2),
      () => (target.qty = 3),
      () => (cart.lines[2]!.qty = 4),
      () => (absent.price = 5),
      () => Reflect.deleteProperty(absent, 'qty'),
      () => ((cart.meter as Meter).value = 6),
      () => ((cart.meter as Meter).unit = 'km'),
      () => (cart.lines[4]!.qty = 7),
    ]) {
      write();
      expect(follow(), String(write)).not.to.equal(null);
      expect(follow(), String(write)).to.equal(null);
    }
  });
});

describe('an object that is not tracked', () => {
  it('keeps its keys in order where an immutable attribute behind a mutable one is sealed', () => {
    const cart = new Cart();
    cart.lines = [line('tea')];
    sealImmutables(modelOf(Cart).byType.get(Line)!, cart.lines[0]!);
    const late = new Late();
    sealImmutables(modelOf(Late).root, late);
    const benchmark = Benchmark.of(late);
    for (let i = 0; i < 3; i++) expect(benchmark.diff(late)).to.equal(null);
    expect(isTracked(late, 'first')).to.equal(false);
    expect(Object.keys(late)).to.deep.equal(['first', 'id', 'last']);
    late.first = 2;
    expect(benchmark.diff(late)).not.to.equal(null);
    const { follow } = tracked(cart);
    expect(isTracked(cart.lines[0]!, 'qty')).to.equal(true);
    cart.lines[0]!.qty = 2;
    expect(follow()).not.to.equal(null);
  });

  it('shows an immutable attribute that an older release did not have, once it is given', () => {
    class Old {
      @Mutable() n = 1;
    }
    class New extends Old {
      @Immutable() since?: string;
    }
    defineSession(Old, { name: 'aged', diff: 'tracked' });
    defineSession(New, { name: 'aged', diff: 'tracked' });
    const { graph, instance } = Replica.restore(New, Benchmark.of(new Old()).snapshot());
    for (let i = 0; i < 3; i++) graph.diff();
    instance.since = 'today';
    expect(graph.diff()).not.to.equal(null);
    expect(graph.diff()).to.equal(null);
  });
});

describe('an attribute that is tracked', () => {
  it('has the instances in it tracked, and its own, and not those of other attributes', () => {
    class Part {
      @Mutable() n = 1;
    }
    class Whole {
      @Mutable(() => Part) part = new Part();
    }
    class Other {
      @Mutable() n = 1;
    }
    @Session({ name: 'partly' })
    class Partly {
      @Mutable({ diff: 'tracked', type: () => Whole }) wholes = [new Whole()];
      @Mutable(() => Other) others = [new Other()];
    }
    const partly = new Partly();
    const benchmark = Benchmark.of(partly);
    for (let i = 0; i < 2; i++) expect(benchmark.diff(partly)).to.equal(null);
    const [whole, other] = [partly.wholes[0]!, partly.others[0]!];
    expect([
      isTracked(partly, 'wholes'),
      isTracked(whole, 'part'),
      isTracked(whole.part, 'n'),
      isTracked(other, 'n'),
    ]).to.deep.equal([true, true, true, false]);
    for (const one of [whole.part, other]) {
      one.n = 2;
      expect(benchmark.diff(partly)).not.to.equal(null);
      expect(benchmark.diff(partly)).to.equal(null);
    }
  });
});

describe('a wide class', () => {
  it('sends what was written in the order of its attributes', () => {
    const names = Array.from({ length: 150 }, (_, i) => `f${i}`);
    const wide = (diff: 'tracked' | 'graph'): Record<string, unknown> => {
      const type = class {};
      defineSession(type, { name: 'wide', diff, mutable: names });
      return Object.assign(new type(), Object.fromEntries(names.map((name) => [name, 0])));
    };
    const [a, b] = [wide('tracked'), wide('graph')];
    const [quick, slow] = [Benchmark.of(a), Benchmark.of(b)];
    for (let i = 1; i < 8; i++) {
      for (const one of [a, b]) for (const at of [5, 35, 6, 65, 149, 30 - i]) one[`f${at}`] = i;
      expect(hex(quick.diff(a))).to.equal(hex(slow.diff(b)));
    }
    expect(isTracked(a, 'f149')).to.equal(true);
    expect(Object.keys(a)).to.deep.equal(names);
  });
});

describe('what a tracked object keeps aside', () => {
  it('forgets the trackers of benchmarks that are gone', async () => {
    const state = new TrackedState({}, [0]);
    const [gone, closed, live] = [new Tracker(), new Tracker(), new Tracker()];
    const owner = {};
    live.own(owner);
    const ref = (() => {
      const one = {};
      gone.own(one);
      return new WeakRef(one);
    })();
    for (const tracker of [gone, closed, live]) state.watchBy(tracker, 7);
    closed.close();
    expect(await collected(ref)).to.equal(true);
    state.watchBy(new Tracker(), 8);
    state.announce();
    expect([gone.count, closed.count, live.count]).to.deep.equal([0, 0, 1]);
    expect(live.isOpen && owner !== undefined).to.equal(true);
  });
});

describe('an instance that had many benchmarks', () => {
  it('tells only those that are left of its writes', async () => {
    const cart = new Cart();
    const gone = Array.from({ length: 10 }, () => new WeakRef(tracked(cart).benchmark.graph));
    for (const ref of gone) expect(await collected(ref)).to.equal(true);
    const { follow } = tracked(cart);
    const { add } = Tracker.prototype;
    let told = 0;
    Tracker.prototype.add = function (position) {
      told++;
      add.call(this, position);
    };
    cart.coupon = 'told';
    Tracker.prototype.add = add;
    expect(told).to.equal(1);
    expect(follow()).not.to.equal(null);
  });
});

describe('tracked objects in several sessions', () => {
  it('are marked for every benchmark, in whichever order these compare', () => {
    const shared = line('shared');
    const [a, b] = [new Cart(), new Cart()].map((cart) => {
      cart.lines = [line('own'), shared];
      return tracked(cart);
    }) as [ReturnType<typeof tracked>, ReturnType<typeof tracked>];
    for (let i = 2; i < 8; i++) {
      shared.qty = i;
      expect(a.follow()).not.to.equal(null);
      shared.price = i;
      expect(a.follow()).not.to.equal(null);
      if (i % 2 === 0) expect(b.follow()).to.have.length(6);
      expect(a.follow()).to.equal(null);
    }
    expect(b.follow()).not.to.equal(null);
    expect(b.follow()).to.equal(null);
  });

  it('move from one to the other, and two benchmarks of one instance do not meet', () => {
    const [a, b] = [tracked(), tracked()];
    const moved = a.cart.lines.pop()!;
    b.cart.lines.push(moved);
    expect(a.follow()).not.to.equal(null);
    expect(b.follow()).not.to.equal(null);
    const second = Benchmark.of(b.cart);
    for (let i = 0; i < 3; i++) {
      moved.qty = 70 + i;
      expect(a.follow()).to.equal(null);
      expect(b.follow()).not.to.equal(null);
      expect(second.diff(b.cart)).not.to.equal(null);
      expect(second.diff(b.cart)).to.equal(null);
    }
  });
});

describe('a tracked graph', () => {
  it('keeps its marks where a comparison fails', () => {
    const { cart, follow } = tracked();
    cart.lines[0]!.qty = 44;
    cart.any = Symbol('no data');
    expect(() => follow()).to.throw(TwinstateError, /VALUE_UNSUPPORTED/);
    cart.any = undefined;
    expect(follow()).to.have.length(4);
    expect(follow()).to.equal(null);
  });

  it('keeps its marks where a delta is too long', () => {
    @Session({ name: 'bounded', diff: 'tracked', limits: { deltaBytesMax: 20 } })
    class Bounded {
      @Mutable() text = '';
      @Mutable() n = 0;
    }
    const one = new Bounded();
    const benchmark = Benchmark.of(one);
    for (let i = 0; i < 3; i++) expect(benchmark.diff(one)).to.equal(null);
    one.n = 1;
    one.text = 'x'.repeat(30);
    expect(() => benchmark.diff(one)).to.throw(TwinstateError, /LIMIT_EXCEEDED/);
    expect(() => benchmark.diff(one)).to.throw(TwinstateError, /LIMIT_EXCEEDED/);
    one.text = '';
    expect(benchmark.diff(one)).to.have.length(2);
    expect(benchmark.diff(one)).to.equal(null);
  });

  it('takes what a getter writes while others are compared into the next delta', () => {
    const { cart, benchmark } = tracked();
    const meddler = new Meter();
    cart.meter = meddler;
    for (let i = 0; i < 3; i++) benchmark.diff(cart);
    let reads = 0;
    Object.defineProperty(meddler, 'value', {
      get: () => {
        if (reads++ === 0) cart.lines[0]!.price = 'written while compared';
        return 0;
      },
      set() {},
    });
    cart.lines[0]!.qty = 21;
    const deltas = [benchmark.diff(cart), benchmark.diff(cart)];
    expect(deltas.some((delta) => Buffer.from(delta ?? []).includes('written while compared'))).to.equal(true);
    expect(benchmark.diff(cart)).to.equal(null);
  });

  it('applies deltas and snapshots to tracked instances, in place', () => {
    const { cart, benchmark } = tracked();
    const replica = Replica.restore(Cart, benchmark.snapshot());
    const old = benchmark.snapshot();
    for (let i = 0; i < 3; i++) expect(replica.graph.diff()).to.equal(null);
    const held = replica.instance.lines[0]!;
    expect(isTracked(held, 'qty')).to.equal(true);
    const other = Benchmark.of(replica.instance);
    for (let i = 0; i < 3; i++) expect(other.diff(replica.instance)).to.equal(null);
    cart.lines[0]!.qty = 31;
    cart.lines[2]!.price = 'high';
    replica.apply(benchmark.diff(cart)!);
    expect([held.qty, replica.instance.lines[0]]).to.deep.equal([31, held]);
    expect(replica.graph.diff()).to.equal(null);
    expect(other.diff(replica.instance), 'for another benchmark it is a change').not.to.equal(null);
    held.qty = 32;
    expect(replica.graph.diff()).not.to.equal(null);
    replica.graph.sync(old);
    expect(replica.instance.lines[0]).to.equal(held);
    expect(held.qty).to.equal(1);
    expect(replica.graph.diff()).to.equal(null);
  });

  it('is not kept alive by the objects that it tracked, nor they by it once they left', async () => {
    const { cart, benchmark, ref } = (() => {
      const one = tracked();
      return { cart: one.cart, benchmark: new WeakRef(Benchmark.of(one.cart)), ref: new WeakRef(one.benchmark.graph) };
    })();
    cart.lines[0]!.qty = 3;
    expect(await collected(ref), 'the graph').to.equal(true);
    expect(await collected(benchmark), 'a benchmark that was never compared').to.equal(true);
    const again = tracked(cart);
    const left = new WeakRef(cart.lines[0]!);
    cart.lines[0]!.qty = 4;
    cart.lines.shift();
    again.follow();
    cart.lines[0]!.qty = 5;
    again.follow();
    again.follow();
    expect(await collected(left), 'an object that left').to.equal(true);
    expect(again.follow()).to.equal(null);
  });
});

/** Everything of the world can be tracked here, its root included. */
@Session({ name: 'world', diff: 'tracked' })
class TrackedWorld extends World {
  @Mutable({ diff: 'tracked' }) override opaque: unknown = undefined;
}

@Session({ name: 'world', diff: 'graph' })
class GraphWorld extends World {
  @Mutable({ diff: 'graph' }) override opaque: unknown = undefined;
}

@Session({ name: 'world', diff: 'tracked' })
class MixedWorld extends World {}

const gene = fc.tuple(fc.nat(40), fc.nat(200), fc.nat(400), fc.nat(400));
const start = fc.array(gene, { maxLength: 14 });
const changes = fc.array(fc.array(gene, { maxLength: 3 }), { minLength: 1, maxLength: 16 });
const RUNS = Number(process.env['DIFF_RUNS'] ?? 1000);

function worldOf(type: new () => World, genes: readonly Gene[]): World {
  const world = new type();
  for (const one of genes) mutate(world, one);
  return world;
}

describe('an array of tracked objects', () => {
  it('gives values up again that came to it and changed no object of it', () => {
    const world = new TrackedWorld();
    world.parts = [1, 2, 3].map((size) => Object.assign(new Part(), { size }));
    const graph = Graph.capture(world, modelOf(TrackedWorld));
    const parts = world.parts as unknown[];
    expect(graph.diff()).to.equal(null);
    parts.push(undefined, 7);
    expect(graph.diff()).not.to.equal(null);
    parts.length = 3;
    expect(graph.diff(), 'as it was in the beginning, and not as it was sent last').not.to.equal(null);
    const [fresh] = [Graph.capture(world, modelOf(TrackedWorld))];
    expect(hex(graph.encode())).to.equal(hex(fresh.encode()));
  });
});

describe('tracking', () => {
  for (const [name, type, other] of [
    ['with a root that is tracked', TrackedWorld, GraphWorld],
    ['with a root that cannot be', MixedWorld, World],
  ] as const) {
    it(`gives the very bytes of a comparison of everything for random graphs and changes, ${name}`, function () {
      this.timeout(0);
      fc.assert(
        fc.property(start, changes, (genes, steps) => {
          const [a, b] = [worldOf(type, genes), worldOf(other, genes)];
          const [quick, slow] = [Graph.capture(a, modelOf(type)), Graph.capture(b, modelOf(other))];
          for (const step of steps) {
            for (const one of step) {
              mutate(a, one);
              mutate(b, one);
            }
            const delta = quick.diff();
            // while another scan is under way, none can begin
            findings.begin(undefined as never);
            const expected = slow.diff();
            findings.end();
            expect(hex(delta)).to.equal(hex(expected));
            expect(hex(quick.encode())).to.equal(hex(slow.encode()));
          }
        }),
        { numRuns: RUNS },
      );
    });
  }
});
