/** How the lead passes by agreement: the primary stops, invites, and is succeeded or goes on; the log decides, as always. */
import { expect } from 'chai';
import { epoch, sequence, sessionId } from '../../src/shared/ids.js';
import { decodeRecord } from '../../src/replication/record.js';
import { DEFAULT_TIMING } from '../../src/replication/timing.js';
import { Bench } from './bench.js';
import { A, B, C, operation } from './fixtures.js';

const { handoverMs, leaseMs } = DEFAULT_TIMING;

describe('a handover', () => {
  let primary: Bench;
  let follower: Bench;

  beforeEach(() => {
    primary = new Bench(A);
    follower = new Bench(B, {}, primary.log);
    primary.lead(follower);
    primary.operate(operation('create', 's', undefined, 'made'));
    primary.occupy(primary.append().record, follower);
  });

  const handOver = (): void => primary.machine.succession.handOver(primary.now, B);
  const invitation = () => primary.of('invite').at(-1);
  const invite = (position: number, { from = A, term = 1 } = {}): boolean => {
    const agreed = follower.machine.succession.invited(follower.now, from, epoch(term), sequence(position));
    follower.look();
    return agreed;
  };
  const read = (bench: Bench, token: number): void => {
    const asked = { session: sessionId('s'), consistency: 'primary', known: undefined, atLeast: undefined } as const;
    bench.machine.read(bench.now, token, asked);
  };

  it('begins where the primary has stopped: what is under way is decided first, what comes meanwhile waits', () => {
    const underWay = primary.operate(operation('commit', 's', 1, 'a=1'));
    handOver();
    expect(invitation(), 'its own record may still be stored').to.equal(undefined);
    const appends = primary.of('append').length;
    const late = primary.operate(operation('commit', 's', 1, 'b=1'));
    primary.occupy(primary.append().record, follower);
    expect(invitation()).to.deep.include({ to: B, epoch: 1, position: 3 });
    expect(primary.answer(underWay)).to.include({ kind: 'done', version: 2 });
    expect(primary.of('append'), 'nothing is appended behind that position').to.have.length(appends);
    expect(primary.answer(late)).to.equal(undefined);
  });

  it('is over with the LEAD of the one that was invited: what waited goes there, and was never appended', () => {
    handOver();
    const waiting = primary.operate(operation('commit', 's', 1, 'a=1'));
    read(primary, 900);
    expect(invite(invitation()!.position)).to.equal(true);
    const lead = follower.append();
    expect(decodeRecord(lead.record)).to.include({ type: 'lead', node: B });
    expect(lead.expected).to.equal(2);
    follower.occupy(lead.record, primary);
    expect([primary.machine.role, follower.machine.role]).to.deep.equal(['following', 'leading']);
    expect(primary.answer(waiting)).to.include({ kind: 'retry', clean: true, hint: B });
    expect(primary.of('read').at(-1)?.answer).to.include({ kind: 'retry', hint: B });
    expect(primary.of('role').at(-1)?.reason).to.equal('handed over');
  });

  it('keeps at the one that is invited what is asked of it early, and does it as soon as it leads', () => {
    handOver();
    invite(invitation()!.position);
    const early = follower.operate(operation('commit', 's', 1, 'a=1'));
    read(follower, 901);
    expect(follower.answer(early)).to.equal(undefined);
    follower.occupy(follower.append().record, primary);
    follower.flush();
    expect(follower.answer(early)).to.include({ kind: 'done', version: 2 });
    expect(follower.of('read').at(-1)).to.deep.include({ token: 901 });
    expect(follower.of('read').at(-1)?.answer.kind).to.equal('snapshot');
  });

  it('lets a follower that is behind reach that position first', () => {
    const slow = new Bench(C, {}, primary.log);
    primary.operate(operation('commit', 's', 1, 'a=1'));
    const { record } = primary.append();
    primary.occupy(record);
    primary.machine.succession.handOver(primary.now, C);
    expect(slow.machine.succession.invited(slow.now, A, epoch(1), invitation()!.position)).to.equal(true);
    expect(slow.of('append')).to.deep.equal([]);
    expect(slow.of('poll').at(-1)).to.include({ applied: 2 });
    slow.machine.record(slow.now, sequence(3), record);
    expect(slow.append().expected).to.equal(3);
  });

  it('is declined by whoever follows another term or another primary, or has seen more of the log', () => {
    expect(invite(2, { term: 9 })).to.equal(false);
    expect(invite(2, { from: C })).to.equal(false);
    expect(invite(1)).to.equal(false);
    expect(new Bench(A).machine.succession.invited(primary.now, B, epoch(0), sequence(0))).to.equal(false);
    expect(follower.of('append')).to.deep.equal([]);
  });

  it('that comes to nothing in time ends with the primary going on, with all that waited', () => {
    handOver();
    const waiting = primary.operate(operation('commit', 's', 1, 'a=1'));
    for (let ms = 0; ms < handoverMs - 20; ms += 20) primary.tick(20);
    expect(primary.of('invite').length, 'an invitation may be lost').to.be.greaterThan(2);
    expect(primary.of('append').at(-1)!.expected).to.equal(1);
    primary.tick(20);
    expect(primary.of('notice').map(({ notice }) => notice.kind)).to.deep.equal(['handover-failed']);
    primary.occupy(primary.append().record, follower);
    expect(primary.answer(waiting)).to.include({ kind: 'done', version: 2 });
    expect(primary.machine.role).to.equal('leading');
  });

  it('that is declined ends at once, but not by an answer of another term', () => {
    handOver();
    const waiting = primary.operate(operation('commit', 's', 1, 'a=1'));
    primary.machine.succession.declined(primary.now, epoch(9), 'late');
    expect(primary.machine.succession.handingOverTo).to.equal(B);
    primary.machine.succession.declined(primary.now, epoch(1), 'gone');
    primary.occupy(primary.append().record);
    expect(primary.answer(waiting)).to.include({ kind: 'done' });
  });

  it('that comes too late still fences: a LEAD that is stored leads, whatever the primary thought', () => {
    handOver();
    invite(invitation()!.position);
    const { record } = follower.append();
    primary.tick(handoverMs);
    const waiting = primary.operate(operation('commit', 's', 1, 'a=1'));
    // the primary has sent its own record again, and the LEAD was first
    follower.occupy(record, primary);
    expect(primary.machine.role).to.equal('following');
    expect(primary.answer(waiting)).to.include({ kind: 'retry', clean: true, hint: B });
  });

  it('is good for one position only: once the primary went on nobody claims, and who asked early is sent back', () => {
    handOver();
    const { position } = invitation()!;
    primary.tick(handoverMs);
    primary.operate(operation('commit', 's', 1, 'a=1'));
    invite(position);
    const early = follower.operate(operation('commit', 's', 1, 'b=1'));
    primary.occupy(primary.append().record, follower);
    expect(follower.answer(early)).to.include({ kind: 'retry', clean: true, hint: A });
    const sent = follower.of('append').length;
    follower.machine.appended(follower.now, follower.append().attempt, { outcome: 'refused', reason: 'position' });
    for (let i = 0; i < 30; i++) follower.tick(50);
    expect(follower.of('append')).to.have.length(sent);
  });

  it('that was invited and hears no more of it claims no longer than a handover takes', () => {
    invite(2);
    const sent = follower.of('append').length;
    const early = follower.operate(operation('commit', 's', 1, 'b=1'));
    follower.tick(handoverMs);
    expect(follower.answer(early)).to.include({ kind: 'retry', hint: A });
    follower.machine.appended(follower.now, follower.append().attempt, { outcome: 'unknown' });
    for (let i = 0; i < 30; i++) follower.tick(50);
    expect(follower.of('append')).to.have.length(sent);
  });

  it('ends the lease: no read is answered from memory until the primary has had a new record accepted', () => {
    primary.operate(operation('commit', 's', 1, 'a=1'));
    primary.occupy(primary.append().record, follower);
    read(primary, 902);
    expect(primary.of('read').at(-1)?.token, 'its lease is fresh').to.equal(902);
    handOver();
    read(primary, 903);
    primary.tick(handoverMs);
    expect(primary.of('read').at(-1)?.token).to.equal(902);
    primary.occupy(primary.append().record, follower);
    expect(primary.of('read').at(-1)?.token).to.equal(903);
  });

  it('needs no waiting for the lease of the one before, which a takeover in doubt must do', () => {
    const strict = new Bench(B, {}, primary.log, 'strict');
    handOver();
    strict.machine.succession.invited(strict.now, A, epoch(1), sequence(2));
    strict.occupy(strict.append().record, primary);
    const token = strict.operate(operation('commit', 's', 1, 'a=1'));
    strict.occupy(strict.append().record);
    expect(strict.answer(token)).to.include({ kind: 'done' });

    const doubting = new Bench(C, {}, strict.log, 'strict');
    for (let i = 0; i < 20 && doubting.of('append').length === 0; i++) {
      doubting.tick(20, { suspected: true, rank: 0, stable: true });
      doubting.machine.polled(doubting.now, sequence(4), { entries: [], last: sequence(4) });
    }
    doubting.occupy(doubting.append().record);
    const held = doubting.operate(operation('commit', 's', 2, 'b=1'));
    doubting.occupy(doubting.append().record);
    expect(doubting.answer(held)).to.equal(undefined);
    doubting.tick(leaseMs);
    expect(doubting.answer(held)).to.include({ kind: 'done' });
  });
});
