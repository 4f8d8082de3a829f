/**
 * The mutation corpus: every named way to change an object graph, by every strategy, against the oracle.
 *
 * Invariant: each change stands alone: on a fresh state, carried to a fresh replica, then undone by an equal state.
 */
import { expect } from 'chai';
import { Benchmark, Replica } from '../../../src/diff/index.js';
import type { DiffStrategy } from '../../../src/model/session-model.js';
import { difference } from '../topology.js';
import { arrays } from './arrays.js';
import type { Change } from './change.js';
import { collections } from './collections.js';
import { identities } from './identities.js';
import { leaves } from './leaves.js';
import { objects } from './objects.js';
import { fixtureFor, type State } from './state.js';
import { values } from './values.js';

const STRATEGIES: readonly DiffStrategy[] = ['graph', 'binary', 'auto', 'tracked'];
const THEMES: Readonly<Record<string, readonly Change[]>> = {
  'a single value': values,
  'a plain object': objects,
  'an array': arrays,
  'a Map or a Set': collections,
  'a date, an expression, an address, bytes': leaves,
  'who is who': identities,
};
const ATTRIBUTES = ['id', 'count', 'zero', 'text', 'celsius', 'data', 'other', 'items', 'keyed'] as const;
/** What a delta may have beyond the whole state, before or after: names of new classes, references. */
const SLACK_BYTES = 64;

function hold(primary: State, copy: State, strategy: DiffStrategy): void {
  for (const name of ATTRIBUTES) expect(difference(primary[name], copy[name]), name).to.equal(undefined);
  // an attribute that is bytes has its identities to itself
  if (strategy === 'binary') return;
  const all = (state: State): unknown[] => [withoutTransient(state), ...ATTRIBUTES.map((name) => state[name])];
  expect(difference(all(primary), all(copy)), 'identities across attributes').to.equal(undefined);
}

/** The session itself stays what it is in the graph; its transient members are nobody's business. */
function withoutTransient(state: State): State {
  delete state.transient;
  return state;
}

/** Gives the session an equal state that shares nothing with what it held; immutable attributes stay. */
function reset(state: State, fresh: State): void {
  for (const name of ATTRIBUTES) if (name !== 'id') Object.assign(state, { [name]: fresh[name] });
}

for (const strategy of STRATEGIES) {
  const fixture = fixtureFor(strategy);

  describe(`by the ${strategy} strategy, a change of`, () => {
    for (const [theme, changes] of Object.entries(THEMES)) {
      describe(theme, () => {
        for (const [name, apply, bytesMax] of changes) {
          it(name, () => {
            const state = fixture.state();
            const benchmark = Benchmark.of(state);
            const replica = Replica.restore(fixture.type, benchmark.snapshot());
            let heldBytes = benchmark.snapshot().byteLength;
            const follow = (): Uint8Array | null => {
              const delta = benchmark.diff(state);
              if (delta !== null) replica.apply(delta);
              hold(state, replica.instance, strategy);
              const snapshot = benchmark.snapshot();
              expect(Buffer.compare(snapshot, replica.snapshot()), 'snapshots').to.equal(0);
              expect(benchmark.diff(state), 'a second diff').to.equal(null);
              hold(state, Replica.restore(fixture.type, snapshot).instance, strategy);
              // it may have to name what it removes
              const wholeBytes = Math.max(heldBytes, snapshot.byteLength);
              heldBytes = snapshot.byteLength;
              expect(delta?.byteLength ?? 0, 'bytes against the whole').to.be.at.most(wholeBytes + SLACK_BYTES);
              return delta;
            };
            expect(follow(), 'a diff before any change').to.equal(null);
            apply(state, fixture);
            const delta = follow();
            if (strategy !== 'binary') {
              if (bytesMax !== 0) expect(delta, 'the delta').not.to.equal(null);
              if (bytesMax !== undefined) expect(delta?.byteLength ?? 0, 'bytes').to.be.at.most(bytesMax);
            }
            reset(state, fixture.state());
            follow();
          });
        }
      });
    }
  });
}

describe('the corpus', () => {
  it('has at least 150 changes, each with a name of its own', () => {
    const names = Object.entries(THEMES).flatMap(([theme, changes]) => changes.map(([name]) => `${theme}: ${name}`));
    expect(names.length).to.be.at.least(150);
    expect(new Set(names).size).to.equal(names.length);
  });

  it('differs from what it was after every change whose delta is not empty', () => {
    const fixture = fixtureFor('graph');
    for (const [name, apply, bytesMax] of Object.values(THEMES).flat()) {
      if (bytesMax === 0) continue;
      const state = fixture.state();
      apply(state, fixture);
      const seen = (one: State): unknown[] => ATTRIBUTES.map((attribute) => one[attribute]);
      expect(difference(seen(state), seen(fixture.state())), name).not.to.equal(undefined);
    }
  });
});
