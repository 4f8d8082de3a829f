/** The oracle of the simulated world must reject histories that cannot be true. */
import { expect } from 'chai';
import { History } from './history.js';
import type { Told } from './history.js';

type Final = Parameters<History['check']>[0];

const end = (entries: string[], notes: [string, { text: string }][] = [], version = 9): Final =>
  new Map([['s', { life: 'l', entries, notes: new Map(notes), version }]]);
const append = (op: string, told: Told, version = 1) => ({ session: 's', life: 'l', op, told, version, endedMs: 100 });
const seen = (entries: string[], askedMs: number, boundMs = 0, version = 1) => ({
  session: 's',
  life: 'l',
  entries,
  version,
  askedMs,
  boundMs,
  by: 'r',
});

function violations(act: (history: History) => void, final: Final): string[] {
  const history = new History();
  act(history);
  history.check(final);
  return history.violations;
}

describe('the oracle of the simulated world', () => {
  it('accepts what can be true', () => {
    const act = (history: History): void => {
      history.append(append('a', 'ok'));
      history.append(append('b', 'unknown'));
      history.append(append('c', 'not-stored'));
      history.observe(seen([], 50));
      history.observe(seen(['a'], 200));
    };
    expect(violations(act, end(['a']))).to.deep.equal([]);
    expect(violations(act, end(['a', 'b']))).to.deep.equal([]);
  });

  const rejected: [string, (history: History) => void, Final, RegExp][] = [
    ['an acknowledged change that is missing', (h) => h.append(append('a', 'ok')), end([]), /lost: a/],
    [
      'a change that was reported as not stored',
      (h) => h.append(append('a', 'not-stored')),
      end(['a']),
      /reported as not stored/,
    ],
    ['a change that is there twice', (h) => h.append(append('a', 'unknown')), end(['a', 'a']), /applied 2 times/],
    ['a version that went back', (h) => h.append(append('a', 'ok', 10)), end(['a']), /version went back/],
    ['a read of what was never so', (h) => h.observe(seen(['x'], 5)), end(['a']), /never so/],
    [
      'a read that misses what was acknowledged before',
      (h) => [h.append(append('a', 'ok')), h.observe(seen([], 101))],
      end(['a']),
      /stale read/,
    ],
    [
      'a read that misses more than its bound allows',
      (h) => [h.append(append('a', 'ok')), h.observe(seen([], 601, 500))],
      end(['a']),
      /stale read/,
    ],
    [
      'a session that was destroyed',
      (h) => [h.destroyed('s', 'l', 10), h.observe(seen([], 20))],
      end([]),
      /destroyed session read/,
    ],
    [
      'a note that was overwritten by an older one',
      (h) => [(h.note('s/l/n', '1').told = 'ok'), (h.note('s/l/n', '2').told = 'ok')],
      end([], [['n', { text: '1' }]]),
      /possible were 2/,
    ],
    [
      'a note of another life',
      (h) => void (h.note('s/other/n', '1').told = 'ok'),
      end([], [['n', { text: '1' }]]),
      /another life/,
    ],
  ];
  for (const [what, act, final, expected] of rejected) {
    it(`rejects ${what}`, () => {
      expect(violations(act, final).join('\n')).to.match(expected);
    });
  }

  it('lets a read be as old as its bound', () => {
    const act = (history: History): void => {
      history.append(append('a', 'ok'));
      history.observe(seen([], 599, 500, 1));
    };
    expect(violations(act, end(['a']))).to.deep.equal([]);
  });
});
