/** A log is lost: who begins the next generation, with what, and what becomes of what others remember (rule 10). */
import { expect } from 'chai';
import { epoch, nodeId, revision, sequence, sessionId } from '../../src/shared/ids.js';
import { digestOf } from '../../src/replication/drift.js';
import type { Effect } from '../../src/replication/effect.js';
import { beginningOf, compareMemory, generationOf } from '../../src/replication/generation.js';
import { decodeRecord, encodeRecord } from '../../src/replication/record.js';
import { decodeStored, encodeStored, freshState } from '../../src/replication/session-state.js';
import { SeedChoice } from '../../src/replication/seed-choice.js';
import type { Recall } from '../../src/replication/seed-choice.js';
import { DEFAULT_TIMING } from '../../src/replication/timing.js';
import { A, B, C, entry, operation, read, text, textBodies } from './fixtures.js';
import { Bench } from './bench.js';

const { recallMs, seedWaitMs } = DEFAULT_TIMING;
const SECOND = beginningOf(2);
const recall = (node: string, state: Recall['state'], position: number, more: Partial<Recall> = {}): Recall => ({
  node: nodeId(node),
  state,
  generation: 1,
  epoch: epoch(1),
  position: sequence(position),
  identity: 'log',
  ...more,
});

describe('who begins a lost log anew', () => {
  const own = recall('b~1', 'lost', 10);
  let choice: SeedChoice;
  beforeEach(() => {
    choice = new SeedChoice(DEFAULT_TIMING);
    choice.begin(0);
  });
  const verdict = (atMs: number, led = false): string => choice.decide(atMs, own, led).kind;

  it('is the last primary, soon; a backup waits for it', () => {
    expect(verdict(recallMs * 3, true)).to.equal('seed');
    expect(verdict(seedWaitMs - 1)).to.equal('wait');
    expect(verdict(seedWaitMs)).to.equal('seed');
  });

  it('is whoever remembers more, or else has the lower name; but nobody waits without end for one that does nothing', () => {
    for (const [other, kind] of [
      [recall('c~1', 'lost', 11), 'wait'],
      [recall('c~1', 'lost', 9, { epoch: epoch(2) }), 'wait'],
      [recall('a~1', 'lost', 10), 'wait'],
      [recall('c~1', 'lost', 10), 'seed'],
      [recall('c~1', 'lost', 9), 'seed'],
      [recall('c~1', 'none', 0), 'seed'],
    ] as const) {
      choice = new SeedChoice(DEFAULT_TIMING);
      choice.begin(0);
      choice.heard(seedWaitMs, other);
      expect(verdict(seedWaitMs), JSON.stringify(other)).to.equal(kind);
      choice.heard(seedWaitMs * 4, other);
      expect(verdict(seedWaitMs * 4)).to.equal('seed');
    }
  });

  it('is nobody where a later generation is at work or being begun: that is joined', () => {
    choice.heard(0, recall('c~1', 'seeding', SECOND + 1, { generation: 2 }));
    expect(choice.decide(0, own, true)).to.deep.equal({ kind: 'join', generation: 2 });
  });

  it('is no node without memory while one with memory is heard', () => {
    expect(choice.memoryElsewhere(0)).to.equal(false);
    choice.heard(0, recall('c~1', 'none', 0));
    expect(choice.memoryElsewhere(0)).to.equal(false);
    choice.heard(0, recall('a~1', 'lost', 3));
    expect(choice.memoryElsewhere(recallMs)).to.equal(true);
    expect(choice.memoryElsewhere(recallMs * 11), 'it fell silent').to.equal(false);
  });

  it('a memory of the log that was lost counts before one of a log made anew under its name, whatever its positions are', () => {
    const old = { epoch: epoch(1), position: sequence(80), identity: 'log 1' };
    const anew = { epoch: epoch(3), position: sequence(90), identity: 'log 2' };
    expect(compareMemory(old, anew)).to.be.greaterThan(0);
    expect(compareMemory(anew, old)).to.be.lessThan(0);
    expect(compareMemory({ ...old, position: sequence(SECOND + 1) }, anew), 'a later generation first').to.be.greaterThan(0);
    expect(generationOf(SECOND)).to.equal(1);
    expect(generationOf(sequence(SECOND + 1))).to.equal(2);
  });
});

