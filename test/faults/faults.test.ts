/**
 * Some real faults, judged by the checker; `npm run faults` has any number of them. And the judge itself: what a lost log excuses, and
 * what it does not.
 */
import { expect } from 'chai';
import type { HistoryState } from '../../src/testing/history.js';
import { campaign } from './campaign.js';
import type { NotedCall } from './journal.js';
import { judge } from './round.js';

const FROM = 20;
/** What these seeds are, on any machine and in however many lanes. */
const FAULTS = [
  'SIGSTOP of c for 106 ms',
  'line of x from server cut for 114 ms',
  'kill -9 of y, back after 250 ms',
  'a drained and started again',
  'server 1 killed, back after 510 ms',
];

describe('real faults', function () {
  this.timeout(240_000);

  it('lose nothing, tell nothing that is not true, and leave all replicas equal', async () => {
    const outcomes = await campaign({ from: FROM, count: FAULTS.length, lanes: 2, only: '', cluster: false, longestMs: 600 });
    expect(outcomes.flatMap(({ seed, problems }) => problems.map((problem) => `seed ${seed}: ${problem}`))).to.deep.equal([]);
    expect(outcomes.map(({ what }) => what)).to.deep.equal(FAULTS);
    for (const { acknowledged, reads, seed } of outcomes) {
      expect(acknowledged, `seed ${seed}`).to.be.greaterThan(10);
      expect(reads, `seed ${seed}`).to.be.greaterThan(5);
    }
    expect(outcomes.reduce((sum, { takeovers }) => sum + takeovers, 0)).to.be.greaterThan(0);
  });
});

describe('the judge of a lost log', () => {
  const life = 'l';
  const call = (startMs: number, endMs: number, does: NotedCall['does'], rest: Partial<NotedCall> = {}): NotedCall => ({
    session: 's',
    by: 'p',
    startMs,
    endMs,
    does,
    told: 'ok',
    ...rest,
  });
  const made = call(0, 1, { kind: 'create', life }, { held: true });
  const append = (at: number, value: string, rest: Partial<NotedCall> = {}): NotedCall =>
    call(at, at + 1, { kind: 'change', life, changes: [{ attribute: 'log', append: value }] }, rest);
  const read = (at: number, ...log: string[]): NotedCall => {
    const saw: HistoryState = { life, attributes: { log } };
    return call(at, at + 1, { kind: 'read', saw });
  };
  const [lostMs, recoveredMs] = [100, 200];
  const told = (...calls: NotedCall[]): number => judge({ calls: [made, ...calls], lostMs, recoveredMs }).length;

  it('excuses what only the log held, and reads that had seen it', () => {
    expect(told(append(10, 'a'), read(20, 'a'), read(300))).to.equal(0);
  });

  it('does not excuse what a backup held', () => {
    expect(told(append(10, 'a', { held: true }), read(20, 'a'), read(300))).to.be.greaterThan(0);
  });

  it('does not excuse what was acknowledged once all was stored anew', () => {
    expect(told(append(250, 'a'), read(300))).to.be.greaterThan(0);
  });

  it('does not excuse what could not be before the loss', () => {
    expect(told(append(10, 'a'), read(20), read(300, 'a'))).to.be.greaterThan(0);
  });

  it('does not excuse that what was reported as not stored is there', () => {
    expect(told(append(10, 'a', { told: 'not-stored' }), read(300, 'a'))).to.be.greaterThan(0);
  });
});
