/** Two commits that changed the same slot come to what the rule of its attribute says, as one delta that every replica applies. */
import 'reflect-metadata';
import { expect } from 'chai';
import { Type } from 'class-transformer';
import { modelOf, Replica } from '../../src/diff/index.js';
import { createdCount } from '../../src/diff/delta.js';
import { Graph } from '../../src/diff/graph.js';
import { Immutable, Mutable, Session } from '../../src/index.js';
import { AtRest } from '../../src/session/at-rest.js';
import { mergeDelta } from '../../src/session/merge.js';
import type { Merged } from '../../src/session/three-way.js';
import { version } from '../../src/shared/ids.js';

class Line {
  @Immutable() sku!: string;
  @Mutable({ merge: 'add' }) qty = 1;
  @Mutable() note = '';
  @Mutable({ merge: 'max' }) seen?: Date;
}

class Gift extends Line {
  @Mutable() wish = '';
}

@Session({ name: 'merging' })
class Doc {
  @Mutable({ merge: 'add' }) count = 0;
  @Mutable({ merge: 'add' }) big = 0n;
  @Mutable({ merge: 'add' }) maybe?: unknown;
  @Mutable({ merge: 'add' }) by = new Map<unknown, number | bigint>();
  @Mutable({ merge: 'add' }) per: Record<string, number> = {};
  @Mutable({ merge: 'max' }) high: unknown = 0;
  @Mutable({ merge: 'min' }) low: unknown = 0;
  @Mutable({ merge: 'last' }) title = '';
  @Mutable({ merge: 'last' }) shape: Record<string, unknown> = {};
  @Mutable({ merge: 'last' }) bytes = Buffer.alloc(4);
  @Mutable({ merge: 'last', diff: 'binary' }) blob: unknown = { text: 'x'.repeat(200) };
  @Mutable({ merge: 'last' }) list: unknown[] = [];
  @Mutable({ merge: 'union' }) tags = new Set<unknown>();
  @Mutable({ merge: 'union' }) names: unknown[] = [];
  @Mutable({ merge: 'append' }) log: unknown[] = [];
  @Mutable({ type: () => Line, key: 'sku' }) keyed: Line[] = [];
  @Mutable({ merge: 'append' }) @Type(() => Line) lines: Line[] = [];
  @Mutable({ type: { line: () => Line, gift: () => Gift } }) byName = new Map<string, Line>();
  @Mutable({ type: () => Line }) nested: Record<string, Line[]> = {};
  @Mutable() plain: unknown = undefined;
  @Mutable() other: unknown = undefined;
  @Mutable({ merge: (base: number[], mine: number[], theirs: number[]) => [...theirs, ...mine].filter((n) => !base.includes(n)) })
  fresh: number[] = [1];
  @Mutable({ type: () => Line, merge: (_: Line[], mine: Line[], theirs: Line[]) => [...mine, ...theirs.filter((line) => !mine.some(({ sku }) => sku === line.sku))] })
  chosen: Line[] = [];
  @Mutable({ merge: () => { throw new Error('no idea'); } }) broken = 0;
  @Mutable({ merge: (base: Map<string, number>, mine: Map<string, number>, theirs: Map<string, number>) => {
    for (const [key, n] of mine) theirs.set(key, (theirs.get(key) ?? 0) + n - (base.get(key) ?? 0));
    return theirs;
  } }) sums = new Map<string, number>();
} // prettier-ignore

const MODELS = new Map([['merging', modelOf(Doc)]]);

const line = (sku: string, qty = 1, of: new () => Line = Line): Line => Object.assign(new of(), { sku, qty });

interface Outcome {
  readonly doc: Doc;
  readonly result: Merged;
  readonly conflict: readonly string[];
  readonly why: string;
  readonly delta: Uint8Array;
}

type Change = (doc: Doc) => unknown;

