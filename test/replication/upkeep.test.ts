/** Upkeep: sessions are written as snapshots, and the log is trimmed by what a stored CHECKPOINT gives up, never by more. */
import { expect } from 'chai';
import { revision, sequence, sessionId } from '../../src/shared/ids.js';
import type { Effect } from '../../src/replication/effect.js';
import type { Operation } from '../../src/replication/operation.js';
import { decodeRecord, encodeRecord } from '../../src/replication/record.js';
import { decodeStored } from '../../src/replication/session-state.js';
import { A, B, operation, read, textBodies } from './fixtures.js';

import { Bench } from './bench.js';

describe('upkeep of the log', () => {
  const TIMING = { checkpointRecords: 4, checkpointIdleMs: 1_000, snapshotMs: 10, snapshotsAtOnce: 2 };
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench(A, TIMING);
    bench.lead();
  });

  const store = (of: Operation): void => {
    bench.operate(of);
    bench.flush();
  };
  const puts = (): Extract<Effect, { type: 'put' }>[] => bench.of('put');
  const trims = (): number[] => bench.of('trim').map(({ upTo }) => upTo);
  let revisions = 0;
  const stored = (each: Extract<Effect, { type: 'put' }>): void =>
    bench.machine.put(each.session, each.trueUpTo, revision(++revisions));
  const lookUps = (): void => {
    for (const { session } of bench.of('look-up')) bench.machine.lookedUp(session, null);
  };

  it('writes changed sessions as snapshots, a few at once, and trims only behind a stored CHECKPOINT', () => {
    for (const id of ['s', 't', 'u']) store(operation('create', id, undefined, id));
    bench.tick(50);
    lookUps();
    bench.tick(50);
    expect(puts(), 'not more at once than allowed').to.have.length(2);
    for (const put of puts()) {
      expect(decodeStored(put.value)).to.include({ trueUpTo: 4 });
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
    for (const id of ['s', 't', 'u']) store(operation('create', id, undefined, id));
    bench.tick(50);
    lookUps();
    bench.tick(50);
    for (const put of puts()) if (put.session !== 't') stored(put);
    bench.tick(50);
    const last = decodeRecord(bench.append().record);
    // t was made by record 3: the floor stays before it
    if (last.type === 'checkpoint') expect(last.floor).to.be.lessThan(3);
    else expect(last.type).to.equal('commit');
    for (const upTo of trims()) expect(upTo).to.be.lessThan(3);
  });

  it('what was changed after its snapshot was taken stays in the log', () => {
    for (const id of ['s', 't', 'u']) store(operation('create', id, undefined, id));
    bench.tick(50);
    lookUps();
    bench.tick(50);
    const [first, second] = puts();
    // while the snapshots travel, s changes again: by record 5
    store(operation('commit', 's', 1, 'a=1'));
    stored(first!);
    stored(second!);
    expect(first).to.include({ session: 's', trueUpTo: 4 });
    expect(bench.machine.ledger.dirty.has(sessionId('s'))).to.equal(true);
    expect(bench.machine.ledger.dirty.has(sessionId('t'))).to.equal(false);
    expect(bench.machine.ledger.session(sessionId('s'))!.covered).to.equal(4);
  });

  it('a snapshot that could not be stored covers nothing', () => {
    for (const id of ['s', 't', 'u']) store(operation('create', id, undefined, id));
    bench.tick(50);
    lookUps();
    bench.tick(50);
    for (const { session, trueUpTo } of puts()) bench.machine.put(session, trueUpTo, undefined);
    bench.tick(50);
    expect(bench.of('append').some(({ record }) => decodeRecord(record).type === 'checkpoint')).to.equal(false);
    expect(bench.of('look-up').length, 'and is looked up again').to.be.greaterThan(2);
  });

  it('of an unchanged session never holds the floor back', () => {
    for (const id of ['s', 't', 'u']) store(operation('create', id, undefined, id));
    const settle = (): void => {
      for (let i = 0; i < 20; i++) {
        bench.tick(20);
        lookUps();
        for (const put of puts().slice(done)) stored(put);
        done = puts().length;
        bench.flush();
      }
    };
    let done = 0;
    settle();
    const first = trims().at(-1)!;
    for (let i = 1; i <= 8; i++) store(operation('commit', 's', i, `k${i}=1`));
    settle();
    expect(trims().at(-1), 't and u did not change').to.be.greaterThan(first + 6);
    expect(trims().at(-1), 'the last record is never trimmed').to.be.lessThan(bench.machine.ledger.applied);
  });

  it('a replica that joins from snapshots and the rest of the log equals one that saw everything', () => {
    for (const id of ['s', 't', 'u']) store(operation('create', id, undefined, id));
    for (let i = 1; i <= 3; i++) store(operation('commit', 's', i, `k${i}=1`));
    for (let i = 0; i < 6; i++) {
      bench.tick(20);
      lookUps();
    }
    const snapshots = puts().map(({ value }, i) => ({ ...decodeStored(value), revision: revision(i + 1) }));
    expect(snapshots.length).to.be.greaterThan(0);
    store(operation('commit', 's', 4, 'late=1'));
    const joined = new Bench(B, TIMING, [...bench.log]);
    joined.machine.start();
    joined.join(snapshots, 10);
    const show = ({ machine }: Bench): unknown[] =>
      [...machine.ledger.sessions.values()]
        .map((state) => `${state.id} ${state.version} ${read(textBodies.snapshot(state.body!))}`)
        .toSorted((a, b) => (a < b ? -1 : 1));
    expect(show(joined)).to.deep.equal(show(bench));
    expect(joined.machine.ledger.applied).to.equal(bench.machine.ledger.applied);
  });

  it('a replica does not join by snapshots that are older than the log relies on', () => {
    for (const id of ['s', 't', 'u']) store(operation('create', id, undefined, id));
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
