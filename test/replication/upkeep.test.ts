/** Upkeep: sessions are written as snapshots, and the log is trimmed by what a stored CHECKPOINT gives up, never by more. */
import { expect } from 'chai';
import { revision, sequence, sessionId, version } from '../../src/shared/ids.js';
import type { Effect } from '../../src/replication/effect.js';
import type { Operation } from '../../src/replication/operation.js';
import { decodeRecord, encodeRecord } from '../../src/replication/record.js';
import { decodeStored } from '../../src/replication/session-state.js';
import { A, B, operation, read, textBodies } from './fixtures.js';

import { Bench } from './bench.js';

describe('upkeep of the log', () => {
  // a session is written when its oldest unsaved change has four records behind it
  const TIMING = { checkpointRecords: 8, checkpointIdleMs: 1_000, snapshotMs: 10, snapshotsAtOnce: 2 };
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench(A, TIMING);
    bench.lead();
  });

  const store = (of: Operation): void => {
    bench.operate(of);
    bench.flush();
  };
  type Put = Extract<Effect, { type: 'put' }>;
  const puts = (): Put[] => bench.of('put');
  const trims = (): number[] => bench.of('trim').map(({ upTo }) => upTo);
  const unsaved = (id: string): boolean => bench.machine.ledger.unsaved.has(sessionId(id));
  let revisions = 0;
  const stored = (each: Put): void => bench.machine.put(each.session, revision(++revisions));
  let looked = 0;
  const lookUps = (): void => {
    const all = bench.of('look-up');
    for (const { session } of all.slice(looked)) bench.machine.lookedUp(session, null);
    looked = all.length;
  };
  beforeEach(() => (looked = 0));
  /** Ticks until nothing is left to be done, and stores what is to be stored. */
  let done = 0;
  beforeEach(() => (done = 0));
  const settle = (ms = 20): void => {
    for (let i = 0; i < 20; i++) {
      bench.tick(ms);
      lookUps();
      for (const put of puts().slice(done)) {
        done++;
        stored(put);
      }
      bench.flush();
    }
  };
  const create = (...ids: string[]): void => {
    for (const id of ids) store(operation('create', id, undefined, id));
  };
  const change = (id: string, from: number, to: number): void => {
    for (let i = from; i < to; i++) store(operation('commit', id, i, `k${i}=1`));
  };

  it('writes the sessions whose changes are oldest, a few at once, and trims only behind a stored CHECKPOINT', () => {
    create('s', 't', 'u', 'v');
    change('s', 1, 4);
    // LEAD is record 1, s to v are made by 2 to 5, and s changes until 8
    bench.tick(50);
    lookUps();
    bench.tick(50);
    expect(
      puts().map(({ session }) => session),
      'not more at once than allowed',
    ).to.deep.equal(['s', 't']);
    for (const put of puts()) {
      expect(decodeStored(put.value)).to.include({ trueUpTo: 8 });
      stored(put);
    }
    bench.tick(50);
    const checkpoint = decodeRecord(bench.append().record);
    // u was made by record 4, and is in no snapshot yet
    expect(checkpoint).to.include({ type: 'checkpoint', floor: 3, revision: revisions });
    expect(trims(), 'not before it is stored').to.deep.equal([]);
    bench.occupy(bench.append().record);
    expect(trims()).to.deep.equal([3]);
  });

  it('keeps every record of a session that is in no snapshot yet', () => {
    create('s', 't', 'u', 'v');
    change('s', 1, 7);
    for (let i = 0; i < 10; i++) {
      bench.tick(50);
      lookUps();
      for (const put of puts().slice(done)) {
        done++;
        if (put.session === 't') bench.machine.put(put.session, undefined);
        else stored(put);
      }
      bench.flush();
    }
    // t was made by record 3: the floor stays before it
    expect(
      puts().filter(({ session }) => session === 'u'),
      'the others are written',
    ).to.have.length(1);
    for (const upTo of trims()) expect(upTo).to.be.lessThan(3);
    for (const { record } of bench.of('append').map(({ record }) => ({ record: decodeRecord(record) }))) {
      if (record.type === 'checkpoint') expect(record.floor).to.be.lessThan(3);
    }
  });

  it('what was changed after its snapshot was taken stays in the log', () => {
    create('s', 't', 'u', 'v');
    change('s', 1, 4);
    bench.tick(50);
    lookUps();
    bench.tick(50);
    const [first, second] = puts();
    // while the snapshots travel, s changes again: by record 9
    store(operation('commit', 's', 4, 'a=1'));
    stored(first!);
    stored(second!);
    expect(first).to.include({ session: 's' });
    expect([unsaved('s'), unsaved('t')]).to.deep.equal([true, false]);
    change('s', 5, 15);
    settle();
    expect(trims().at(-1), 'and goes once it is in the next one').to.be.greaterThan(10);
  });

  it('a session that changes all the time is written once in half a log, however often it changes', () => {
    create('hot');
    change('hot', 1, 5);
    settle();
    const before = puts().length;
    for (let i = 5; i < 105; i++) {
      store(operation('commit', 'hot', i, `k=${i}`));
      settle(3);
    }
    const written = puts().length - before;
    // 100 records, and those of the checkpoints: each write holds what four records have changed, or more
    expect(written).to.be.within(10, 35);
    expect(bench.machine.upkeep.tail.records, 'and the log keeps its bound').to.be.at.most(TIMING.checkpointRecords);
  });

  it('keeps the log within its bounds under a steady load of many sessions', () => {
    const ids = Array.from({ length: 12 }, (_, i) => `s${i}`);
    create(...ids);
    settle();
    let longest = 0;
    for (let round = 1; round < 20; round++) {
      for (const id of ids) {
        store(operation('commit', id, round, `k=${round}`));
        settle(3);
        longest = Math.max(longest, bench.machine.upkeep.tail.records);
      }
    }
    expect(longest).to.be.at.most(TIMING.checkpointRecords);
  });

  it('bounds the log by its bytes, too', () => {
    bench = new Bench(A, { ...TIMING, checkpointRecords: 1_000, checkpointBytes: 4_000 });
    bench.lead();
    create('s');
    let largest = 0;
    for (let i = 1; i < 60; i++) {
      store(operation('commit', 's', i, `k=${'x'.repeat(200)}`));
      settle(3);
      largest = Math.max(largest, bench.machine.upkeep.tail.bytes);
    }
    expect(largest).to.be.within(1_500, 4_000);
  });

  it('writes no more bytes at once than allowed, and always one session', () => {
    bench = new Bench(A, { ...TIMING, snapshotBytesAtOnce: 500 });
    bench.lead();
    for (const id of ['s', 't', 'u', 'v']) store(operation('create', id, undefined, 'x'.repeat(600)));
    change('s', 1, 7);
    bench.tick(20);
    lookUps();
    bench.tick(20);
    lookUps();
    bench.tick(20);
    expect(puts()).to.have.length(1);
    stored(puts()[0]!);
    bench.tick(20);
    expect(puts()).to.have.length(2);
  });

  it('a snapshot that could not be stored covers nothing', () => {
    create('s', 't', 'u', 'v');
    change('s', 1, 4);
    bench.tick(50);
    lookUps();
    bench.tick(50);
    expect(puts()).to.have.length(2);
    for (const { session } of puts()) bench.machine.put(session, undefined);
    bench.tick(50);
    expect(bench.of('append').some(({ record }) => decodeRecord(record).type === 'checkpoint')).to.equal(false);
    expect(bench.of('look-up').length, 'and is looked up again').to.be.greaterThan(2);
  });

  it('of an unchanged session never holds the floor back', () => {
    create('s', 't', 'u', 'v');
    settle(100);
    const first = trims().at(-1)!;
    change('s', 1, 9);
    settle(100);
    expect(trims().at(-1), 't and u did not change').to.be.greaterThan(first + 6);
    expect(trims().at(-1), 'the last record is never trimmed').to.be.lessThan(bench.machine.ledger.applied);
  });

  it('a session that cannot be read holds nothing back: it is stored as such, with the last state that could be read', () => {
    create('s', 't');
    const base = { version: version(1), incarnation: sequence(3) };
    store(operation('commit', 't', undefined, 'poison', { base }));
    change('s', 1, 9);
    settle(100);
    expect(trims().at(-1)).to.be.greaterThan(4);
    const kept = decodeStored(puts().find(({ session }) => session === 't')!.value);
    expect(kept.quarantine).to.contain('poison');
    expect([kept.header.version, read(kept.snapshot)]).to.deep.equal([2, 't']);

    const joined = new Bench(B, TIMING, [...bench.log.slice(-2)]);
    const newest = new Map(
      puts().map(({ session, value }, i) => [session, { ...decodeStored(value), revision: revision(i + 1) }]),
    );
    joined.join([...newest.values()], revisions);
    const state = joined.machine.ledger.session(sessionId('t'))!;
    expect(state.quarantine?.code, 'whoever joins does not serve an older state instead').to.equal('SESSION_QUARANTINED');
    expect(joined.machine.ledger.session(sessionId('s'))!.quarantine).to.equal(undefined);
  });

  it('a tombstone ends when it was kept long enough, on every replica at the same record; its key goes before the log gives that up', () => {
    bench = new Bench(A, { ...TIMING, tombstoneMs: 60_000 });
    bench.lead();
    create('s', 't');
    store(operation('destroy', 's', 1));
    settle(100);
    const { ledger } = bench.machine;
    const tombstone = decodeStored(puts().findLast(({ session }) => session === 's')!.value);
    expect([tombstone.header.dead, unsaved('s')]).to.deep.equal([true, false]);
    const before = [...bench.log];
    for (let i = 0; i < 500; i++) bench.tick(100);
    expect(ledger.sessions.has(sessionId('s')), 'not a moment too early').to.equal(true);
    for (let i = 0; i < 200; i++) {
      bench.tick(100);
      bench.flush();
    }
    expect(ledger.sessions.has(sessionId('s'))).to.equal(false);
    const at = bench.log.findIndex(({ record }) => {
      const each = decodeRecord(record);
      return each.type === 'commit' && each.entries.some(({ kind }) => kind === 'forget');
    });
    expect(at).to.be.at.least(before.length);
    create('x', 'y');
    settle(100);
    const removals = (): number => bench.of('remove').length;
    expect(removals()).to.be.greaterThan(0);
    expect(unsaved('s'), 'a stored tombstone would meet a new life').to.equal(true);
    bench.machine.upkeep.removed(ledger, sessionId('s'), 'there');
    bench.tick(2_000);
    expect(removals(), 'it is tried again').to.be.greaterThan(1);
    const floors = (): number => Math.max(0, ...trims());
    expect(floors()).to.be.lessThan(bench.log[at]!.at);
    bench.machine.upkeep.removed(ledger, sessionId('s'), 'gone');
    settle(200);
    expect(floors()).to.be.at.least(bench.log[at]!.at);

    const joined = new Bench(B, TIMING, bench.log.slice(at));
    joined.join([], revisions);
    expect(joined.machine.role, 'one that never knew it steps over that').to.equal('following');
    store(operation('create', 's', undefined, 'again'));
    expect(ledger.session(sessionId('s'))!.version).to.equal(1);
  });

  it('a replica that joins from snapshots and the rest of the log equals one that saw everything', () => {
    create('s', 't', 'u');
    change('s', 1, 4);
    for (let i = 0; i < 6; i++) {
      bench.tick(20);
      lookUps();
    }
    // the newest of each session, as the bucket has it
    const newest = new Map(
      puts().map(({ session, value }, i) => [session, { ...decodeStored(value), revision: revision(i + 1) }]),
    );
    const snapshots = [...newest.values()];
    expect(snapshots.length).to.be.greaterThan(0);
    store(operation('commit', 's', 4, 'late=1'));
    const joined = new Bench(B, TIMING, [...bench.log]);
    joined.machine.start();
    joined.join(snapshots, 10);
    const show = ({ machine }: Bench): unknown[] =>
      [...machine.ledger.sessions.states()]
        .map((state) => `${state.id} ${state.version} ${read(textBodies.snapshot(state.body!))}`)
        .toSorted((a, b) => (a < b ? -1 : 1));
    expect(show(joined)).to.deep.equal(show(bench));
    expect(joined.machine.ledger.applied).to.equal(bench.machine.ledger.applied);
  });

  it('writes what can be read here over what was stored as unreadable, however new that is', () => {
    create('s', 't', 'u', 'v');
    change('s', 1, 4);
    bench.tick(50);
    for (const quarantined of ['salvaged', 'empty'] as const)
      bench.machine.lookedUp(sessionId('s'), { revision: revision(2), trueUpTo: sequence(100), digest: undefined, quarantined });
    expect(unsaved('s')).to.equal(true);
    bench.tick(50);
    expect(puts().map(({ session, expected }) => [session, expected])).to.deep.equal([['s', 2]]);
    expect(decodeStored(puts()[0]!.value)).to.include({ quarantine: undefined });
  });

  it('a replica does not join by snapshots that are older than the log relies on', () => {
    create('s', 't', 'u');
    const { applied, lastId, epoch } = bench.machine.ledger;
    bench.occupy(
      encodeRecord({
        type: 'checkpoint',
        id: 'c',
        prev: { sequence: applied, id: lastId },
        epoch,
        node: A,
        floor: sequence(3),
        revision: revision(50),
        digests: [],
        seeding: undefined,
      }),
    );
    const joined = new Bench(B, TIMING, bench.log.slice(3));
    expect(joined.machine.role).to.equal('joining');
    joined.join([], 49);
    expect(joined.machine.role).to.equal('joining');
    joined.join([], 50);
    expect(joined.machine.role).to.equal('following');
  });
});
