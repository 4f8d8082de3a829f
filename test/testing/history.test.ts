/** The checker of histories rejects what cannot be, accepts what can, and agrees with the slow way on every small history. */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { checkHistory } from '../../src/testing/history-check.js';
import type { HistoryCall } from '../../src/testing/history.js';
import { seededRandom } from '../../src/testing/simulated-time.js';
import { canBe } from './brute-force.js';
import * as h from './histories.js';
import { LIFE, REFUSED, UNKNOWN } from './histories.js';

const messages = (calls: readonly HistoryCall[]): string[] => checkHistory(calls).map(({ message }) => message);
const begun = h.create(0, 1);
const version = (of: number): { version: number } => ({ version: of });

describe('the checker of histories', () => {
  const rejected: readonly (readonly [string, readonly HistoryCall[], RegExp])[] = [
    [
      'an acknowledged append that is missing',
      [begun, h.append(2, 3, 'a'), h.list(4, 5, '')],
      /the read.*comes before the append/,
    ],
    ['an append that was applied twice', [begun, h.append(2, 3, 'a'), h.list(4, 5, 'aa')], /"a" stands twice/],
    [
      'an append that was reported as not stored',
      [begun, h.append(2, 3, 'a', REFUSED), h.list(4, 5, 'a')],
      /reported as not stored/,
    ],
    ['what nobody appended', [begun, h.list(4, 5, 'x')], /nobody appended it/],
    [
      'two orders of one list',
      [begun, h.append(2, 9, 'a'), h.append(2, 9, 'b'), h.list(3, 4, 'a'), h.list(5, 6, 'ba')],
      /in place 0/,
    ],
    [
      'appends in another order than they ended',
      [begun, h.append(2, 3, 'a'), h.append(4, 5, 'b'), h.list(6, 7, 'ba')],
      /comes before/,
    ],
    ['a read before what it shows was asked for', [begun, h.list(2, 3, 'a'), h.append(4, 5, 'a')], /comes before/],
    ['a list that shrinks', [begun, h.append(2, 3, 'a', UNKNOWN), h.list(4, 5, 'a'), h.list(6, 7, '')], /comes before/],
    [
      'a read of the primary older than its lease',
      [begun, h.append(2, 3, 'a'), h.list(510, 511, '', { staleMs: 500 })],
      /comes before/,
    ],
    [
      'a local read of what never was',
      [begun, h.append(2, 3, 'a'), h.append(4, 5, 'b'), h.list(6, 7, 'b', { staleMs: Infinity })],
      /./,
    ],
    ['a lost step of a counter', [begun, h.add(2, 3, 1), h.add(2, 3, 1), h.count(4, 5, 1)], /at least 2/],
    ['a step of a counter that counts twice', [begun, h.add(2, 3, 1, UNKNOWN), h.count(4, 5, 2)], /1 at most/],
    [
      'a step that was counted early and then cannot be another one',
      [begun, h.add(2, 100, 1), h.count(3, 4, 1), h.add(10, 20, 1), h.count(30, 31, 1)],
      /at least 2/,
    ],
    [
      'a counter of different amounts that does not add up',
      [begun, h.add(2, 3, 2), h.add(2, 3, 5, UNKNOWN), h.count(4, 5, 6)],
      /cannot have been/,
    ],
    ['a stale read of a register', [begun, h.write(2, 3, 'a'), h.write(4, 5, 'b'), h.value(6, 7, 'a')], /cannot be from "b" on/],
    ['a register that goes back', [begun, h.write(2, 9, 'a'), h.value(3, 4, 'a'), h.value(5, 6, undefined)], /./],
    ['two swaps of one value', [begun, h.swap(2, 3, undefined, 'a'), h.swap(2, 3, undefined, 'b')], /cannot be from "[ab]" on/],
    ['a swap of what came only later', [begun, h.swap(2, 3, 'b', 'c'), h.write(4, 5, 'b')], /before it was written/],
    ['a session that is back after its destroy', [begun, h.destroy(2, 3), h.list(4, 5, '')], /met the life first/],
    ['a commit of a session that was destroyed', [begun, h.destroy(2, 3), h.append(4, 5, 'a')], /a change met the life/],
    ['a session that is gone and was never destroyed', [begun, h.gone(2, 3)], /met no session/],
    ['two creates of one session', [begun, h.create(2, 3, {}, 'second')], /second was created/],
    ['a destroy that says there was none', [begun, h.destroy(2, 3, { ...REFUSED, refused: 'gone' })], /a destroy met no session/],
    ['a create that says there is one', [h.create(2, 3, { ...REFUSED, refused: 'exists' }, 'second')], /a create met a session/],
    [
      'two changes of one version',
      [begun, h.append(2, 3, 'a', version(2)), h.append(2, 3, 'b', version(2))],
      /two changes have version 2/,
    ],
    ['a version that goes back', [begun, h.append(2, 3, 'a', version(3)), h.append(4, 5, 'b', version(2))], /came behind/],
    [
      'one version in two states',
      [
        begun,
        h.all(2, 3, { count: 0, value: 1 }, version(2)),
        h.all(2, 3, { count: 0, value: 2 }, version(2)),
        h.write(1, 4, 1),
        h.write(1, 4, 2),
      ],
      /two states/,
    ],
    [
      'a list that has what is of a later version',
      [begun, h.append(2, 9, 'a', version(4)), h.list(3, 4, 'a', version(3))],
      /has what was stored as version 4/,
    ],
  ];
  for (const [what, calls, expected] of rejected)
    it(`rejects ${what}`, () => {
      expect(messages(calls).join('\n')).to.match(expected);
      // nor does it depend on the order in which calls were noted
      expect(checkHistory(calls.toReversed())).to.not.deep.equal([]);
    });

  const accepted: readonly (readonly [string, readonly HistoryCall[]])[] = [
    ['an append without an answer that never came', [begun, h.append(2, 3, 'a', UNKNOWN), h.list(4, 5, '')]],
    [
      'one that came long after its caller gave up',
      [begun, h.append(2, 3, 'a', UNKNOWN), h.list(4, 5, ''), h.append(6, 7, 'b'), h.list(8, 9, 'ba')],
    ],
    ['appends under way at once, in either order', [begun, h.append(2, 9, 'a'), h.append(3, 8, 'b'), h.list(10, 11, 'ba')]],
    ['a read that overlaps an append and misses it', [begun, h.append(2, 5, 'a'), h.list(3, 9, '')]],
    ['a read of the primary within its lease', [begun, h.append(2, 3, 'a'), h.list(500, 501, '', { staleMs: 500 })]],
    [
      'a local read of the beginning',
      [begun, h.append(2, 3, 'a'), h.append(4, 5, 'b'), h.list(900, 901, 'a', { staleMs: Infinity })],
    ],
    [
      'a read of the primary that misses what a backup has shown before it is acknowledged',
      [begun, h.append(2, 9, 'a'), h.list(3, 4, 'a', { staleMs: Infinity }), h.list(5, 6, ''), h.list(10, 11, 'a')],
    ],
    ['what was appended after the last read', [begun, h.list(2, 3, ''), h.append(4, 5, 'a'), h.append(6, 7, 'b')]],
    [
      'a counter whose longest step waits',
      [begun, h.add(2, 100, 1), h.add(10, 20, 1), h.count(5, 30, 1), h.count(25, 30, 1), h.count(101, 102, 2)],
    ],
    ['a step without an answer that counts late', [begun, h.add(2, 3, 1, UNKNOWN), h.count(4, 5, 0), h.count(6, 7, 1)]],
    ['a counter of different amounts', [begun, h.add(2, 9, 5), h.add(2, 9, -2), h.count(3, 4, -2), h.count(10, 11, 3)]],
    [
      'a write without an answer that came late',
      [begun, h.write(2, 3, 'a', UNKNOWN), h.write(4, 5, 'b'), h.value(6, 7, 'b'), h.value(8, 9, 'a')],
    ],
    [
      'a swap without an answer that somebody went on from',
      [begun, h.swap(2, 3, undefined, 'a', UNKNOWN), h.swap(4, 5, 'a', 'b', UNKNOWN), h.value(6, 7, 'b')],
    ],
    ['a destroy without an answer that never came', [begun, h.destroy(2, 3, UNKNOWN), h.list(4, 5, '')]],
    [
      'one that came late, to another life',
      [begun, h.destroy(2, 3, UNKNOWN), h.destroy(4, 5), h.create(6, 7, {}, 'second'), h.gone(8, 9)],
    ],
    [
      'a create without an answer that others ran into',
      [h.create(2, 3, UNKNOWN), h.create(4, 5, { ...REFUSED, refused: 'exists' }, 'second'), h.gone(1, 3), h.destroy(6, 7)],
    ],
    ['a change that met another life', [begun, h.destroy(2, 3), h.append(4, 5, 'a', { ...REFUSED, refused: 'gone' })]],
    [
      'versions with holes',
      [begun, h.append(2, 3, 'a', version(2)), h.append(4, 5, 'b', version(1_048_579)), h.list(6, 7, 'ab', version(1_048_579))],
    ],
    [
      'attributes named like what objects inherit',
      [
        begun,
        h.all(
          2,
          3,
          Object.fromEntries([
            ['__proto__', 1],
            ['constructor', 2],
          ]),
        ),
      ].slice(0, 1),
    ],
  ];
  for (const [what, calls] of accepted)
    it(`accepts ${what}`, () => {
      expect(messages(calls)).to.deep.equal([]);
      expect(messages(calls.toReversed())).to.deep.equal([]);
    });

  it('says who did what and when', () => {
    const [found] = checkHistory([begun, h.append(2, 3, 'a', { by: 'writer' }), h.list(4, 5, '', { by: 'reader' })]);
    expect(found!.message).to.equal(
      's: the log: the read of reader, from 4.0 to 5.0 ms, comes before the append of writer, from 2.0 to 3.0 ms, which had ended',
    );
    expect(found!.calls.map(({ by }) => by)).to.deep.equal(['reader', 'writer']);
  });

  describe('agrees with the slow way on small histories', () => {
    const time = fc.integer({ min: 1, max: 12 });
    const span = fc.tuple(time, time).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
    const told = fc.constantFrom<Partial<HistoryCall>>({}, {}, UNKNOWN as Partial<HistoryCall>);
    const stale = fc.constantFrom({}, {}, { staleMs: 3 }, { staleMs: Infinity });
    const begins = fc.constant(h.create(0, 0));
    const agree = (calls: fc.Arbitrary<HistoryCall>, first: fc.Arbitrary<HistoryCall> | undefined, runs: number): void => {
      let [can, cannot] = [0, 0];
      const rest = fc.array(calls, { minLength: 1, maxLength: 6 });
      const histories = first === undefined ? rest : fc.tuple(first, rest).map(([one, others]) => [one, ...others]);
      fc.assert(
        fc.property(histories, (history) => {
          const slow = canBe(history);
          if (slow) can++;
          else cannot++;
          expect(messages(history).length === 0, slow ? 'it can be' : 'it cannot be').to.equal(slow);
        }),
        { numRuns: runs, seed: 20_261 },
      );
      expect(can, 'histories that can be').to.be.greaterThan(runs / 20);
      expect(cannot, 'histories that cannot be').to.be.greaterThan(runs / 20);
    };
    let names = 0;

    it('of lists', () => {
      const values = ['', 'a', 'b', 'ab', 'ba', 'abc', 'acb', 'cab'];
      const read = fc.tuple(span, fc.constantFrom(...values), stale).map(([[a, b], of, rest]) => h.list(a, b, of, rest));
      const appends = fc
        .uniqueArray(fc.tuple(span, fc.constantFrom('a', 'b', 'c'), told), {
          selector: ([, of]) => of,
          minLength: 1,
          maxLength: 3,
        })
        .map((each) => each.map(([[a, b], of, rest]) => h.append(a, b, of, rest)));
      let [can, cannot] = [0, 0];
      fc.assert(
        fc.property(appends, fc.array(read, { minLength: 1, maxLength: 3 }), (writes, reads) => {
          const history = [h.create(0, 0), ...writes, ...reads];
          const slow = canBe(history);
          if (slow) can++;
          else cannot++;
          expect(messages(history).length === 0).to.equal(slow);
        }),
        { numRuns: 1_200, seed: 20_261 },
      );
      expect(Math.min(can, cannot)).to.be.greaterThan(60);
    });

    it('of counters with equal steps', () => {
      const step = fc.tuple(span, told).map(([[a, b], rest]) => h.add(a, b, 1, rest));
      const read = fc.tuple(span, fc.integer({ min: 0, max: 3 }), stale).map(([[a, b], of, rest]) => h.count(a, b, of, rest));
      agree(fc.oneof(step, read), begins, 1_200);
    });

    it('of counters with any steps', () => {
      const step = fc.tuple(span, fc.constantFrom(1, 2, -1), told).map(([[a, b], of, rest]) => h.add(a, b, of, rest));
      const read = fc.tuple(span, fc.integer({ min: -1, max: 4 })).map(([[a, b], of]) => h.count(a, b, of));
      agree(fc.oneof(step, read), begins, 800);
    });

    it('of registers', () => {
      const of = fc.constantFrom(undefined, 'a', 'b', 'c');
      const writes = fc.tuple(span, of, told).map(([[a, b], to, rest]) => h.write(a, b, to, rest));
      const swaps = fc.tuple(span, of, of, told).map(([[a, b], over, to, rest]) => h.swap(a, b, over, to, rest));
      const read = fc.tuple(span, of, stale).map(([[a, b], seen, rest]) => h.value(a, b, seen, rest));
      agree(fc.oneof(writes, swaps, read), begins, 1_200);
    });

    it('of lives', () => {
      const creates = fc.tuple(span, told).map(([[a, b], rest]) => h.create(a, b, rest, `life ${++names}`));
      const destroys = fc.tuple(span, told).map(([[a, b], rest]) => h.destroy(a, b, rest));
      const refusals = fc
        .tuple(span, fc.boolean(), stale)
        .map(([[a, b], exists, rest]) =>
          exists
            ? h.create(a, b, { ...REFUSED, refused: 'exists', ...rest }, `life ${++names}`)
            : h.destroy(a, b, { ...REFUSED, refused: 'gone', ...rest }),
        );
      const met = fc.tuple(span, fc.boolean()).map(([[a, b], isThere]) => (isThere ? h.list(a, b, '') : h.gone(a, b)));
      const changes = span.map(([a, b]) => h.append(a, b, `value ${++names}`));
      const first = fc.tuple(span, told).map(([[a, b], rest]) => h.create(a, b, rest, LIFE));
      agree(fc.oneof(creates, destroys, refusals, met, changes), first, 1_200);
    });
  });

  describe('judges ten thousand calls of one session', () => {
    /** What a session that works would have answered to so many callers at once. */
    function played(kind: 'list' | 'counter' | 'register', calls: number): HistoryCall[] {
      const random = seededRandom(7);
      const history: HistoryCall[] = [h.create(0, 0)];
      let [length, sum, last] = [0, 0, undefined as number | undefined];
      const letters: number[] = [];
      for (let i = 1; i <= calls; i++) {
        const from = i - random() * 8;
        const to = i + random() * 8;
        const unknown = random() < 0.02;
        const rest = unknown ? UNKNOWN : {};
        const reads = random() < (kind === 'list' ? 0.02 : 0.5);
        if (unknown && random() < 0.5 && !reads) {
          // it never happened
          history.push(
            kind === 'list'
              ? h.append(from, to, -i, rest)
              : kind === 'counter'
                ? h.add(from, to, 1, rest)
                : h.swap(from, to, last, -i, rest),
          );
        } else if (kind === 'list') {
          if (reads) history.push(h.all(from, to, { log: letters.slice(0, length) }));
          else {
            letters[length++] = i;
            history.push(h.append(from, to, i, rest));
          }
        } else if (kind === 'counter') {
          history.push(reads ? h.count(from, to, sum) : h.add(from, to, (sum++, 1), rest));
        } else if (reads) history.push(h.value(from, to, last));
        else {
          history.push(random() < 0.5 ? h.swap(from, to, last, i, rest) : h.write(from, to, i, rest));
          last = i;
        }
      }
      return history;
    }
    for (const kind of ['list', 'counter', 'register'] as const)
      it(`of a ${kind}`, function () {
        this.timeout(60_000);
        const history = played(kind, 10_000);
        expect(messages(history)).to.deep.equal([]);
        const late =
          kind === 'list'
            ? h.list(20_000, 20_001, '')
            : kind === 'counter'
              ? h.count(20_000, 20_001, 1)
              : h.value(20_000, 20_001, 1);
        expect(messages([...history, late])).to.have.length(1);
      });
  });
});