describe('a replica whose log is lost', () => {
  type Seed = Extract<Effect, { type: 'seed' }>;
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench(A);
    bench.lead();
    for (const id of ['s', 't']) {
      bench.operate(operation('create', id, undefined, id));
      bench.flush();
    }
    bench.operate(operation('commit', 's', 1, 'k=1'));
    bench.flush();
  });

  const lose = (of: Bench): Seed => {
    of.machine.recovery.identified(of.now, 'another log');
    expect(of.machine.role).to.equal('lost');
    for (let i = 0; of.of('seed').length === 0 && i < 100; i++) of.tick(50);
    return of.of('seed').at(-1)!;
  };
  const begin = (of: Bench, seed: Seed): void => {
    of.machine.recovery.seeded(of.now, { kind: 'mine', sequence: sequence(SECOND + 1), stored: [] }, seed.seed);
    of.look();
  };
  const puts = (of: Bench): Map<string, ReturnType<typeof decodeStored>> =>
    new Map(of.of('put').map(({ session, value }) => [session, decodeStored(value)]));
  /** Stores every snapshot, and the checkpoint behind them. */
  const finish = (of: Bench): void => {
    of.tick(20);
    for (const [i, { session }] of of.of('put').entries()) of.machine.put(session, revision(i + 1));
    of.tick(20);
    of.machine.record(of.now, sequence(SECOND + 2), of.append().record);
    of.look();
  };

  it('serves nobody, and tells what it remembers', () => {
    lose(bench);
    expect(bench.answer(bench.operate(operation('commit', 's', 2, 'a=1')))).to.include({ kind: 'retry', clean: true });
    const told = bench.of('recall').map((effect) => effect.recall);
    expect(told.at(-1)).to.deep.include({ state: 'lost', generation: 1, epoch: 1, position: 4, identity: 'log' });
  });

  it('leads the next generation when all of its sessions are stored there, and not before; versions leap', () => {
    const seed = lose(bench);
    expect(decodeRecord(seed.seed)).to.include({ type: 'seed', epoch: 1, position: 4 });
    begin(bench, seed);
    expect(bench.machine.role).to.equal('seeding');
    bench.tick(20);
    expect([...puts(bench).keys()]).to.have.members(['s', 't']);
    expect(bench.append().expected, 'no checkpoint while any is on its way').to.be.lessThan(SECOND);
    finish(bench);
    expect(bench.machine.role).to.equal('leading');
    const { ledger } = bench.machine;
    expect([ledger.epoch, ledger.session(sessionId('s'))!.version]).to.deep.equal([SECOND + 1, 2 + 2 ** 20]);
    expect(read(textBodies.snapshot(ledger.session(sessionId('s'))!.body!))).to.equal('s,k=1');
    expect(decodeRecord(bench.append().record)).to.deep.include({
      type: 'checkpoint',
      revision: 2,
      seeding: { at: SECOND + 1, node: A, epoch: 1, position: 4 },
    });
  });

  it('takes along what the stored snapshots are ahead of it', () => {
    const seed = lose(bench);
    const snapshot = Buffer.from('ahead');
    const state = bench.machine.ledger.session(sessionId('s'))!;
    const header = { ...state, version: 5 as typeof state.version };
    const stored = { header, sequence: sequence(9), trueUpTo: sequence(9), snapshot, digest: 0, revision: revision(1) };
    bench.machine.recovery.seeded(bench.now, { kind: 'mine', sequence: sequence(SECOND + 1), stored: [stored] }, seed.seed);
    const taken = bench.machine.ledger.session(sessionId('s'))!;
    expect([taken.version, read(textBodies.snapshot(taken.body!))]).to.deep.equal([5 + 2 ** 20, 'ahead']);
    expect(read(textBodies.snapshot(bench.machine.ledger.session(sessionId('t'))!.body!))).to.equal('t');
  });

  it('offers what the one who began lacks, which takes it over where nobody has changed it since', () => {
    const ahead = new Bench(B, {}, bench.log);
    bench.operate(operation('commit', 's', 2, 'held=1'));
    ahead.machine.record(ahead.now, sequence(5), bench.append().record);
    expect(ahead.machine.ledger.session(sessionId('s'))!.version).to.equal(3);
    // a never saw its own record stored, and begins the next generation without it
    const seed = lose(bench);
    begin(bench, seed);
    finish(bench);
    lose(ahead);
    const log = [
      { sequence: sequence(SECOND + 1), record: seed.seed },
      { sequence: sequence(SECOND + 2), record: bench.append().record },
    ];
    ahead.machine.recovery.seeded(ahead.now, { kind: 'taken' }, seed.seed);
    const stored = [...puts(bench).values()].map((each, i) => ({ ...each, revision: revision(i + 1) }));
    ahead.machine.joined(ahead.now, { generation: 2, identity: 'second', log, stored, highest: revision(9) });
    const offers = ahead.of('offer');
    expect(offers.map(({ to, operation: of }) => [to, of.session])).to.deep.equal([[A, 's']]);
    const token = bench.operate(offers[0]!.operation);
    bench.machine.record(bench.now, sequence(SECOND + 3), bench.append().record);
    expect(bench.answer(token)).to.include({ kind: 'done' });
    expect(read(textBodies.snapshot(bench.machine.ledger.session(sessionId('s'))!.body!))).to.equal('s,k=1,held=1');
    const again = bench.operate(offers[0]!.operation);
    expect(bench.answer(again), 'it is taken over once').to.include({ kind: 'done' });
    expect(bench.answer(bench.operate({ ...offers[0]!.operation, op: { client: 'x', counter: 1 } }))!.kind).to.equal('conflict');
  });

  /** Begins the next generation with what `bench` remembers; then `away` joins it and offers what that lacks. */
  const offersBehind = (away: Bench): Extract<Effect, { type: 'offer' }>[] => {
    const seed = lose(bench);
    begin(bench, seed);
    finish(bench);
    lose(away);
    away.machine.recovery.seeded(away.now, { kind: 'taken' }, seed.seed);
    const log = [
      { sequence: sequence(SECOND + 1), record: seed.seed },
      { sequence: sequence(SECOND + 2), record: bench.append().record },
    ];
    const stored = [...puts(bench).values()].map((each, i) => ({ ...each, revision: revision(i + 1) }));
    away.machine.joined(away.now, { generation: 2, identity: 'second', log, stored, highest: revision(9) });
    return away.of('offer');
  };

  it('takes over what it knew nothing of at the version that it was at: that never goes back', () => {
    const away = new Bench(B, {}, [...bench.log]);
    bench.operate(operation('create', 'u', undefined, 'u'));
    const { record } = bench.append();
    const created = decodeRecord(record);
    if (created.type !== 'commit') throw new Error('a create is an entry of a commit');
    const prev = { sequence: sequence(5), id: created.id };
    const committed = encodeRecord({ ...created, id: 'next', prev, entries: [entry('commit', 'u', 1, 'k=1')] });
    away.occupy(record);
    away.occupy(committed);
    // a never saw either of them stored, and begins the next generation without them
    const [offer] = offersBehind(away);
    const token = bench.operate(offer!.operation);
    bench.machine.record(bench.now, sequence(SECOND + 3), bench.append().record);
    expect(bench.answer(token)).to.include({ kind: 'done', version: 2 + 2 ** 20 });
    expect(bench.machine.ledger.session(sessionId('u'))).to.include({ version: 2 + 2 ** 20, incarnation: 5, dead: false });
  });

  it('keeps a tombstone as if it were new: who has not seen how a session ended does not bring it back', () => {
    const away = new Bench(B, {}, [...bench.log]);
    bench.operate(operation('destroy', 's', 2));
    bench.flush();
    bench.ms += DEFAULT_TIMING.tombstoneMs * 2;
    expect(offersBehind(away)).to.deep.equal([]);
    const goOn = (): boolean => {
      for (let i = 0; i < 20; i++) {
        bench.tick(1_000);
        const { expected, record } = bench.append();
        const { applied } = bench.machine.ledger;
        if (expected === applied) bench.machine.record(bench.now, sequence(applied + 1), record);
      }
      return bench.machine.ledger.sessions.has(sessionId('s'));
    };
    expect(goOn(), 'it was destroyed long ago').to.equal(true);
    bench.ms += DEFAULT_TIMING.tombstoneMs;
    expect(goOn(), 'and is kept no longer than others are').to.equal(false);
  });

  describe('with a session of which nothing can be read any more', () => {
    /** What goes on from it, in the next generation. */
    const goOn = (): ReturnType<typeof decodeStored> => {
      const state = bench.machine.ledger.session(sessionId('s'))!;
      state.body = undefined;
      bench.machine.ledger.quarantine(state, new Error('its snapshot was lost'));
      begin(bench, lose(bench));
      finish(bench);
      expect(bench.machine.role).to.equal('leading');
      return puts(bench).get('s')!;
    };
    const offered = (before: number): string => {
      const { version, incarnation } = bench.machine.ledger.session(sessionId('s'))!;
      const base = { version: (version - before) as typeof version, incarnation };
      const header = { ...freshState<never>(sessionId('s')), ...base, className: 'text', dead: false };
      const at = sequence(4);
      const snapshot = text('s,k=1');
      const payload = encodeStored({ header, sequence: at, trueUpTo: at, snapshot, digest: digestOf(snapshot) });
      const token = bench.operate({ ...operation('adopt', 's', 1), base, payload });
      const { expected, record } = bench.append();
      if (expected === bench.machine.ledger.applied) bench.machine.record(bench.now, sequence(expected + 1), record);
      bench.look();
      return bench.answer(token)!.kind;
    };

    it('stores that it is there, so that nobody takes it for gone', () => {
      const stored = goOn();
      expect([stored.header.version, stored.quarantine !== undefined]).to.deep.equal([2 + 2 ** 20, true]);
    });

    it('is mended by the state that it was, and by no older one, which would lack what was acknowledged', () => {
      goOn();
      expect(offered(1)).to.equal('gone');
      expect(bench.machine.ledger.session(sessionId('s'))!.quarantine).not.to.equal(undefined);
      expect(offered(0)).to.equal('done');
      expect(read(textBodies.snapshot(bench.machine.ledger.session(sessionId('s'))!.body!))).to.equal('s,k=1');
    });
  });

  it('applies nothing behind the end of its generation: a late append into it meets nothing', () => {
    const follower = new Bench(B, {}, bench.log);
    const end = encodeRecord({ type: 'end', id: 'x', prev: { sequence: sequence(0), id: '' }, node: C });
    follower.machine.record(follower.now, sequence(5), end);
    follower.answerPoll([...bench.log, { at: 5, record: end }]);
    expect(follower.machine.role).to.equal('lost');
    bench.operate(operation('commit', 's', 2, 'late=1'));
    follower.machine.record(follower.now, sequence(6), bench.append().record);
    expect(follower.machine.ledger.session(sessionId('s'))!.version).to.equal(2);
    const log = [
      ...bench.log.map(({ at, record }) => ({ sequence: sequence(at), record })),
      { sequence: sequence(5), record: end },
    ];
    const late = { sequence: sequence(6), record: bench.append().record };
    const read = { generation: 1, identity: 'log', log: [...log, late], stored: [], highest: revision(0) };
    const fresh = new Bench(C, {}, [], 'fast', read);
    expect(fresh.machine.role).to.equal('lost');
    expect(fresh.machine.ledger.session(sessionId('s'))!.version, 'nor does one that joins').to.equal(2);
  });

  it('that would claim asks first, and does not while somebody remembers more: its log has lost its newest records', () => {
    const behind = new Bench(B, {}, bench.log.slice(0, 2));
    const doubt = (): void => {
      for (let i = 0; i < 20; i++) {
        behind.tick(20, { suspected: true, rank: 0, stable: true });
        behind.machine.polled(behind.now, sequence(2), { entries: [], last: sequence(2) });
        behind.machine.recovery.recalled(behind.now, recall('c~1', 'here', 4));
      }
    };
    doubt();
    expect(behind.of('recall').map((effect) => effect.recall.state)).to.include('claiming');
    expect(behind.of('append')).to.have.length(0);
    bench.tick(200);
    bench.machine.recovery.recalled(bench.now, recall('b~1', 'claiming', 2));
    expect(bench.of('recall').at(-1)!.recall).to.include({ state: 'here', position: 4 });
    for (let i = 0; i < 100; i++) {
      behind.tick(20, { suspected: true, rank: 0, stable: true });
      behind.machine.polled(behind.now, sequence(2), { entries: [], last: sequence(2) });
    }
    expect(behind.of('append'), 'nobody says so any more').to.have.length(1);
  });
});
