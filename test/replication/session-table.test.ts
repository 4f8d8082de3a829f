import { expect } from 'chai';
import * as fc from 'fast-check';
import { revision, sequence, sessionId, version } from '../../src/shared/ids.js';
import type { SessionId } from '../../src/shared/ids.js';
import { DriftError } from '../../src/replication/drift.js';
import { END_REASONS, NO_LIFETIME } from '../../src/replication/lifetime.js';
import { freshState } from '../../src/replication/session-state.js';
import type { Bodies, SessionState } from '../../src/replication/session-state.js';
import { SessionTable } from '../../src/replication/session-table.js';

interface Text {
  text: string;
  deltas: number;
}

/** Bodies of one string each, with a head that all of them share. */
const bodies: Bodies<Text> = {
  create: (snapshot) => ({ text: Buffer.from(snapshot).toString(), deltas: 0 }),
  check: () => undefined,
  hold: () => undefined,
  append: () => undefined,
  snapshot: (body) => Buffer.from(body.text),
  salvage: (body) => Buffer.from(body.text),
  settle: (body) => void (body.deltas = 0),
  pack: ({ text, deltas }) => ({
    common: Buffer.from('head of all'),
    own: Buffer.from(JSON.stringify({ text, deltas })),
    settled: deltas === 0,
  }),
  unpack: (common, own) => {
    expect(Buffer.from(common).toString()).to.equal('head of all');
    return JSON.parse(Buffer.from(own).toString()) as Text;
  },
  since: () => undefined,
  merge: () => ({ merged: false, slots: [], why: '' }),
};

function stateOf(id: string, text: string | undefined, at = 1): SessionState<Text> {
  const state = freshState<Text>(sessionId(id));
  state.className = text === undefined ? '' : `class ${text.length % 3}`;
  state.version = version(at);
  state.incarnation = sequence(at * 3);
  state.dead = text === undefined;
  state.ended = text !== undefined ? undefined : END_REASONS[at % 3];
  state.lifetime = at % 2 === 0 ? NO_LIFETIME : { ttlMs: at * 1_000, maxAgeMs: (at % 5) * 7_000 };
  state.touchedAtMs = 1_700_000_000_000 + at;
  state.createdAtMs = state.touchedAtMs - (at % 4) * 500;
  state.ops
    .set(`client ${at % 4}`, { counter: at * 7, version: version(at) })
    .set('ä', { counter: 2 ** 40, version: version(at) });
  state.sequence = sequence(at * 5);
  state.revision = at % 3 === 0 ? undefined : revision(at);
  if (text !== undefined) state.body = { text, deltas: at % 2 };
  return state;
}

/** All that a state says, without what only the table uses; the clients in their order. */
function saying(state: Readonly<SessionState<Text>>): unknown {
  return { ...state, recent: undefined, ops: [...state.ops] };
}

const ids = [
  'a',
  'b',
  'ä',
  '__proto__',
  'constructor',
  '😀 with spaces',
  'x'.repeat(200),
  ...Array.from({ length: 40 }, (_, i) => `s${i}`),
];
const change = fc.record({
  id: fc.nat(ids.length - 1),
  kind: fc.constantFrom('add', 'store', 'get', 'change', 'stand', 'cool', 'tick', 'tick late'),
  text: fc.option(fc.string({ maxLength: 300 }), { nil: undefined, freq: 6 }),
  n: fc.integer({ min: 1, max: 1_000 }),
});

