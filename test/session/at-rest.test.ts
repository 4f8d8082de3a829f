/** A session at rest is a snapshot and the deltas after it, and equals the instance that they were made from. */
import 'reflect-metadata';
import { expect } from 'chai';
import { Benchmark, Replica } from '../../src/diff/index.js';
import { Mutable, Session } from '../../src/index.js';
import { AtRest, HISTORY_DELTAS_MAX } from '../../src/session/at-rest.js';
import { mergeDelta } from '../../src/session/merge.js';
import { version } from '../../src/shared/ids.js';
import type { TwinstateError } from '../../src/index.js';

@Session({ name: 'note' })
class Note {
  @Mutable() text = '';
  @Mutable() tags = new Set<string>();
  @Mutable() parts: Record<string, { n: number }> = {};
  @Mutable() bytes = new Uint8Array(0);
}

class Pair {
  readonly note = new Note();
  readonly benchmark = Benchmark.of(this.note);
  at = 1;
  readonly rest = AtRest.of(this.benchmark.snapshot(), version(1));

  delta(change: (note: Note) => void): Uint8Array {
    change(this.note);
    return this.benchmark.diff(this.note)!;
  }

  commit(change: (note: Note) => void): Uint8Array {
    const delta = this.delta(change);
    this.rest.append(delta, version(++this.at));
    return delta;
  }
}

const restored = (rest: AtRest): Note => Replica.restore(Note, rest.snapshot()).instance;

function code(fn: () => unknown): string {
  try {
    fn();
    return 'nothing';
  } catch (error) {
    return (error as TwinstateError).code;
  }
}

describe('a session at rest', () => {
  it('equals its instance after every delta, compacted or not', () => {
    const pair = new Pair();
    for (let i = 0; i < 300; i++) {
      pair.commit((note) => {
        note.text = `text ${i}`;
        note.tags.add(`t${i % 20}`);
        if (i % 7 === 0) note.tags.delete(`t${(i + 3) % 20}`);
        note.parts[`p${i % 10}`] = { n: i };
        if (i % 13 === 0) delete note.parts[`p${(i + 5) % 10}`];
      });
      if (i % 10 === 9) expect(restored(pair.rest)).to.deep.equal(pair.note);
    }
    expect(pair.rest.version).to.equal(301);
    expect(Buffer.from(pair.rest.snapshot()).equals(Buffer.from(pair.benchmark.snapshot())), 'the very bytes').to.equal(true);
  });

  it('stays within a small factor of its snapshot, however many deltas it takes', () => {
    const pair = new Pair();
    for (let i = 0; i < 5_000; i++) pair.commit((note) => (note.text = `text ${i}`));
    expect(pair.rest.bytes).to.be.lessThan(10_000);
  });

  it('hands out the deltas behind a version, as long as it remembers them', () => {
    const pair = new Pair();
    const deltas = Array.from({ length: 20 }, (_, i) => pair.commit((note) => (note.text = `${i}`)));
    expect(pair.rest.since(version(21))).to.deep.equal([]);
    expect(pair.rest.since(version(18))!.map(({ version: at }) => at)).to.deep.equal([19, 20, 21]);
    expect(pair.rest.since(version(1))!.map(({ delta }) => delta)).to.deep.equal(deltas);
    expect(pair.rest.since(version(22))).to.equal(undefined);
    for (let i = 0; i < HISTORY_DELTAS_MAX * 3; i++) pair.commit((note) => (note.text = `more ${i}`));
    expect(pair.rest.since(version(1))).to.equal(undefined);
    expect(pair.rest.since(version(pair.at - 10))).to.have.length(10);
  });

  it('keeps nothing of the bytes that it was given', () => {
    const note = Object.assign(new Note(), { bytes: new Uint8Array([1, 2, 3]) });
    const snapshot = Buffer.from(Benchmark.of(note).snapshot());
    const replica = Replica.restore(Note, snapshot);
    snapshot.fill(0xff);
    expect(Replica.restore(Note, replica.snapshot()).instance).to.deep.equal(note);
  });

  it('refuses bytes that are no snapshot and no delta, and is as before', () => {
    const pair = new Pair();
    pair.commit((note) => (note.text = 'kept'));
    const before = Buffer.from(pair.rest.snapshot());
    const nonsense = Buffer.from('ffffffffffff', 'hex');
    expect(code(() => AtRest.of(nonsense, version(1)))).to.be.oneOf(['BYTES_CORRUPT', 'FORMAT_UNSUPPORTED']);
    expect(code(() => AtRest.check('create', nonsense))).to.be.oneOf(['BYTES_CORRUPT', 'FORMAT_UNSUPPORTED']);
    expect(code(() => AtRest.check('commit', nonsense))).to.equal('BYTES_CORRUPT');
    expect(code(() => pair.rest.append(nonsense, version(3)))).to.equal('BYTES_CORRUPT');
    expect(pair.rest.version).to.equal(2);
    expect(Buffer.from(pair.rest.snapshot()).equals(before)).to.equal(true);
  });
});