/** What two commits from one state come to, the second merged behind the first. */
function merge(make: Change, theirs: Change, mine: Change, models = MODELS): Outcome {
  const first = Graph.capture(prepared(make), modelOf(Doc));
  const rest = AtRest.of(first.encode(), version(1));
  const sides = [theirs, mine].map((change) => {
    const { instance, graph } = Replica.restore(Doc, rest.snapshot());
    change(instance);
    return graph.diff()!;
  });
  rest.append(sides[0]!, version(2));
  const result = mergeDelta(models, rest, [], version(1), sides[1]!);
  if (result.merged) {
    rest.append(result.delta, version(3));
    // made at once, not lazily: a delta that does not fit fails here
    expect(createdCount(result.delta)).to.be.at.least(createdCount(sides[1]!));
  }
  const { instance } = Replica.restore(Doc, rest.snapshot());
  // and a replica that was bound all the time comes to the same
  const follower = Replica.restore(Doc, first.encode());
  for (const { delta } of rest.since(version(1))!) follower.apply(delta);
  expect(follower.instance).to.deep.equal(instance);
  expect(follower.graph.diff(), 'it finds nothing to change').to.equal(null);
  return {
    doc: instance,
    result,
    conflict: result.merged ? [] : result.slots,
    why: result.merged ? '' : result.why,
    delta: sides[1]!,
  };
}

function prepared(make: Change): Doc {
  const doc = new Doc();
  make(doc);
  return doc;
}

const nothing = (): void => undefined;

