/**
 * One replica as a state machine: what comes in is told, what goes out is looked at, and the log is a list in the test. Rule 1
 * above all: a record is sent again with the same bytes at the same position until that position is occupied.
 */
import { expect } from 'chai';
import { revision, sequence, sessionId } from '../../src/shared/ids.js';
import type { NodeId } from '../../src/shared/ids.js';
import type { Effect } from '../../src/replication/effect.js';
import type { Answer, Operation } from '../../src/replication/operation.js';
import { PartitionMachine } from '../../src/replication/partition-machine.js';
import { decodeRecord, encodeRecord } from '../../src/replication/record.js';
import { decodeStored } from '../../src/replication/session-state.js';
import { DEFAULT_TIMING } from '../../src/replication/timing.js';
import type { Timing } from '../../src/replication/timing.js';
import { partition } from '../../src/shared/ids.js';
import { A, B, operation, read, textBodies } from './fixtures.js';
import type { TextBody } from './fixtures.js';

type View = Parameters<PartitionMachine<TextBody>['tick']>[1];
type Append = Extract<Effect, { type: 'append' }>;
const CALM = { suspected: false, rank: 0, stable: true };

/** A replica, its log and its time. */
class Bench {
  readonly log: { readonly at: number; readonly record: Uint8Array }[];
  readonly machine: PartitionMachine<TextBody>;
  readonly effects: Effect[] = [];
  ms = 1_000;
  #tokens = 0;

  constructor(self: NodeId, timing: Partial<Timing> = {}, log: { readonly at: number; readonly record: Uint8Array }[] = []) {
    this.log = log;
    this.machine = new PartitionMachine({
      partition: partition(0),
      self,
      incarnation: self.slice(0, 1),
      bodies: textBodies,
      timing: { ...DEFAULT_TIMING, ...timing },
      limits: { bytesMax: 100_000, entriesMax: 1_000 },
      takeover: 'fast',
    });
    this.machine.start();
    this.join();
  }

  get now(): { ms: number; wallMs: number } {
    return { ms: this.ms, wallMs: this.ms };
  }

  join(stored: Parameters<PartitionMachine<TextBody>['joined']>[2] = [], highest = 0): void {
    const entries = this.log.map(({ at, record }) => ({ sequence: sequence(at), record }));
    this.machine.joined(this.now, entries, stored, revision(highest));
    this.look();
  }

  look(): Effect[] {
    const fresh = this.machine.takeEffects();
    this.effects.push(...fresh);
    return fresh;
  }

  of<T extends Effect['type']>(type: T): Extract<Effect, { type: T }>[] {
    this.look();
    return this.effects.filter((effect): effect is Extract<Effect, { type: T }> => effect.type === type);
  }

  append(): Append {
    return this.of('append').at(-1)!;
  }

  tick(ms: number, view: View = CALM): void {
    this.ms += ms;
    this.machine.tick(this.now, view);
    this.look();
  }

  /** The log takes a record and everybody who follows sees it. */
  occupy(record: Uint8Array, ...others: Bench[]): void {
    const at = (this.log.at(-1)?.at ?? 0) + 1;
    this.log.push({ at, record });
    for (const each of [this, ...others]) {
      each.machine.record(each.now, sequence(at), record);
      each.look();
    }
  }

  /** The log takes whatever is under way. */
  flush(): void {
    while (this.of('append').length > 0 && this.append().expected === this.machine.ledger.applied)
      this.occupy(this.append().record);
  }

  /** Leads by its own LEAD. */
  lead(...others: Bench[]): void {
    for (let i = 0; i < 40 && this.of('append').length === 0; i++) {
      this.tick(20);
      this.machine.polled(this.now, sequence(0), { entries: [], last: sequence(0) });
    }
    this.occupy(this.append().record, ...others);
    expect(this.machine.role).to.equal('leading');
  }

  operate(of: Operation): number {
    const token = ++this.#tokens;
    this.machine.operate(this.now, token, of);
    this.look();
    return token;
  }

  answer(token: number): Answer | undefined {
    return this.of('answer').find((each) => each.token === token)?.answer;
  }
}

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
    expect(poll.after).to.equal(1);
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

  it('that reads a log without its tail, for long, is broken and serves nothing; a short stale read is no loss', () => {
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
    expect(bench.machine.role).to.equal('broken');
    expect(bench.machine.failure!.code).to.equal('LOG_LOST');
    expect(bench.answer(bench.operate(operation('commit', 's', 1, 'a=1')))).to.include({ kind: 'retry', clean: true });
  });
});

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