describe('a delta that was made on an older state', () => {
  /** A change made at version 1, and another that was stored meanwhile. */
  function two(
    mine: (note: Note) => void,
    theirs: (note: Note) => void,
    made: (note: Note) => void = () => undefined,
  ): { merged: ReturnType<typeof mergeDelta>; delta: Uint8Array; pair: Pair } {
    const pair = new Pair();
    made(pair.note);
    const first = pair.benchmark.diff(pair.note);
    if (first !== null) pair.rest.append(first, version(++pair.at));
    const other = Replica.restore(Note, pair.rest.snapshot());
    mine(other.instance);
    const delta = other.graph.diff()!;
    const base = pair.at;
    pair.commit(theirs);
    return { merged: mergeDelta(new Map(), pair.rest, [], version(base), delta), delta, pair };
  }

  function after({ merged, delta, pair }: ReturnType<typeof two>): Note {
    if (!merged.merged) throw new Error(`no merge: ${merged.slots.join()}`);
    pair.rest.append(delta, version(pair.at + 1));
    return restored(pair.rest);
  }

  it('merges where it changed other slots', () => {
    const note = after(
      two(
        (mine) => (mine.text = 'mine'),
        (theirs) => theirs.tags.add('theirs'),
      ),
    );
    expect([note.text, [...note.tags]]).to.deep.equal(['mine', ['theirs']]);
  });

  it('merges where both made objects, which keep their meaning', () => {
    const note = after(
      two(
        (mine) => (mine.parts['mine'] = { n: 1 }),
        (theirs) => (theirs.parts['theirs'] = { n: 2 }),
      ),
    );
    expect(note.parts).to.deep.equal({ mine: { n: 1 }, theirs: { n: 2 } });
  });

  it('conflicts where it changed the same slot, key or member', () => {
    const pairs: readonly (readonly [(note: Note) => void, (note: Note) => void])[] = [
      [(note) => (note.text = 'mine'), (note) => (note.text = 'theirs')],
      [(note) => (note.parts['k'] = { n: 1 }), (note) => (note.parts['k'] = { n: 2 })],
      [(note) => note.tags.add('both'), (note) => note.tags.add('both')],
    ];
    for (const [mine, theirs] of pairs) {
      const { merged } = two(mine, theirs);
      expect(merged.merged).to.equal(false);
      expect((merged as unknown as { slots: readonly string[] }).slots).to.have.length(1);
    }
  });

  it('conflicts where it changed an object that was taken out', () => {
    const { merged } = two(
      (mine) => (mine.parts['a']!.n = 5),
      (theirs) => delete theirs.parts['a'],
      (note) => (note.parts['a'] = { n: 1 }),
    );
    expect(merged.merged).to.equal(false);
  });

  it('conflicts where its base is older than what is remembered', () => {
    const pair = new Pair();
    const other = Replica.restore(Note, pair.rest.snapshot());
    other.instance.tags.add('mine');
    const delta = other.graph.diff()!;
    for (let i = 0; i < HISTORY_DELTAS_MAX * 3; i++) pair.commit((note) => (note.text = `${i}`));
    expect(mergeDelta(new Map(), pair.rest, [], version(1), delta)).to.deep.include({ merged: false, slots: [] });
  });

  it('is merged behind what is being stored just now', () => {
    const pair = new Pair();
    const [one, two] = [Replica.restore(Note, pair.rest.snapshot()), Replica.restore(Note, pair.rest.snapshot())];
    one.instance.parts['one'] = { n: 1 };
    two.instance.parts['two'] = { n: 2 };
    const [first, second] = [one.graph.diff()!, two.graph.diff()!];
    const merged = mergeDelta(new Map(), pair.rest, [{ version: version(2), delta: first }], version(1), second);
    expect(merged.merged).to.equal(true);
    pair.rest.append(first, version(2));
    pair.rest.append(second, version(3));
    expect(restored(pair.rest).parts).to.deep.equal({ one: { n: 1 }, two: { n: 2 } });
    const clash = mergeDelta(new Map(), pair.rest, [], version(1), first);
    expect(clash.merged).to.equal(false);
  });
});