describe('a merge rule', () => {
  it('add counts both, whole numbers and bigints exactly', () => {
    const { doc } = merge(
      (doc) => ((doc.count = 5), (doc.big = 10n ** 30n)),
      (doc) => ((doc.count += 2 ** 52), (doc.big += 3n)),
      (doc) => ((doc.count -= 3), (doc.big -= 10n ** 30n)),
    );
    expect([doc.count, doc.big]).to.deep.equal([2 ** 52 + 2, 3n]);
  });

  it('add of other numbers is the exact sum, rounded once', () => {
    const sum = (base: number, theirs: number, mine: number): number =>
      merge((doc) => (doc.count = base), (doc) => (doc.count = theirs), (doc) => (doc.count = mine)).doc.count; // prettier-ignore
    // (1e16 - 1) + (1 - 1e16) would lose the first step
    expect(sum(1e16, 1, 1e16 + 2)).to.equal(3);
    expect(sum(0.1, 0.1 + 0.2, 0.1 + 0.7)).to.equal(1);
    expect(sum(0, 1e300, -1e300)).to.equal(0);
    expect(sum(0.3, 1e-320, 0.3 + 2 ** -54)).to.equal(2 ** -54);
    expect(sum(0, 1e308, 1e308)).to.equal(Infinity);
  });

  it('add of what cannot be added is a conflict that says so', () => {
    for (const [theirs, mine] of [
      ['a', 1],
      [1, 1n],
      [1, undefined],
      [null, 2],
      [1, NaN],
      [Infinity, -Infinity],
      [new Date(0), 1],
    ]) {
      const { conflict, why } = merge((doc) => (doc.maybe = 0), (doc) => (doc.maybe = theirs), (doc) => (doc.maybe = mine)); // prettier-ignore
      expect(conflict, `${String(theirs)} and ${String(mine)}`).to.deep.equal(['maybe']);
      expect(why).to.match(/^'add' cannot add/);
    }
  });

  it('add holds for each entry of a Map or plain object, also where both begin one', () => {
    const { doc, conflict, why } = merge(
      (doc) => ((doc.by = new Map([['old', 1]])), (doc.per = { old: 1 })),
      (doc) => (doc.by.set('old', 5).set('new', 2).set('big', 2n).set('theirs', 1), Object.assign(doc.per, { old: 5, new: 2 })),
      (doc) => (doc.by.set('old', 7).set('new', 3).set('big', 3n), Object.assign(doc.per, { old: 7, new: 3, constructor: 4 })),
    );
    expect([conflict, why]).to.deep.equal([[], '']);
    expect([...doc.by]).to.have.deep.members([['old', 11], ['new', 5], ['big', 5n], ['theirs', 1]]); // prettier-ignore
    expect(doc.per).to.deep.equal({ old: 11, new: 5, constructor: 4 });
    const gone = merge((doc) => (doc.per = { n: 1 }), (doc) => delete doc.per['n'], (doc) => (doc.per['n'] = 2)); // prettier-ignore
    expect([gone.conflict, gone.why]).to.deep.equal([['per.n'], "'add' cannot add 1, 2 and nothing"]);
  });

  it('max and min keep the one of two numbers, bigints, texts or dates', () => {
    const cases: [unknown, unknown][] = [[3, 7], [7, 3], [3n, 7n], ['b', 'a'], [new Date(5), new Date(9)], [new Date(9), new Date(5)]]; // prettier-ignore
    for (const [theirs, mine] of cases) {
      for (const before of [theirs instanceof Date ? new Date(1) : 0, undefined]) {
        const set =
          (value: unknown): Change =>
          (doc) => ((doc.high = value), (doc.low = value instanceof Date ? new Date(value) : value));
        const { doc } = merge(set(before), set(theirs), set(mine));
        expect(doc.high).to.deep.equal(theirs! > mine! ? theirs : mine);
        expect(doc.low).to.deep.equal(theirs! > mine! ? mine : theirs);
      }
    }
  });

  it('max and min of what cannot be compared are conflicts', () => {
    const values: [unknown, unknown][] = [[1, NaN], [1, '1'], [1, 1n], [new Date(NaN), new Date(1)], [new Date(1), 2], [{}, 1], [true, false]]; // prettier-ignore
    for (const [theirs, mine] of values) {
      const { conflict } = merge(nothing, (doc) => (doc.high = theirs), (doc) => (doc.high = mine)); // prettier-ignore
      expect(conflict, `${String(theirs)} and ${String(mine)}`).to.deep.equal(['high']);
    }
  });

  it('last keeps what was committed last, whatever it is', () => {
    const { doc } = merge(
      (doc) => ((doc.shape = { a: 1, b: { c: 1 } }), (doc.list = [1, 2, 3]), doc.bytes.set([1, 2, 3, 4])),
      (doc) => {
        doc.title = 'theirs';
        doc.shape['a'] = 'theirs';
        doc.shape['own'] = 1;
        doc.list = ['theirs', 1, 2];
        doc.bytes[0] = 9;
        doc.blob = 'short';
      },
      (doc) => {
        doc.title = 'mine';
        doc.shape['a'] = { mine: new Date(3) };
        doc.list.push(NaN, { x: 1 });
        doc.bytes[3] = 8;
        (doc.blob as { text: string }).text = `${'x'.repeat(150)}mine`;
      },
    );
    expect([doc.title, doc.shape, doc.list]).to.deep.equal([
      'mine',
      { a: { mine: new Date(3) }, b: { c: 1 }, own: 1 },
      [1, 2, 3, NaN, { x: 1 }],
    ]);
    expect([...doc.bytes]).to.deep.equal([1, 2, 3, 8]);
    expect(doc.blob).to.deep.equal({ text: `${'x'.repeat(150)}mine` });
  });

  it('union of sets has what either has, and not what one took out and the other left alone', () => {
    const shared = { id: 1 };
    const { doc } = merge(
      (doc) => (doc.tags = new Set<unknown>(['a', 'b', 'c', shared, NaN])),
      (doc) => (doc.tags.add('x').add('both'), doc.tags.delete('a'), doc.tags.delete('both'), doc.tags.add('both')),
      (doc) => (doc.tags.add('y').add('both'), doc.tags.delete('b')),
    );
    expect([...doc.tags]).to.have.deep.members(['c', { id: 1 }, NaN, 'x', 'both', 'y']);
  });

  it('union of sets that were exchanged or cleared looks at the members, not at the way', () => {
    const { doc } = merge(
      (doc) => (doc.tags = new Set<unknown>(['a', 'b', 'c'])),
      (doc) => (doc.tags = new Set<unknown>(['x', 'c', 'b'])),
      (doc) => (doc.tags.clear(), doc.tags.add('y').add('a').add('b')),
    );
    expect([...doc.tags]).to.have.members(['x', 'y', 'b']);
  });

  it('union of arrays puts in what is not there yet', () => {
    const { doc } = merge(
      (doc) => (doc.names = ['a', 'b']),
      (doc) => doc.names.push('x', 'both'),
      (doc) => (doc.names.unshift('y'), doc.names.push('both')),
    );
    expect(doc.names).to.deep.equal(['y', 'a', 'b', 'x', 'both']);
  });

  it('append lets both pushes arrive, theirs first because it was stored first', () => {
    const { doc } = merge(
      (doc) => (doc.log = ['a', { deep: 1 }]),
      (doc) => doc.log.push('theirs', { t: 1 }),
      (doc) => doc.log.push('mine', { m: new Map([[1, 2n]]) }),
    );
    expect(doc.log).to.deep.equal(['a', { deep: 1 }, 'theirs', { t: 1 }, 'mine', { m: new Map([[1, 2n]]) }]);
  });

  it('append serves queues: one takes from the head while the other puts at the end', () => {
    const jobs = [1, 2, 3].map((job) => ({ job }));
    const { doc } = merge(
      (doc) => (doc.log = jobs),
      (doc) => (doc.log.shift(), doc.log.push({ job: 4 })),
      (doc) => (doc.log.splice(1, 1), doc.log.push({ job: 5 })),
    );
    expect(doc.log).to.deep.equal([{ job: 3 }, { job: 4 }, { job: 5 }]);
  });

  it('append keeps moves, sparse places and repeated values', () => {
    const { doc } = merge(
      // oxlint-disable-next-line no-sparse-arrays
      (doc) => (doc.log = [0, -0, 0, , 'z']),
      (doc) => doc.log.push(0),
      (doc) => doc.log.unshift(-0),
    );
    // oxlint-disable-next-line no-sparse-arrays
    expect(doc.log).to.deep.equal([-0, 0, -0, 0, , 'z', 0]);
    expect(Object.hasOwn(doc.log, 4)).to.equal(false);
  });

  it('append of arrays that both exchanged, or both began, puts them together', () => {
    const { doc } = merge(
      (doc) => ((doc.log = undefined as unknown as unknown[]), (doc.lines = [line('tea')])),
      (doc) => ((doc.log = ['theirs']), (doc.lines = [...doc.lines, line('cup')])),
      (doc) => ((doc.log = ['mine']), (doc.lines = [...doc.lines, line('jam')])),
    );
    expect(doc.log).to.deep.equal(['theirs', 'mine']);
    expect(doc.lines.map(({ sku }) => sku)).to.deep.equal(['tea', 'cup', 'jam']);
  });

  it('a key lets elements come and go on both sides, and stands against the same one twice', () => {
    const make: Change = (doc) => (doc.keyed = [line('tea'), line('cup')]);
    const { doc } = merge(
      make,
      (doc) => doc.keyed.push(line('jam')),
      (doc) => (doc.keyed.unshift(line('pot')), doc.keyed.splice(1, 1)),
    );
    expect(doc.keyed.map(({ sku }) => sku)).to.deep.equal(['pot', 'cup', 'jam']);
    const twice = merge(
      make,
      (doc) => doc.keyed.push(line('jam', 2)),
      (doc) => doc.keyed.push(line('jam', 3)),
    );
    expect([twice.conflict, twice.why]).to.deep.equal([['keyed'], 'both put in an element of the same sku, or moved one']);
  });

  it('holds at any depth: in arrays, in Maps, in plain objects, and for subclasses', () => {
    const each = (doc: Doc): Line[] => [doc.lines[0]!, doc.byName.get('g')!, doc.nested['k']![0]!];
    const { doc } = merge(
      (doc) => ((doc.lines = [line('a')]), doc.byName.set('g', line('g', 1, Gift)), (doc.nested = { k: [line('n')] })),
      (doc) => each(doc).forEach((one) => ((one.qty += 10), (one.seen = new Date(50)))),
      (doc) => each(doc).forEach((one) => ((one.qty += 100), (one.seen = new Date(20)))),
    );
    expect(each(doc).map(({ qty, seen }) => [qty, seen])).to.deep.equal(Array.from({ length: 3 }, () => [111, new Date(50)]));
    expect(doc.byName.get('g')).to.be.instanceOf(Gift);
  });

  it('does not apply to what is reached through several attributes', () => {
    const { conflict } = merge(
      (doc) => (doc.plain = doc.shape = { n: 1 }),
      (doc) => (doc.shape['n'] = 2),
      (doc) => (doc.shape['n'] = 3),
    );
    expect(conflict).to.deep.equal(['shape.n']);
  });

  it('applies behind what is stored in the same record', () => {
    const rest = AtRest.of(Graph.capture(new Doc(), modelOf(Doc)).encode(), version(1));
    const add = (n: number): Uint8Array => {
      const { instance, graph } = Replica.restore(Doc, rest.snapshot());
      instance.count += n;
      return graph.diff()!;
    };
    const [one, two, three] = [add(1), add(10), add(100)];
    const pending = [{ version: version(2), delta: one }];
    for (const delta of [two, three]) {
      const merged = mergeDelta(MODELS, rest, pending, version(1), delta);
      if (!merged.merged) throw new Error(merged.why);
      pending.push({ version: version(pending.length + 2), delta: merged.delta });
    }
    for (const each of pending) rest.append(each.delta, each.version);
    expect(Replica.restore(Doc, rest.snapshot()).instance.count).to.equal(111);
  });

  it('is not guessed where the class is unknown: then it is a conflict', () => {
    const { conflict, why } = merge(nothing, (doc) => doc.count++, (doc) => doc.count++, new Map()); // prettier-ignore
    expect(conflict).to.deep.equal(['count']);
    expect(why).to.match(/does not know the class/);
  });
});

