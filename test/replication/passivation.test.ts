/** Sessions that leave memory, and how they come back: by themselves, in the words of one replica. */
import { expect } from 'chai';
import { revision, sequence, sessionId, version } from '../../src/shared/ids.js';
import type { SessionId } from '../../src/shared/ids.js';
import type { LoadedSession } from '../../src/replication/applied.js';
import { Ledger } from '../../src/replication/ledger.js';
import { encodeRecord } from '../../src/replication/record.js';
import type { LogRecord } from '../../src/replication/record.js';
import { decodeStored } from '../../src/replication/session-state.js';
import { DEFAULT_TIMING } from '../../src/replication/timing.js';
import { A, B, Chain, entry, operation, read, textBodies } from './fixtures.js';
import type { TextBody } from './fixtures.js';
import { Bench, CALM } from './bench.js';

const S = sessionId('s');
const NOBODY: (id: SessionId) => boolean = () => false;
/** No session fits. */
const NONE = { bytesMax: 0 };
const LOST_MS = 12_000;

describe('passivation', () => {
  let chain: Chain;
  let ledger: Ledger<TextBody>;
  let stored: LoadedSession;

  const apply = (record: LogRecord): void => {
    expect(ledger.apply(sequence(chain.at), encodeRecord(record)).kind).to.equal(record.type);
  };
  /** As a checkpoint does. */
  const savedAll = (): void => ledger.unsaved.savedUpTo(ledger.applied, (id) => ledger.lastChange(id));
  const tick = (inUse = NOBODY, times = 8): void => {
    for (let i = 0; i < times; i++) ledger.tick(1_000, DEFAULT_TIMING, inUse);
  };
  const fetch = (found: LoadedSession | undefined = stored, nowMs = 0): unknown =>
    ledger.admit(S, found, { nowMs, lostMs: LOST_MS });
  const content = (): string | undefined => {
    const body = ledger.session(S)?.body;
    return body && read(textBodies.snapshot(body));
  };

  /** Session s at version 2, as it is stored. */
  beforeEach(() => {
    chain = new Chain();
    ledger = new Ledger(textBodies, 0, NONE);
    apply(chain.lead());
    apply(chain.commit([entry('create', 's', 0, 'made', { lifetime: { ttlMs: 5_000, maxAgeMs: 0 } })]));
    apply(chain.commit([entry('commit', 's', 1, 'a=1', { incarnation: sequence(2) })]));
    const { body, ...state } = ledger.session(S)!;
    const snapshot = textBodies.snapshot(body!);
    const header = { ...state, ops: new Map(state.ops) };
    stored = { header, sequence: state.sequence, trueUpTo: ledger.applied, snapshot, digest: 0, revision: revision(9) };
  });

  it('takes no session whose last change is in no stored snapshot, none in use, and none before it was passed over once', () => {
    tick();
    expect(ledger.lacks(S), 'not stored').to.equal(false);
    savedAll();
    tick((id) => id === S);
    expect(ledger.lacks(S), 'in use').to.equal(false);
    tick();
    expect(ledger.lacks(S)).to.equal(true);
    expect(ledger.passivation.takeMoves()).to.deep.equal({ left: 1, came: 0 });
  });

  it('takes none where memory suffices', () => {
    const ample = new Ledger(textBodies, 0, { bytesMax: 1_000_000 });
    ample.load([stored]);
    for (let i = 0; i < 50; i++) ample.tick(1_000, DEFAULT_TIMING, NOBODY);
    expect(ample.lacks(S)).to.equal(false);
  });

  describe('of one that has left', () => {
    beforeEach(() => {
      savedAll();
      tick();
      expect(ledger.sessions.passive).to.equal(1);
    });

    it('everything but its content is known: it is counted, listed, and stands where it stood', () => {
      expect([...ledger.sessions.idsOf('text')]).to.deep.equal(['s']);
      expect([ledger.living, ledger.sessions.size]).to.deep.equal([1, 1]);
      const { version: at, incarnation, ops, body } = ledger.session(S)!;
      expect([at, incarnation, ops.size, body]).to.deep.equal([2, 2, 1, undefined]);
    });

    it('the content comes back as it is stored', () => {
      expect(fetch()).to.equal(undefined);
      expect([ledger.lacks(S), content(), ledger.sessions.passive]).to.deep.equal([false, 'made,a=1', 0]);
    });

    it('what the log says meanwhile waits, is no part of what is held, and comes behind the snapshot', () => {
      apply(chain.commit([entry('commit', 's', 2, 'b=1', { incarnation: sequence(2) })]));
      apply(chain.commit([entry('commit', 's', 3, 'c=1', { incarnation: sequence(2) })]));
      expect([...ledger.passivation.behind.sessions]).to.deep.equal(['s']);
      expect(ledger.passivation.held(ledger.applied), 'the record before the first').to.equal(3);
      fetch();
      expect([content(), ledger.session(S)!.version]).to.deep.equal(['made,a=1,b=1,c=1', 4]);
      expect(ledger.passivation.held(ledger.applied)).to.equal(5);
    });

    it('a snapshot that holds some of it already gets the rest', () => {
      apply(chain.commit([entry('commit', 's', 2, 'b=1', { incarnation: sequence(2) })]));
      apply(chain.commit([entry('commit', 's', 3, 'c=1', { incarnation: sequence(2) })]));
      const { header, ...rest } = stored as Extract<LoadedSession, { unreadable?: undefined }>;
      fetch({
        ...rest,
        header: { ...header, version: version(3) },
        sequence: sequence(4),
        snapshot: Buffer.from('made,a=1,b=1'),
      });
      expect(content()).to.equal('made,a=1,b=1,c=1');
    });

    it('a snapshot ahead of what was read of the log is taken whole, and the records that it holds are skipped', () => {
      const { header, ...rest } = stored as Extract<LoadedSession, { unreadable?: undefined }>;
      fetch({
        ...rest,
        header: { ...header, version: version(3) },
        sequence: sequence(4),
        snapshot: Buffer.from('made,a=1,b=1'),
      });
      apply(chain.commit([entry('commit', 's', 2, 'b=1', { incarnation: sequence(2) })]));
      expect([content(), ledger.living]).to.deep.equal(['made,a=1,b=1', 1]);
    });

    it('none and an older one are no answer; after that has lasted the session is quarantined, never "not there"', () => {
      const { header, ...rest } = stored as Extract<LoadedSession, { unreadable?: undefined }>;
      const older = { ...rest, header: { ...header, version: version(1) }, sequence: sequence(2) };
      fetch(older, 1_000);
      ledger.admit(S, undefined, { nowMs: 2_000, lostMs: LOST_MS });
      expect(ledger.lacks(S)).to.equal(true);
      fetch(older, 1_000 + LOST_MS);
      expect(ledger.session(S)!.quarantine?.code).to.equal('SESSION_QUARANTINED');
      expect([ledger.lacks(S), ledger.session(S)!.dead, ledger.takeQuarantined().length]).to.deep.equal([false, false, 1]);
    });

    it('its time still comes: it is due, and ends without being fetched', () => {
      expect(ledger.tick(100_000, DEFAULT_TIMING, NOBODY)).to.deep.equal(['s']);
      apply(
        chain.commit([
          entry('destroy', 's', 2, '', { incarnation: sequence(2), reason: 'idle', op: { client: '', counter: 0 } }),
        ]),
      );
      const { dead, ended, ops } = ledger.session(S)!;
      expect([dead, ended, ledger.living, ledger.lacks(S)]).to.deep.equal([true, 'idle', 0, false]);
      expect(
        [...ops.values()].some((op) => op.version === 2),
        'whose commit was stored is told so',
      ).to.equal(true);
    });

    it('a use of it that the log tells is counted without its content', () => {
      apply(chain.commit([entry('touch', 's', 2, '', { incarnation: sequence(2), atMs: 9_000 })]));
      expect(ledger.passivation.behind.size).to.equal(0);
      fetch();
      expect([content(), ledger.session(S)!.touchedAtMs]).to.deep.equal(['made,a=1', 9_000]);
    });

    it('listing the store does not bring it back, asking for it does', () => {
      ledger.admit(S, stored);
      expect(ledger.lacks(S)).to.equal(true);
      fetch();
      expect(ledger.lacks(S)).to.equal(false);
    });
  });
});

