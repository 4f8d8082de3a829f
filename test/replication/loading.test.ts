/** A replica that is at work before its stored sessions have come: nobody can tell the difference who asks what it lacks first. */
import { expect } from 'chai';
import { epoch, revision, sequence, sessionId } from '../../src/shared/ids.js';
import type { LoadedSession } from '../../src/replication/applied.js';
import type { ReadPartition } from '../../src/replication/joining.js';
import { decodeRecord, encodeRecord } from '../../src/replication/record.js';
import { decodeStored } from '../../src/replication/session-state.js';
import { A, B, operation, read, textBodies, V } from './fixtures.js';
import { Bench } from './bench.js';

describe('a replica that loads while it works', () => {
  const TIMING = { checkpointRecords: 8, checkpointIdleMs: 1_000, snapshotMs: 10, snapshotsAtOnce: 8 };
  const S = sessionId('s');
  const T = sessionId('t');
  let first: Bench;
  let stored: Map<string, LoadedSession & { readonly revision: number }>;
  let revisions: number;

  /** Three sessions in snapshots behind a checkpoint; then s and u change once more. */
  beforeEach(() => {
    first = new Bench(A, TIMING);
    first.lead();
    for (const id of ['s', 't']) store(operation('create', id, undefined, id));
    for (let i = 1; i < 8; i++) store(operation('commit', 's', i, `k${i}=1`));
    stored = new Map();
    revisions = 100;
    let done = 0;
    let looked = 0;
    for (let i = 0; i < 20; i++) {
      first.tick(100);
      for (const { session } of first.of('look-up').slice(looked)) {
        looked++;
        first.machine.lookedUp(session, null);
      }
      for (const { session, value } of first.of('put').slice(done)) {
        done++;
        stored.set(session, { ...decodeStored(value), revision: revision(++revisions) });
        first.machine.put(session, revision(revisions));
      }
      first.flush();
    }
    const upTo = first.of('trim').at(-1)!.upTo;
    first.log.splice(
      0,
      first.log.findIndex(({ at }) => at > upTo),
    );
    store(operation('commit', 's', 8, 'late=1'));
    store(operation('create', 'u', undefined, 'new'));
  });

  const store = (of: ReturnType<typeof operation>): void => {
    first.operate(of);
    first.flush();
  };
  /** Has read the log, and no snapshot. */
  const early = (): Bench => {
    const log = first.log.map(({ at, record }) => ({ sequence: sequence(at), record }));
    return new Bench(B, TIMING, [], 'fast', { generation: 1, identity: 'log', log, stored: undefined, highest: revision(0) });
  };
  const show = ({ machine }: Bench): unknown[] =>
    [...machine.ledger.sessions.states()]
      .map(({ id, version, sequence: at, body }) => `${id} ${version}@${at} ${read(textBodies.snapshot(body!))}`)
      .toSorted((a, b) => (a < b ? -1 : 1));

  it('follows at once, and lacks what only snapshots hold; what began in the log is here', () => {
    const bench = early();
    const { ledger } = bench.machine;
    expect(bench.machine.role).to.equal('following');
    expect([ledger.loading, ledger.lacks(S), ledger.lacks(T), ledger.lacks(sessionId('u'))]).to.deep.equal([
      true,
      true,
      true,
      false,
    ]);
    expect([...ledger.awaited], 'what the log has changed since').to.deep.equal(['s']);
    expect(ledger.unsaved.oldest(), 'it holds the floor').to.be.within(1, ledger.lastChange(S));
  });

  it('is, session by session, what one is that read everything first', () => {
    const bench = early();
    bench.machine.recovery.admit([[S, stored.get('s')]]);
    expect(bench.machine.ledger.session(S)!.version).to.equal(9);
    expect(bench.machine.ledger.unsaved.has(S)).to.equal(true);
    // the log goes on meanwhile
    store(operation('commit', 's', 9, 'later=1'));
    const { at, record } = first.log.at(-1)!;
    bench.machine.record(bench.now, sequence(at), record);
    bench.machine.recovery.admit([[T, stored.get('t')]]);
    expect(bench.machine.recovery.admittedUpTo(revision(revisions))).to.equal(true);
    expect(show(bench)).to.deep.equal(show(first));
    expect(bench.machine.ledger.loading).to.equal(false);
  });

  it('is not whole before a snapshot of the revision was seen that the log relies on', () => {
    const bench = early();
    expect(bench.machine.recovery.admittedUpTo(revision(revisions - 1))).to.equal(false);
    expect(bench.machine.ledger.loading).to.equal(true);
  });

  it('begins anew where a snapshot is older than what the log still has', () => {
    const bench = early();
    bench.machine.recovery.admit([[S, undefined]]);
    expect(bench.machine.role).to.equal('joining');
  });

  it('does not bring back what was forgotten meanwhile, whatever a late look still finds of it', () => {
    const { incarnation } = first.machine.ledger.session(T)!;
    store(operation('destroy', 't', undefined, '', { base: { version: V(1), incarnation } }));
    store(operation('forget', 't', undefined, '', { base: { version: V(2), incarnation } }));
    const bench = early();
    const { ledger } = bench.machine;
    expect([...ledger.awaited]).to.deep.equal(['s', 't']);
    for (const found of [stored.get('t'), stored.get('t'), undefined]) {
      expect(ledger.admit(T, found)).to.equal(undefined);
      expect([ledger.lacks(T), ledger.session(T), ledger.living]).to.deep.equal([false, undefined, 1]);
    }
    // a new life is one like any other
    store(operation('create', 't', undefined, 'again'));
    const { at, record } = first.log.at(-1)!;
    expect(ledger.apply(sequence(at), record)).to.include({ kind: 'commit' });
    expect(ledger.session(T)).to.include({ version: 1, dead: false });
  });

  describe('where a log still tells of a session that is forgotten, and nothing of it is stored any more', () => {
    beforeEach(() => {
      const { incarnation } = first.machine.ledger.session(T)!;
      store(operation('commit', 't', undefined, 'last=1', { base: { version: V(1), incarnation } }));
      store(operation('destroy', 't', undefined, '', { base: { version: V(2), incarnation } }));
      store(operation('forget', 't', undefined, '', { base: { version: V(3), incarnation } }));
      stored.delete('t');
    });
    const inLog = (): ReadPartition['log'] => first.log.map(({ at, record }) => ({ sequence: sequence(at), record }));
    const whole = (log = inLog()): Bench =>
      new Bench(B, TIMING, [], 'fast', {
        generation: 1,
        identity: 'log',
        log,
        stored: stored.values(),
        highest: revision(revisions),
      });

    it('is a backup all the same, and holds the floor until it knows that nothing is stored', () => {
      const bench = early();
      const { recovery, ledger } = bench.machine;
      recovery.admit([[T, undefined]]);
      expect([bench.machine.role, ledger.lacks(T), ledger.session(T)]).to.deep.equal(['following', false, undefined]);
      expect(ledger.unsaved.has(T)).to.equal(true);
      recovery.admit([...stored].map(([id, each]) => [sessionId(id), each]));
      expect(recovery.admittedUpTo(revision(revisions))).to.equal(true);
      expect(show(bench)).to.deep.equal(show(first));
    });

    it('so is one that reads everything first', () => {
      const bench = whole();
      expect(bench.machine.role).to.equal('following');
      expect(show(bench)).to.deep.equal(show(first));
      expect(bench.machine.ledger.living).to.equal(first.machine.ledger.living);
    });

    it('a new life of it begins with what the log says behind that', () => {
      store(operation('create', 't', undefined, 'again'));
      const { incarnation } = first.machine.ledger.session(T)!;
      store(operation('commit', 't', undefined, 'new=1', { base: { version: V(1), incarnation } }));
      const bench = early();
      bench.machine.recovery.admit([[T, undefined]]);
      for (const { machine } of [bench, whole()]) {
        expect(machine.role).to.equal('following');
        expect(read(textBodies.snapshot(machine.ledger.session(T)!.body!))).to.equal('again,new=1');
      }
    });

    it('but versions are missing where what forgets it ended with its term, or stands out of its place', () => {
      const log = [...inLog()];
      const { sequence: at, record } = log.pop()!;
      const forgets = decodeRecord(record);
      if (forgets.type !== 'commit') throw new Error('a forget is an entry of a commit');
      const fenced = encodeRecord({ ...forgets, epoch: epoch(forgets.epoch - 1) });
      expect(whole([...log, { sequence: at, record: fenced }]).machine.role).to.equal('joining');
      const last = log.at(-1)!;
      const copied = { sequence: sequence(at + 1), record };
      expect(whole([...log, { sequence: at, record: last.record }, copied]).machine.role).to.equal('joining');
    });
  });

  it('is no backup of what it has not loaded: it reports no position', () => {
    const bench = early();
    bench.tick(1_000);
    expect(bench.of('report')).to.have.length(0);
    for (const [id, each] of stored) bench.machine.recovery.admit([[sessionId(id), each]]);
    bench.machine.recovery.admittedUpTo(revision(revisions));
    bench.tick(1_000);
    expect(bench.of('report')).to.have.length(1);
  });
});