describe('a merge function', () => {
  it('is given the whole values, and what it returns is what there is', () => {
    const { doc } = merge(nothing, (doc) => doc.fresh.push(2), (doc) => doc.fresh.unshift(3)); // prettier-ignore
    expect(doc.fresh).to.deep.equal([2, 3]);
  });

  it('may return objects of either side, which stay who they are', () => {
    const { doc } = merge(
      (doc) => ((doc.chosen = [line('tea')]), (doc.plain = doc.chosen[0])),
      (doc) => (doc.chosen.push(line('cup')), (doc.other = doc.chosen[1]), (doc.chosen[0]!.qty += 1)),
      (doc) => (doc.chosen.push(line('jam')), (doc.chosen[0]!.qty += 10)),
    );
    expect(doc.chosen.map(({ sku, qty }) => [sku, qty])).to.deep.equal([['tea', 12], ['jam', 1], ['cup', 1]]); // prettier-ignore
    expect(doc.plain).to.equal(doc.chosen[0]);
    expect(doc.other).to.equal(doc.chosen[2]);
  });

  it('may change what it was given and return it', () => {
    const { doc } = merge(
      (doc) => (doc.sums = new Map([['a', 1]])),
      (doc) => doc.sums.set('a', 5).set('b', 1),
      (doc) => doc.sums.set('a', 11).set('c', 2),
    );
    expect([...doc.sums]).to.have.deep.members([['a', 15], ['b', 1], ['c', 2]]); // prettier-ignore
  });

  it('that throws is a conflict with what it threw', () => {
    const { conflict, why } = merge(nothing, (doc) => doc.broken++, (doc) => doc.broken++); // prettier-ignore
    expect([conflict, why]).to.deep.equal([['broken'], 'its merge function failed: no idea']);
  });
});

