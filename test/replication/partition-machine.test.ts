/**
 * One replica as a state machine: what comes in is told, what goes out is looked at, and the log is a list in the test. Rule 1
 * above all: a record is sent again with the same bytes at the same position until that position is occupied.
 */
import { expect } from 'chai';
import { revision, sequence, sessionId } from '../../src/shared/ids.js';
import { decodeRecord, encodeRecord } from '../../src/replication/record.js';
import { DEFAULT_TIMING } from '../../src/replication/timing.js';
import { A, B, operation } from './fixtures.js';

import { Bench, CALM } from './bench.js';
import type { View } from './bench.js';

describe('a replica', () => {
  let bench: Bench;
  beforeEach(() => (bench = new Bench(A)));

  const make = (): number => bench.operate(operation('create', 's', undefined, 'made'));

  it('that finds nobody leading appends LEAD behind what it has applied, and leads once the log has it', () => {
    bench.lead();
    expect(decodeRecord(bench.log[0]!.record)).to.include({ type: 'lead', node: A });
    expect(bench.machine.epoch).to.equal(1);
  });

  it('answers a commit once its record is stored, not before', () => {
    bench.lead();
    const token = make();
    expect(bench.answer(token)).to.equal(undefined);
    expect(bench.append().expected).to.equal(1);
    bench.machine.appended(bench.now, bench.append().attempt, { outcome: 'stored', sequence: sequence(2) });
    expect(bench.answer(token)).to.include({ kind: 'done', version: 1, incarnation: 2 });
  });

  it('refuses nothing that is stored, though it has fewer backups than were asked for', () => {
    bench.lead();
    make();
    bench.flush();
    const commit = operation('commit', 's', 1, 'a=1', { backups: 0, waitMs: 200 });
    bench.operate(commit);
    bench.flush();
    // whoever asked another primary for backups, which died, asks this one
    const again = { ...commit, backups: 1 };
    const [waits, held] = [bench.operate(again), bench.operate({ ...again, waitMs: 1_000 })];
    const other = bench.operate(operation('commit', 's', 2, 'b=1', { backups: 1 }));
    expect([bench.answer(waits), bench.answer(held)], 'it waits for its backup').to.deep.equal([undefined, undefined]);
    expect(bench.answer(other)).to.include({ kind: 'retry', clean: true });
    bench.tick(300);
    expect(bench.answer(waits)).to.deep.equal({ kind: 'stored', version: 2 });
    bench.machine.reported(bench.now, B, bench.machine.ledger.epoch, bench.machine.ledger.applied);
    expect(bench.answer(held)).to.include({ kind: 'done', version: 2 });
  });

  it('has one append under way; what comes meanwhile goes into the next', () => {
    bench.lead();
    const appends = bench.of('append').length;
    const tokens = [
      make(),
      bench.operate(operation('create', 't', undefined, 'x')),
      bench.operate(operation('create', 'u', undefined, 'y')),
    ];
    expect(bench.of('append')).to.have.length(appends + 1);
    bench.occupy(bench.append().record);
    const next = decodeRecord(bench.append().record);
    expect(next.type === 'commit' && next.entries.map(({ session }) => session)).to.deep.equal(['t', 'u']);
    bench.occupy(bench.append().record);
    for (const token of tokens) expect(bench.answer(token)).to.include({ kind: 'done' });
  });

  it('sends the same bytes at the same position again and again, until the position is occupied', () => {
    bench.lead();
    const token = make();
    const first = bench.append();
    for (const outcome of [{ outcome: 'unknown' }, { outcome: 'refused', reason: 'position' }, { outcome: 'unknown' }] as const) {
      bench.machine.appended(bench.now, bench.append().attempt, outcome);
      for (let i = 0; i < 30; i++) bench.tick(20);
      const again = bench.append();
      expect(again.attempt).to.be.greaterThan(first.attempt);
      expect(again.expected).to.equal(first.expected);
      expect(Buffer.from(again.record).equals(Buffer.from(first.record))).to.equal(true);
      expect(bench.answer(token), 'nobody knows yet').to.equal(undefined);
    }
    bench.operate(operation('create', 't', undefined, 'waits'));
    expect(bench.append().expected, 'nothing overtakes it').to.equal(first.expected);
    bench.occupy(first.record);
    expect(bench.answer(token)).to.include({ kind: 'done' });
  });

  it('looks at the log when an append is in doubt, and believes what stands at the position', () => {
    bench.lead();
    const token = make();
    const { attempt, record } = bench.append();
    bench.machine.appended(bench.now, attempt, { outcome: 'refused', reason: 'position' });
    bench.tick(100);
    const poll = bench.of('poll').at(-1)!;
    expect(poll).to.include({ after: 0, applied: 1 });
    // it was stored after all: the refusal was of a retry
    bench.machine.polled(bench.now, sequence(1), { entries: [{ sequence: sequence(2), record }], last: sequence(2) });
    expect(bench.answer(token)).to.include({ kind: 'done' });
  });

  it('takes an answer to any sending of the record, and none of a record before', () => {
    bench.lead();
    const token = make();
    const first = bench.append();
    bench.machine.appended(bench.now, first.attempt, { outcome: 'unknown' });
    bench.tick(500);
    expect(bench.append().attempt).to.be.greaterThan(first.attempt);
    bench.machine.appended(bench.now, first.attempt, { outcome: 'stored', sequence: sequence(2) });
    expect(bench.answer(token)).to.include({ kind: 'done' });
    const next = bench.operate(operation('commit', 's', 1, 'a=1'));
    bench.machine.appended(bench.now, first.attempt, { outcome: 'stored', sequence: sequence(3) });
    expect(bench.answer(next), 'an old answer says nothing of the new record').to.equal(undefined);
  });

  it('whose record was displaced by another one asks the same operations again behind it', () => {
    bench.lead();
    make();
    bench.occupy(bench.append().record);
    const token = bench.operate(operation('commit', 's', 1, 'a=1'));
    const lost = bench.append();
    // something else stands there: no record of ours
    bench.occupy(Buffer.from('nonsense'));
    expect(bench.of('notice').map(({ notice }) => notice.kind)).to.deep.equal(['foreign-record']);
    expect(bench.append().expected).to.equal(lost.expected + 1);
    expect(bench.answer(token)).to.equal(undefined);
    bench.occupy(bench.append().record);
    expect(bench.answer(token)).to.include({ kind: 'done', version: 2 });
  });

  it('that is fenced while a commit is under way steps down, and says that the commit can never be', () => {
    const other = new Bench(B, {}, bench.log);
    bench.lead(other);
    make();
    bench.occupy(bench.append().record, other);
    const inFlight = bench.operate(operation('commit', 's', 1, 'a=1'));
    const waiting = bench.operate(operation('commit', 's', 1, 'b=1'));
    const late = bench.append().record;
    const { applied, lastId } = other.machine.ledger;
    bench.occupy(encodeRecord({ type: 'lead', id: 'B.1', prev: { sequence: applied, id: lastId }, node: B }), other);
    expect([bench.machine.role, other.machine.role]).to.deep.equal(['following', 'leading']);
    for (const token of [inFlight, waiting]) expect(bench.answer(token)).to.include({ kind: 'retry', clean: true, hint: B });
    // and were it to arrive all the same, nobody would take it
    const before = other.machine.ledger.session(sessionId('s'))!.version;
    const forged = { ...decodeRecord(late), prev: { sequence: other.machine.ledger.applied, id: other.machine.ledger.lastId } };
    other.occupy(encodeRecord(forged), bench);
    expect(other.machine.ledger.session(sessionId('s'))!.version).to.equal(before);
    expect(other.of('notice').map(({ notice }) => notice.kind)).to.include('fenced');
  });

  it('that has to begin anew says of what is under way that nobody knows, and of what only waits that it was not stored', () => {
    bench.lead();
    make();
    bench.occupy(bench.append().record);
    const inFlight = bench.operate(operation('commit', 's', 1, 'a=1'));
    const waiting = bench.operate(operation('commit', 's', 1, 'b=1'));
    bench.machine.record(
      bench.now,
      sequence(9),
      encodeRecord({ type: 'lead', id: 'x', prev: { sequence: sequence(8), id: 'y' }, node: B }),
    );
    expect(bench.machine.role).to.equal('joining');
    expect(bench.answer(inFlight)).to.include({ kind: 'retry', clean: false });
    expect(bench.answer(waiting)).to.include({ kind: 'retry', clean: true });
    expect(bench.of('join')).to.have.length(2);
  });

  it('says no at once where the log is full and the record was sent only once', () => {
    bench.lead();
    const token = make();
    bench.machine.appended(bench.now, bench.append().attempt, { outcome: 'refused', reason: 'full' });
    expect(bench.answer(token)).to.include({ kind: 'refused', code: 'ENGINE_FAILED' });
    const again = make();
    bench.machine.appended(bench.now, bench.append().attempt, { outcome: 'unknown' });
    bench.tick(500);
    bench.machine.appended(bench.now, bench.append().attempt, { outcome: 'refused', reason: 'full' });
    expect(bench.answer(again), 'an earlier sending may have been stored').to.equal(undefined);
  });

  it('makes room in a full log also for a record whose fate is unknown: nothing else could be appended before it', () => {
    bench.lead();
    for (const name of ['a', 'b']) {
      bench.operate(operation('create', name, undefined, 'x'));
      bench.flush();
    }
    bench.operate(operation('create', 'c', undefined, 'x'));
    bench.machine.appended(bench.now, bench.append().attempt, { outcome: 'unknown' });
    bench.tick(500);
    bench.machine.appended(bench.now, bench.append().attempt, { outcome: 'refused', reason: 'full' });
    const trims = bench.of('trim').length;
    for (let i = 0; i < 40; i++) {
      bench.tick(100);
      for (const { session } of bench.of('look-up')) bench.machine.lookedUp(session, null);
      for (const put of bench.of('put')) bench.machine.put(put.session, revision(i + 1));
    }
    expect(bench.of('trim').length).to.be.greaterThan(trims);
  });

  it('that follows claims only while the primary is suspected, its link is stable and the log answers; by rank', () => {
    const other = new Bench(B, {}, bench.log);
    bench.lead(other);
    const alive = (): void => other.machine.polled(other.now, sequence(1), { entries: [], last: sequence(1) });
    const claims = (ms: number, view: View, answers = true): boolean => {
      const before = other.of('append').length;
      for (let i = 0; i < ms / 20; i++) {
        other.tick(20, view);
        if (answers) alive();
      }
      return other.of('append').length > before;
    };
    expect(claims(1_000, CALM)).to.equal(false);
    expect(claims(1_000, { suspected: true, rank: 0, stable: false })).to.equal(false);
    expect(claims(1_000, { suspected: true, rank: -1, stable: true })).to.equal(false);
    claims(1_000, CALM, false);
    expect(claims(1_000, { suspected: true, rank: 0, stable: true }, false), 'an outage of the log').to.equal(false);
    expect(claims(DEFAULT_TIMING.rankMs, { suspected: true, rank: 2, stable: true })).to.equal(false);
    expect(claims(DEFAULT_TIMING.rankMs * 2, { suspected: true, rank: 2, stable: true })).to.equal(true);
    expect(other.append().expected, 'behind what it has applied, never behind what the server has').to.equal(1);
  });

  it('never claims behind another record than the one it applied, though that stands at the same position', () => {
    const other = new Bench(B, {}, bench.log);
    bench.lead(other);
    make();
    const { record } = bench.append();
    bench.occupy(record, other);
    bench.operate(operation('commit', 's', 1, 'a=1'));
    const rewritten = bench.append().record;
    expect(rewritten).not.to.deep.equal(record);
    const doubt = { suspected: true, rank: 0, stable: true };
    const poll = (entry: Uint8Array): void =>
      other.machine.polled(other.now, sequence(2), { entries: [{ sequence: sequence(2), record: entry }], last: sequence(2) });
    // what it heard last is long ago
    other.tick(1_000, CALM);
    other.tick(20, doubt);
    expect(other.of('poll').at(-1), 'the last record is read again').to.include({ after: 1, applied: 2 });
    for (let i = 0; i < 100 && other.machine.role === 'following'; i++) {
      other.tick(20, doubt);
      poll(rewritten);
    }
    expect(other.of('append')).to.deep.equal([]);
    expect(other.machine.role, 'it reads everything again, and finds out').to.equal('joining');
  });

  it('that reads a log without its tail, for long, has lost it and serves nothing; a short stale read is no loss', () => {
    bench.lead();
    make();
    bench.occupy(bench.append().record);
    const short = (): void => bench.machine.polled(bench.now, sequence(2), { entries: [], last: sequence(1) });
    short();
    bench.ms += DEFAULT_TIMING.lostMs - 1;
    short();
    expect(bench.machine.role).to.equal('leading');
    bench.machine.polled(bench.now, sequence(2), { entries: [], last: sequence(2) });
    bench.ms += 2;
    short();
    expect(bench.machine.role, 'it was there again in between').to.equal('leading');
    bench.ms += DEFAULT_TIMING.lostMs;
    short();
    expect(bench.machine.role).to.equal('lost');
    const [notice] = bench.of('notice').map((effect) => effect.notice);
    expect(notice).to.include({ kind: 'log-lost' });
    expect(bench.answer(bench.operate(operation('commit', 's', 1, 'a=1')))).to.include({ kind: 'retry', clean: true });
  });

  it('takes no log for lost that goes on: two stale reads with records between them are no long one', () => {
    bench.lead();
    bench.operate(operation('create', 's', undefined, 'made'));
    bench.flush();
    const short = (): void => bench.machine.polled(bench.now, bench.machine.ledger.applied, { entries: [], last: sequence(1) });
    for (let at = 1; at < 4; at++) {
      short();
      bench.ms += DEFAULT_TIMING.lostMs / 2;
      bench.operate(operation('commit', 's', at, `k${at}=1`));
      bench.flush();
      bench.ms += DEFAULT_TIMING.lostMs / 2;
      short();
      expect(bench.machine.role).to.equal('leading');
    }
    // a stranger's record by itself shows nothing
    bench.ms += DEFAULT_TIMING.lostMs / 2;
    bench.machine.record(bench.now, sequence(bench.log.at(-1)!.at + 1), new Uint8Array([1, 2, 3]));
    bench.ms += DEFAULT_TIMING.lostMs / 2;
    short();
    expect(bench.machine.role).to.equal('lost');
  });
});
