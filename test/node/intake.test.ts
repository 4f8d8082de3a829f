/** However often the message of an operation comes, what was said of one copy stays true. */
import { expect } from 'chai';
import { Intake } from '../../src/node/intake.js';
import type { Answer } from '../../src/replication/operation.js';
import { sequence, version } from '../../src/shared/ids.js';
import { operation } from '../replication/fixtures.js';

const DONE: Answer = {
  kind: 'done',
  version: version(2),
  incarnation: sequence(1),
  others: [],
  merged: false,
  rewritten: undefined,
};
const NOT_NOW: Answer = { kind: 'retry', clean: true, hint: undefined, why: 'not now' };
const MAYBE: Answer = { kind: 'retry', clean: false, hint: undefined, why: 'it may be stored' };

describe('the intake of operations', () => {
  const mine = operation('commit', 's', 1, 'a=1');

  it('gives a copy that comes meanwhile the answer of the first, whatever would be said now', async () => {
    const intake = new Intake();
    let answer!: (answer: Answer) => void;
    const first = intake.take(mine, 0, () => new Promise((resolve) => (answer = resolve)));
    const copy = intake.take(mine, 0, () => Promise.resolve(NOT_NOW));
    const next = intake.take(mine, 1, () => Promise.resolve(NOT_NOW));
    answer(DONE);
    expect(await Promise.all([first, copy, next])).to.deep.equal([DONE, DONE, DONE]);
    const refused = intake.take(mine, 2, () => new Promise((resolve) => (answer = resolve)));
    const later = intake.take(mine, 5, () => Promise.resolve(DONE));
    answer(NOT_NOW);
    expect(await Promise.all([refused, later])).to.deep.equal([NOT_NOW, NOT_NOW]);
    expect(await intake.take(mine, 5, () => Promise.resolve(DONE)), 'refused with the one before it').to.equal(undefined);
  });

  it('never takes a refused try in afterwards, but takes the next try', async () => {
    const intake = new Intake();
    const refusals: Answer[] = [
      NOT_NOW,
      { kind: 'exists' },
      { kind: 'refused', code: 'NOT_ENOUGH_BACKUPS', why: 'none here' },
      { kind: 'conflict', version: version(3), slots: [], why: 'no history here' },
    ];
    for (const [i, refusal] of refusals.entries()) {
      const each = { ...mine, op: { client: 'me', counter: i } };
      expect(await intake.take(each, 3, () => Promise.resolve(refusal))).to.equal(refusal);
      let taken = 0;
      const take = (attempt: number): Promise<Answer | undefined> =>
        intake.take(each, attempt, () => {
          taken++;
          return Promise.resolve(DONE);
        });
      expect([await take(3), await take(0), taken]).to.deep.equal([undefined, undefined, 0]);
      expect([await take(4), taken]).to.deep.equal([DONE, 1]);
    }
  });

  it('never ends or touches afterwards what was not there when it was asked for', async () => {
    const intake = new Intake();
    const gone: Answer = { kind: 'gone', ended: undefined };
    for (const [i, kind] of (['destroy', 'touch'] as const).entries()) {
      const each = operation(kind, 's', undefined, '', { op: { client: 'me', counter: i } });
      expect(await intake.take(each, 0, () => Promise.resolve(gone))).to.equal(gone);
      expect(await intake.take(each, 0, () => Promise.resolve(DONE)), 'a session made meanwhile').to.equal(undefined);
    }
    // the one that is meant never comes back: that need not be remembered
    await intake.take(mine, 0, () => Promise.resolve(gone));
    expect(await intake.take(mine, 0, () => Promise.resolve(gone))).to.equal(gone);
  });

  it('takes in again what was answered otherwise: replicas know what they have stored', async () => {
    const intake = new Intake();
    for (const answer of [DONE, MAYBE, { kind: 'conflict', version: version(3), slots: ['1:count'], why: '' } as const]) {
      await intake.take(mine, 0, () => Promise.resolve(answer));
      expect(await intake.take(mine, 0, () => Promise.resolve(DONE))).to.equal(DONE);
    }
  });

  it('remembers a bounded number of refusals, the latest', async () => {
    const intake = new Intake();
    const by = (counter: number): Promise<Answer | undefined> =>
      intake.take({ ...mine, op: { client: 'me', counter } }, 0, () => Promise.resolve(NOT_NOW));
    for (let counter = 0; counter < 20_000; counter++) await by(counter);
    expect([await by(19_999), await by(0)]).to.deep.equal([undefined, NOT_NOW]);
  });
});
