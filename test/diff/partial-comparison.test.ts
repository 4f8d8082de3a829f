// changes in place are what this is about
/* oxlint-disable unicorn/no-array-reverse, unicorn/no-array-sort, typescript/require-array-sort-compare */
import { expect } from 'chai';
import { composeDeltas } from '../../src/diff/delta-composition.js';
import { Comparison } from '../../src/diff/comparison.js';
import { findings } from '../../src/diff/findings.js';
import { Graph } from '../../src/diff/graph.js';
import { modelOf } from '../../src/model/model-of.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';

class Line {
  @Mutable() sku = '';
  @Mutable() tag: { text: string } | undefined = undefined;
}

@Session({ name: 'order' })
class Order {
  @Mutable() note: unknown = 'n';
  @Mutable({ type: () => Line, key: 'sku' }) lines: Line[] = [];
  @Mutable() map = new Map<unknown, unknown>();
  @Mutable() set = new Set<unknown>();
  @Mutable() any: unknown;
  @Mutable() last: unknown = { deep: { deeper: { n: 1 } } };
}

function line(sku: string): Line {
  return Object.assign(new Line(), { sku, tag: { text: sku } });
}

function order(): Order {
  const made = new Order();
  made.lines = Array.from({ length: 12 }, (_, i) => line(`s${i}`));
  made.map = new Map<unknown, unknown>([['a', { n: 1 }], [{ k: 1 }, { n: 2 }], ['c', 3]]); // prettier-ignore
  made.set = new Set<unknown>([1, { m: 1 }, 'x']);
  return made;
}

function hex(bytes: Uint8Array | null): string | null {
  return bytes && Buffer.from(bytes).toString('hex');
}

/** Compares everything: while another scan is under way, none can begin. */
function compareAll(graph: Graph): Uint8Array | null {
  expect(findings.begin(undefined as never)).to.equal(true);
  try {
    return graph.diff();
  } finally {
    findings.end();
  }
}

/** Makes the same changes to two equal orders, and returns how often the quick one had everything compared. */
function follow(...changes: ((made: Order) => void)[]): number {
  const [a, b] = [order(), order()];
  const [quick, slow] = [Graph.capture(a, modelOf(Order)), Graph.capture(b, modelOf(Order))];
  const replica = Graph.decode(quick.encode());
  const follower = replica.bind(modelOf(Order)) as Order;
  expect(quick.diff()).to.equal(null);
  let whole = 0;
  const { run } = Comparison.prototype;
  for (const change of changes) {
    change(a);
    change(b);
    const expected = compareAll(slow);
    Comparison.prototype.run = function (this: Comparison) {
      whole++;
      return run.call(this);
    };
    try {
      const delta = quick.diff();
      expect(hex(delta), String(change)).to.equal(hex(expected));
      if (delta !== null) replica.apply(delta);
      expect(quick.diff(), 'a second diff').to.equal(null);
    } finally {
      Comparison.prototype.run = run;
    }
    expect(hex(quick.encode())).to.equal(hex(slow.encode()));
    expect(hex(replica.encode())).to.equal(hex(slow.encode()));
    expect(replica.diff(), 'a diff of the replica').to.equal(null);
    expect(follower).to.deep.equal(a);
  }
  return whole;
}

const alone: [string, ...((made: Order) => void)[]][] = [
  ['push', ({ lines }) => lines.push(line('new'), line('newer'))],
  ['push, and then a change in what came', ({ lines }) => lines.push(line('new')), ({ lines }) => (lines.at(-1)!.tag!.text = 'x')],
  ['pop', ({ lines }) => lines.pop()],
  ['shift', ({ lines }) => lines.shift()],
  ['unshift', ({ lines }) => lines.unshift(line('new'))],
  ['splice', ({ lines }) => lines.splice(3, 2, line('new'))],
  ['sort', ({ lines }) => lines.sort((x, y) => y.sku.localeCompare(x.sku))],
  ['reverse', ({ lines }) => lines.reverse()],
  ['a swap', ({ lines }) => ([lines[1], lines[4]] = [lines[4]!, lines[1]!])],
  ['a move with a change in what moved', ({ lines }) => { lines.unshift(...lines.splice(5, 1)); lines[0]!.tag!.text = 'x'; }],
  ['filter and reassign', (made) => (made.lines = made.lines.filter((_, i) => i % 3 > 0))],
  ['equal copies', (made) => (made.lines = made.lines.map((old) => Object.assign(new Line(), old, { tag: { ...old.tag } })))],
  ['a copy with a change', (made) => (made.lines = made.lines.map((old, i) => Object.assign(line(old.sku), i === 7 && { tag: { text: 'x' } })))],
  ['an element replaced behind one that changed', ({ lines }) => { lines[2]!.tag!.text = 'y'; lines[5] = new Line(); }],
  ['a push beside a change above and one below', (made) => { made.note = 2; made.lines.push(line('x')); made.lines[2]!.tag!.text = 'y'; }],
  ['an object for a value, and a value for an object', (made) => (made.any = { n: [1, { m: 2 }] }), (made) => (made.any = 5)],
  ['keys that come and go', (made) => (made.any = { a: 1 }), (made) => (made.any = { a: 1, b: { n: 1 } }), (made) => (made.any = { b: { n: 1 } })],
  ['entries that come and go', ({ map }) => map.set('z', { n: 1 }), ({ map }) => map.delete('a'), ({ map }) => map.set('a', { n: 3 })],
  ['members that come and go', ({ set }) => set.add({ m: 2 }), ({ set }) => set.delete(1)],
  ['a Map by equal entries', (made) => (made.map = new Map([...made.map]))],
  ['a new cycle', (made) => { const self: unknown[] = [1]; self.push(self); made.any = { self }; }, ({ any }) => (any as { self: unknown[] }).self.push(2)],
  ['an alias', (made) => (made.any = made.lines[3]), (made) => (made.lines[3]!.sku = 'both'), (made) => (made.any = undefined), ({ lines }) => lines.splice(3, 1)],
]; // prettier-ignore