describe('the table of sessions', () => {
  it('holds what a Map would hold, whether a session is hot or cold', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 300 }), fc.nat(5), (changes, hotMax) => {
        const table = new SessionTable(bodies, hotMax);
        const expected = new Map<SessionId, SessionState<Text>>();
        for (const { id: index, kind, text, n } of changes) {
          const id = sessionId(ids[index]!);
          const known = expected.get(id);
          expect(table.has(id)).to.equal(known !== undefined);
          if (kind === 'add' || kind === 'store') {
            if (known !== undefined) continue;
            const state = stateOf(id, text, n);
            expected.set(id, structuredClone(state));
            table[kind](state);
          } else if (kind === 'get') {
            const got = table.get(id);
            expect(got && saying(got)).to.deep.equal(known && saying(known));
          } else if (kind === 'change' && known !== undefined) {
            const got = table.get(id)!;
            for (const state of [got, known])
              Object.assign(state, stateOf(id, text, n), { body: text === undefined ? undefined : { text, deltas: 1 } });
          } else if (kind === 'stand' && known !== undefined) {
            const standing = table.standing(id)!;
            expect([standing.sequence, standing.revision]).to.deep.equal([known.sequence, known.revision]);
            for (const each of [standing, known]) each.revision = n % 2 === 0 ? undefined : revision(n);
          } else if (kind === 'cool') table.cool();
          else if (kind === 'tick') table.tick(-Infinity);
          else if (kind === 'tick late') {
            // what is settled and what is not can be told apart by the bodies only
            table.tick(Infinity);
            for (const state of table.states()) expected.get(state.id)!.body = structuredClone(state.body);
          }
          expect(table.size).to.equal(expected.size);
        }
        const all = new Map([...table.states()].map((state) => [state.id, saying(state)]));
        expect(all).to.deep.equal(new Map([...expected].map(([id, state]) => [id, saying(state)])));
        for (const name of ['', 'class 0', 'class 1', 'class 2']) {
          const living = [...expected.values()].filter((state) => !state.dead && state.className === name).map(({ id }) => id);
          expect([...table.idsOf(name)].toSorted()).to.deep.equal(living.toSorted());
        }
      }),
      { numRuns: 150 },
    );
  });

  it('keeps about as many hot as it may, the ones that were asked for last among them', () => {
    const table = new SessionTable(bodies, 10);
    let first: unknown;
    for (let i = 0; i < 500; i++) {
      table.add(stateOf(`s${i}`, 'x'));
      table.cool();
      const asked = table.get(sessionId('s0'));
      expect(asked, 'it was never packed').to.equal((first ??= asked));
      expect(table.hotSize).to.be.at.most(12);
    }
    expect(table.cold.size).to.equal(500 - table.hotSize);
  });

  it('has none hot after some ticks in which nobody asks', () => {
    const table = new SessionTable(bodies, 100);
    for (let i = 0; i < 90; i++) table.add(stateOf(`s${i}`, 'x'));
    for (let i = 0; i < 90; i++) table.tick(-Infinity);
    expect(table.hotSize).to.equal(0);
    expect(table.size).to.equal(90);
  });

  it('forgets a kind of session with the last session of it', () => {
    const table = new SessionTable(bodies, 0);
    for (let i = 0; i < 30; i++) table.store(stateOf(`s${i}`, 'x'.repeat(i % 3)));
    expect(table.cold.kinds).to.equal(3);
    for (let i = 0; i < 30; i++) if (i % 3 > 0) table.get(sessionId(`s${i}`));
    expect(table.cold.kinds).to.equal(1);
  });

  it('takes what a replica loads without making it hot', () => {
    const table = new SessionTable(bodies, 100);
    for (let i = 0; i < 90; i++) table.store(stateOf(`s${i}`, 'x'));
    expect([table.hotSize, table.cold.size]).to.deep.equal([0, 90]);
  });

  it('changes a standing without making the session hot', () => {
    const table = new SessionTable(bodies, 100);
    table.store(stateOf('s', 'x'));
    table.standing(sessionId('s'))!.revision = revision(77);
    expect(table.hotSize).to.equal(0);
    expect(table.get(sessionId('s'))!.revision).to.equal(77);
  });

  it('settles the cold bodies that were not touched for long, and only these', () => {
    const table = new SessionTable(bodies, 0);
    for (let i = 1; i < 400; i += 2) table.store(stateOf(`s${i}`, 'x', i));
    for (let i = 0; i < 40; i++) table.tick(1_700_000_000_000 + 200);
    const left = [...table.states()]
      .filter(({ body }) => body!.deltas > 0)
      .map(({ touchedAtMs }) => touchedAtMs - 1_700_000_000_000);
    expect(left.toSorted((a, b) => a - b)).to.deep.equal(Array.from({ length: 100 }, (_, i) => 201 + i * 2));
  });

  it('hands out nothing of a session whose bytes were damaged, whichever bit it was', () => {
    const lengthBytes = tableOf().cold.record(sessionId('s'))!.byteLength;
    // the frame and the standing, which is changed in place, are not under the checksum, nor is the checksum itself
    for (let bit = 32 * 8; bit < lengthBytes * 8; bit++) {
      const table = tableOf();
      const record = table.cold.record(sessionId('s'))!;
      record[bit >> 3]! ^= 1 << (bit & 7);
      let got: unknown = 'nothing';
      try {
        got = table.get(sessionId('s'));
      } catch (error) {
        expect(error).to.be.instanceOf(DriftError);
      }
      // it is refused, not said to be absent, even where its id is damaged
      expect(got, `bit ${bit}`).to.equal('nothing');
      expect(table.get(sessionId('t'))!.body!.text).to.equal('whole');
    }

    function tableOf(): SessionTable<Text> {
      const table = new SessionTable(bodies, 0);
      table.store(stateOf('s', 'some text'));
      table.store(stateOf('t', 'whole'));
      return table;
    }
  });
});
