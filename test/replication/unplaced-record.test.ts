/**
 * A record that names none before it, delivered by itself, says nothing of what the log gave up meanwhile: only a reading that has
 * the record applied last, too, shows that nothing stands between them.
 */
import { expect } from 'chai';
import { sequence, sessionId } from '../../src/shared/ids.js';
import { encodeRecord } from '../../src/replication/record.js';
import { DEFAULT_TIMING } from '../../src/replication/timing.js';
import { A, B, C, operation, text } from './fixtures.js';
import { Bench } from './bench.js';

const END = encodeRecord({ type: 'end', id: 'x', prev: { sequence: sequence(0), id: '' }, node: C });

describe('a record that names none before it', () => {
  let primary: Bench;
  let follower: Bench;
  beforeEach(() => {
    primary = new Bench(A);
    primary.lead();
    primary.operate(operation('create', 's', undefined, 'made'));
    primary.flush();
    follower = new Bench(B, {}, [...primary.log]);
  });

  /** The log takes what the primary has under way, and delivers it to the primary only. */
  function commit(base: number, delta: string): void {
    primary.operate(operation('commit', 's', base, delta));
    primary.flush();
  }

  const deliver = (at: number): void => follower.machine.record(follower.now, sequence(at), primary.log[at - 1]!.record);
  const stands = (): unknown[] => [follower.machine.role, follower.machine.ledger.applied];
  const noticed = (): string[] => follower.of('notice').map(({ notice }) => notice.kind);

  it('is stepped over once it was read behind the record applied last, and not before', () => {
    primary.occupy(text('no record of ours'));
    deliver(3);
    expect([stands(), noticed()]).to.deep.equal([['following', 2], []]);
    expect(follower.look()).to.deep.equal([]);
    expect(follower.of('poll').at(-1)).to.deep.equal({ type: 'poll', after: 1, applied: 2 });
    follower.machine.polled(follower.now, sequence(2), { entries: entriesOf(primary.log.slice(1)), last: sequence(3) });
    expect([stands(), noticed()]).to.deep.equal([['following', 3], ['foreign-record']]);
  });

  for (const [what, strangers] of [
    ['no record at all', () => text('no record of ours')],
    ['a copied LEAD', () => primary.log[0]!.record],
    ['a copied commit', () => primary.log[1]!.record],
    ['an END', () => END],
  ] as const)
    it(`hides no commit that the log gave up while the replica heard nothing: ${what}`, () => {
      commit(1, 'a=1');
      primary.log.push({ at: 4, record: strangers() });
      // the log begins with it now, and the replica hears of that first
      deliver(4);
      expect(stands()).to.deep.equal(['following', 2]);
      follower.answerPoll(primary.log.slice(3));
      expect(stands()).to.deep.equal(['joining', 2]);
      expect(noticed()).to.deep.equal(['gap']);
      expect(follower.of('append')).to.deep.equal([]);
    });

  it('keeps what comes behind it waiting for one reading, which brings all of it', () => {
    primary.occupy(text('no record of ours'));
    commit(1, 'a=1');
    commit(2, 'b=1');
    for (const at of [3, 4, 5]) deliver(at);
    expect(follower.of('poll')).to.have.length(1);
    follower.answerPoll(primary.log);
    expect(stands()).to.deep.equal(['following', 5]);
    expect(follower.machine.ledger.session(sessionId('s'))!.version).to.equal(3);
    expect([follower.of('join').length, noticed()]).to.deep.equal([1, ['foreign-record']]);
  });

  it('is read for again until it is there: a reading may be stale, unanswered, or older than what was delivered', () => {
    primary.occupy(text('no record of ours'));
    commit(1, 'a=1');
    deliver(3);
    const asked = (): number => follower.of('poll').length;
    for (const answer of [
      undefined,
      { entries: entriesOf(primary.log.slice(1, 2)), last: sequence(2) },
      { entries: [], last: sequence(1) },
    ]) {
      const before = asked();
      follower.machine.polled(follower.now, sequence(2), answer);
      for (let i = 0; i < 10 && asked() === before; i++) follower.tick(20);
      expect(asked()).to.equal(before + 1);
    }
    deliver(4);
    follower.machine.polled(follower.now, sequence(2), { entries: entriesOf(primary.log.slice(1, 3)), last: sequence(3) });
    expect(stands(), 'what came behind it is still to be read').to.deep.equal(['following', 3]);
    follower.look();
    for (let i = 0; i < 10; i++) {
      follower.ms += 20;
      follower.machine.tick(follower.now, { suspected: false, rank: 0, stable: true });
      follower.answerPoll(primary.log);
    }
    expect(stands()).to.deep.equal(['following', 4]);
    const before = asked();
    for (let i = 0; i < 20; i++) follower.tick(20);
    expect(asked(), 'nothing is due any more').to.equal(before);
  });

  it('is forgotten where it was taken out of the log: after a while everything is read again', () => {
    const whole = [...primary.log];
    primary.occupy(text('no record of ours'));
    deliver(3);
    for (let ms = 0; ms < DEFAULT_TIMING.lostMs - 100; ms += 50) {
      follower.tick(50);
      follower.machine.polled(follower.now, sequence(2), { entries: entriesOf(whole.slice(1)), last: sequence(2) });
    }
    expect(stands()).to.deep.equal(['following', 2]);
    follower.tick(200);
    follower.machine.polled(follower.now, sequence(2), { entries: entriesOf(whole.slice(1)), last: sequence(2) });
    expect(stands()).to.deep.equal(['joining', 2]);
    follower.join();
    const asked = follower.of('poll').length;
    for (let i = 0; i < 20; i++) follower.tick(20);
    expect([follower.machine.role, follower.of('poll').length]).to.deep.equal(['following', asked]);
  });

  it('displaces what a primary had under way, which is asked again behind it, wherever that shows first', () => {
    const token = primary.operate(operation('commit', 's', 1, 'a=1'));
    const { attempt, expected } = primary.append();
    primary.log.push({ at: 3, record: text('no record of ours') });
    primary.machine.appended(primary.now, attempt, { outcome: 'refused', reason: 'position' });
    primary.answerPoll();
    expect(primary.append().expected).to.equal(expected + 1);
    primary.flush();
    expect(primary.answer(token)).to.include({ kind: 'done', version: 2 });
    expect(primary.machine.role).to.equal('leading');
  });
});

function entriesOf(log: Bench['log']) {
  return log.map(({ at, record }) => ({ sequence: sequence(at), record }));
}