describe('a comparison of what changed only', () => {
  for (const [name, ...changes] of alone) {
    it(`gives the bytes of a comparison of everything, which it does without: ${name}`, () => {
      expect(follow(...changes)).to.equal(0);
    });
  }

  it('has everything compared where the order of what changed cannot be told from it', () => {
    const deep = (made: Order): { deep: { deeper: { n: number } } } => made.last as never;
    const whole = follow(
      (made) => {
        // adopted on the second level, while something waits on the third
        made.lines = made.lines.map((old) => Object.assign(new Line(), old, { tag: { text: 'other' } }));
        deep(made).deep.deeper.n++;
      },
      (made) => {
        made.any = made.lines[5]!.tag;
        made.lines[5]!.tag!.text = 'aliased';
        deep(made).deep.deeper.n++;
      },
      // the alias stands where it is met first, and is adopted there or not
      (made) => (made.lines[5]!.tag = { text: 'aliased' }),
    );
    expect(whole).to.be.greaterThan(0);
  });

  it('loses nothing that was moved below itself and comes back', () => {
    interface Box { inner: Box | undefined; n: number } // prettier-ignore
    const boxes = new WeakMap<Order, Box>();
    follow(
      (made) => {
        const outer: Box = { inner: { inner: undefined, n: 2 }, n: 1 };
        boxes.set(made, outer);
        made.any = outer;
      },
      (made) => {
        boxes.get(made)!.inner!.inner = boxes.get(made);
        made.any = undefined;
      },
      (made) => (made.any = boxes.get(made)),
    );
  });

  it('keeps nothing that a delta made of several hangs on itself, out of reach', async () => {
    interface Box { inner?: Box; n: number } // prettier-ignore
    const model = modelOf(Order);
    const made = order();
    const inner: Box = { n: 2 };
    const outer: Box = { n: 1, inner };
    made.any = outer;
    const mine = Graph.capture(made, model);
    const snapshot = mine.encode();
    const { nextId } = mine;
    const deltas: Uint8Array[] = [];
    const change = (by: () => void): void => {
      by();
      deltas.push(mine.diff()!);
    };
    change(() => {
      made.note = inner;
      inner.inner = outer;
      made.any = undefined;
    });
    change(() => {
      delete outer.inner;
      outer.inner = inner;
      made.note = 'n';
    });
    const theirs = Graph.decode(snapshot);
    const gone = new WeakRef((theirs.bind(model) as Order).any as Box);
    expect(theirs.diff()).to.equal(null);
    theirs.apply(composeDeltas(deltas, nextId));
    expect(theirs.diff()).to.equal(null);
    expect(hex(theirs.encode())).to.equal(hex(mine.encode()));
    // a weak reference is kept until the turn ends, and by optimised code for a while; what is held is held for ever
    for (let turn = 0; turn < 50 && gone.deref() !== undefined; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      gc!();
    }
    expect(gone.deref()).to.equal(undefined);
    expect(theirs.diff()).to.equal(null);
  });

  it('follows objects that several sessions and deltas change, through applying and comparing in turns', () => {
    const [a, model] = [order(), modelOf(Order)];
    const mine = Graph.capture(a, model);
    const theirs = Graph.decode(mine.encode());
    const b = theirs.bind(model) as Order;
    for (let i = 0; i < 20; i++) {
      const [writer, reader, made] = i % 2 === 0 ? [mine, theirs, a] : [theirs, mine, b];
      made.lines.splice(i % 5, 1, line(`turn ${i}`));
      made.lines.reverse();
      made.map.set({ i }, made.lines[i % 7]);
      made.lines[1]!.tag!.text += i;
      reader.apply(writer.diff()!);
      expect(reader.diff()).to.equal(null);
      expect(b).to.deep.equal(a);
      expect(hex(mine.encode())).to.equal(hex(theirs.encode()));
    }
  });
});