describe('a primary short of memory', () => {
  /** Answers what it wants of the store. */
  function store(bench: Bench, snapshots: Map<string, Uint8Array>, from: { look: number; put: number }): void {
    for (const { session } of bench.of('look-up').slice(from.look)) {
      from.look++;
      bench.machine.lookedUp(session, null);
    }
    for (const { session, value } of bench.of('put').slice(from.put)) {
      snapshots.set(session, value);
      bench.machine.put(session, revision(++from.put));
    }
  }

  it('saves what could leave, lets it go, and says "ask again" to who comes before the snapshot', () => {
    const bench = new Bench(
      A,
      { checkpointRecords: 1_000, checkpointIdleMs: 1e9, hotSessionsMax: 0 },
      [],
      'fast',
      undefined,
      NONE,
    );
    bench.lead();
    bench.operate(operation('create', 's', undefined, 'made'));
    bench.flush();
    const snapshots = new Map<string, Uint8Array>();
    const from = { look: 0, put: 0 };
    for (let i = 0; i < 40; i++) {
      bench.tick(20);
      store(bench, snapshots, from);
      bench.flush();
    }
    expect([bench.machine.ledger.lacks(S), snapshots.size], 'long before the log would be cut').to.deep.equal([true, 1]);
    for (const consistency of ['local', 'primary', 'strong'] as const) {
      const asked = bench.read(consistency);
      bench.flush();
      expect(bench.readAnswer(asked), consistency).to.include({ kind: 'retry' });
    }
    const commit = operation('commit', 's', 1, 'a=1', { base: { version: version(1), incarnation: sequence(2) } });
    const token = bench.operate(commit);
    expect(bench.answer(token)).to.include({ kind: 'retry', clean: true });
    bench.machine.recovery.admit([[S, { ...decodeStored(snapshots.get('s')!), revision: revision(1) }]], bench.ms);
    const again = bench.operate(commit);
    bench.flush();
    expect(bench.answer(again)).to.include({ kind: 'done', version: 2 });
  });

  it('is told by a follower no more than that holds in memory', () => {
    const first = new Bench(A);
    first.lead();
    const second = new Bench(B, { hotSessionsMax: 0 }, first.log, 'fast', undefined, NONE);
    first.operate(operation('create', 's', undefined, 'made'));
    first.occupy(first.append().record, second);
    const { ledger } = second.machine;
    ledger.unsaved.savedUpTo(ledger.applied, (id) => ledger.lastChange(id));
    for (let i = 0; i < 8; i++) second.tick(20);
    expect(ledger.lacks(S)).to.equal(true);
    const reported = (): number => second.of('report').at(-1)!.position;
    second.tick(1_000, CALM);
    expect(reported()).to.equal(2);
    const base = { version: version(1), incarnation: sequence(2) };
    first.operate(operation('commit', 's', 1, 'a=1', { base }));
    first.occupy(first.append().record, second);
    second.tick(1_000);
    expect(reported(), 'the commit is applied, and its session is not here').to.equal(2);
    const state = first.machine.ledger.session(S)!;
    const snapshot = textBodies.snapshot(state.body!);
    second.machine.recovery.admit(
      [[S, { header: state, sequence: sequence(3), trueUpTo: sequence(3), snapshot, digest: 0, revision: revision(5) }]],
      second.ms,
    );
    second.tick(15);
    expect(reported(), 'at once').to.equal(3);
  });
});