describe('what one side takes out and the other changes', () => {
  const make: Change = (doc) => ((doc.lines = [line('tea'), line('cup')]), (doc.shape = { in: { n: 1 } }));

  it('is a conflict, whoever was first, and names the change', () => {
    const changes: Change = (doc) => (doc.lines[1]!.qty = 9);
    const takesOut: Change = (doc) => doc.lines.pop();
    expect(merge(make, changes, takesOut).conflict).to.deep.equal(['lines[1].qty']);
    expect(merge(make, takesOut, changes).conflict).to.deep.equal(['lines[1].qty']);
  });

  it('is gone where the rule of the attribute is last and it was taken out last', () => {
    const changes: Change = (doc) => ((doc.shape['in'] as { n: number }).n = 2);
    const takesOut: Change = (doc) => delete doc.shape['in'];
    expect(merge(make, changes, takesOut).doc.shape).to.deep.equal({});
    expect(merge(make, takesOut, changes).conflict).to.deep.equal(['shape.in.n']);
  });

  it('is no conflict where it is still reached some other way', () => {
    const { doc } = merge(
      (doc) => (make(doc), (doc.plain = doc.lines[1])),
      (doc) => (doc.lines[1]!.qty = 9),
      (doc) => doc.lines.pop(),
    );
    expect([doc.lines.length, (doc.plain as Line).qty]).to.deep.equal([1, 9]);
  });
});
