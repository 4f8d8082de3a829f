/** A replica that is at work before its stored sessions have come: nobody can tell the difference who asks what it lacks first. */
import { expect } from 'chai';
import { epoch, revision, sequence, sessionId } from '../../src/shared/ids.js';
import type { LoadedSession } from '../../src/replication/applied.js';
import { encodeRecord } from '../../src/replication/record.js';
import type { LogRecord } from '../../src/replication/record.js';
import { decodeStored } from '../../src/replication/session-state.js';
import { A, B, Chain, entry, operation, read, textBodies, V } from './fixtures.js';
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

  describe('where the log still says how a session ended that was forgotten since, and nothing of it is stored any more', () => {
    beforeEach(() => {
      const { incarnation } = first.machine.ledger.session(T)!;
      store(operation('destroy', 't', undefined, '', { base: { version: V(1), incarnation } }));
      store(operation('forget', 't', undefined, '', { base: { version: V(2), incarnation } }));
      stored.delete('t');
    });

    it('goes on, whatever it looked for first', () => {
      const bench = early();
      const { ledger } = bench.machine;
      bench.machine.recovery.admit([
        [T, undefined],
        [S, stored.get('s')],
      ]);
      expect([bench.machine.role, ledger.lacks(T), ledger.session(T)]).to.deep.equal(['following', false, undefined]);
      // that its tombstone leaves the snapshots is seen to by this one, should it lead next
      ledger.unsaved.savedUpTo(sequence(ledger.applied - 1), (id) => ledger.lastChange(id));
      expect(ledger.unsaved.oldest()).to.equal(ledger.applied);
      expect(bench.machine.recovery.admittedUpTo(revision(revisions))).to.equal(true);
      expect([bench.machine.role, show(bench)]).to.deep.equal(['following', show(first)]);
    });

    it('counts that in the order of the log, however late the tombstone comes', () => {
      const forgotten = first.log.at(-1)!.at;
      store(operation('create', 'v', undefined, 'newest'));
      const bench = early();
      const { ledger } = bench.machine;
      const found = stored.get('s')!;
      if (found.unreadable !== undefined) expect.fail('it can be read');
      const header = { ...found.header, id: T, version: V(2), dead: true };
      bench.machine.recovery.admit([[T, { ...found, header, sequence: sequence(forgotten - 1) }]]);
      bench.machine.recovery.admit([[S, stored.get('s')]]);
      ledger.unsaved.savedUpTo(sequence(forgotten - 1), (id) => ledger.lastChange(id));
      expect([ledger.session(T), ledger.unsaved.oldest()]).to.deep.equal([undefined, forgotten]);
    });

    it('hears of that while it waits for the others, and goes on', () => {
      const [forget] = first.log.splice(-1);
      const bench = early();
      bench.machine.record(bench.now, sequence(forget!.at), forget!.record);
      bench.machine.recovery.admit([[S, stored.get('s')]]);
      expect(bench.machine.recovery.admittedUpTo(revision(revisions))).to.equal(true);
      expect([bench.machine.role, show(bench)]).to.deep.equal(['following', show(first)]);
    });

    it('goes on, too, where it reads everything first', () => {
      const bench = new Bench(B, TIMING, first.log);
      bench.join([...stored.values()], revisions);
      expect([bench.machine.role, show(bench), bench.machine.ledger.loading]).to.deep.equal(['following', show(first), false]);
    });

    it('begins anew, both ways, where the log does not say so', () => {
      first.log.splice(-1);
      const whole = new Bench(B, TIMING, first.log);
      whole.join([...stored.values()], revisions);
      const bench = early();
      bench.machine.recovery.admittedUpTo(revision(revisions));
      expect([whole.machine.role, bench.machine.role]).to.deep.equal(['joining', 'joining']);
    });
  });

  it('takes only what the log forgets behind it for over, and only where a primary of that term says so', () => {
    const gone = [entry('forget', 'v', 6, '', { to: V(6) })];
    const behind: readonly (readonly [role: string, (chain: Chain) => readonly LogRecord[]])[] = [
      ['following', (chain) => [chain.commit(gone)]],
      ['joining', (chain) => [chain.commit(gone, { epoch: epoch(0) })]],
      ['joining', (chain) => [chain.commit(gone, { prev: { sequence: sequence(1), id: 'r1' } })]],
      ['joining', (chain) => [chain.commit(gone), chain.commit([entry('commit', 'v', 8)])]],
      ['joining', (chain) => [chain.commit([entry('forget', 'w', 6, '', { to: V(6) })])]],
      ['joining', () => []],
    ];
    for (const [role, what] of behind) {
      const chain = new Chain();
      const log = [chain.lead(), chain.commit([entry('commit', 'v', 4)]), chain.commit([entry('destroy', 'v', 5)])];
      const records = [...log, ...what(chain)].map((record, i) => ({ at: i + 1, record: encodeRecord(record) }));
      expect(new Bench(B, TIMING, records).machine.role).to.equal(role);
    }
  });

  it('remembers no more than it has read, though one snapshot is newer: that says nothing of all others', () => {
    const log = first.log.slice(0, -1).map(({ at, record }) => ({ sequence: sequence(at), record }));
    const newer = { ...stored.get('t')!, trueUpTo: sequence(first.log.at(-1)!.at) };
    const all = [stored.get('s')!, newer];
    const highest = revision(revisions);
    const read = (of: typeof log) => ({ generation: 1, identity: 'log', log: of, stored: all, highest });
    const bench = new Bench(B, TIMING, [], 'fast', read(log));
    expect(bench.machine.role).to.equal('following');
    expect(bench.machine.ledger.reach).to.include({ epoch: 1, position: log.at(-1)!.sequence });
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
