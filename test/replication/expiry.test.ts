/** When a session is over, who says so, and what counts as a use: one primary, and one after a takeover, on clocks that differ. */
import { expect } from 'chai';
import { hash32 } from '../../src/shared/bytes.js';
import { epoch, sequence, sessionId } from '../../src/shared/ids.js';
import { DriftError } from '../../src/replication/drift.js';
import { Expiry } from '../../src/replication/expiry.js';
import type { Living } from '../../src/replication/expiry.js';
import { deadlineMs, endOf, useIsDue } from '../../src/replication/lifetime.js';
import type { Lifetime, Watch } from '../../src/replication/lifetime.js';
import { decodeRecord } from '../../src/replication/record.js';
import type { Entry } from '../../src/replication/record.js';
import { Bench } from './bench.js';
import { A, B, operation } from './fixtures.js';

const TTL_MS = 16_000;
const SKEW_MS = 300;
const IDLE: Lifetime = { ttlMs: TTL_MS, maxAgeMs: 0 };
/** A sixteenth that is not recorded, a sixteenth of jitter. */
const LATEST_MS = (TTL_MS * 18) / 16;

/** A primary with a session, whose log takes everything at once. */
function primary(lifetime: Lifetime, others: Bench[] = []): Bench {
  const bench = new Bench(A, { clockSkewMs: SKEW_MS });
  bench.lead(...others);
  bench.operate(operation('create', 's', undefined, 'made', { lifetime }));
  bench.occupy(bench.append().record, ...others);
  return bench;
}

function run(bench: Bench, ms: number): void {
  for (const end = bench.ms + ms; bench.ms < end;) {
    bench.tick(20);
    bench.flush();
  }
}

const entries = (bench: Bench): Entry[] =>
  bench.log.flatMap(({ record }) => {
    const decoded = decodeRecord(record);
    return decoded.type === 'commit' ? [...decoded.entries] : [];
  });
const living = (bench: Bench): boolean => bench.machine.ledger.session(sessionId('s'))?.dead === false;
const open = (bench: Bench, token: number): void => {
  bench.machine.read(bench.now, token, {
    session: sessionId('s'),
    consistency: 'primary',
    known: undefined,
    atLeast: undefined,
    use: true,
  });
  bench.look();
};

describe('expiry', () => {
  it('ends what nobody used for its ttl by a record that says why, and no sooner', () => {
    const bench = primary(IDLE);
    const createdMs = bench.ms;
    run(bench, TTL_MS);
    expect(living(bench), 'not before its time').to.equal(true);
    run(bench, createdMs + LATEST_MS + 200 - bench.ms);
    expect(living(bench)).to.equal(false);
    expect(entries(bench).at(-1)).to.include({ kind: 'destroy', reason: 'idle', to: 2 });
    expect(bench.machine.ledger.session(sessionId('s'))).to.include({ ended: 'idle', version: 2 });
    const token = bench.operate(operation('commit', 's', 1, 'late=1'));
    bench.flush();
    expect(bench.answer(token)).to.deep.equal({ kind: 'gone', ended: 'idle' });
  });

  it('ends what has reached its maxAge, however much it is used', () => {
    const bench = primary({ ttlMs: 0, maxAgeMs: 8_000 });
    for (let i = 0; i < 7; i++) {
      bench.operate(operation('commit', 's', i + 1, `n=${i}`));
      run(bench, 1_000);
    }
    expect(living(bench)).to.equal(true);
    run(bench, 1_000 + 8_000 / 16 + 200);
    expect(bench.machine.ledger.session(sessionId('s'))).to.include({ dead: true, ended: 'age' });
  });

  it('leaves what has no lifetime', () => {
    const bench = primary({ ttlMs: 0, maxAgeMs: 0 });
    run(bench, 100_000);
    expect(living(bench)).to.equal(true);
  });

  it('counts commits, touches and opens as uses, with a record only where a sixteenth of the ttl has passed', () => {
    for (const use of ['touch', 'open'] as const) {
      const bench = primary(IDLE);
      for (let i = 0; i < 200; i++) {
        if (use === 'touch') bench.operate(operation('touch', 's', undefined));
        else open(bench, 1_000 + i);
        bench.flush();
        run(bench, TTL_MS / 64);
      }
      expect(living(bench), `used for ${200 / 64} times its ttl`).to.equal(true);
      expect(bench.of('read').every(({ answer }) => answer.kind === 'snapshot')).to.equal(true);
      const touches = entries(bench).filter(({ kind }) => kind === 'touch').length;
      expect(touches, use).to.be.within(40, 55);
      run(bench, LATEST_MS + 200);
      expect(living(bench)).to.equal(false);
    }
  });

  it('answers an open that must be recorded only once it is', () => {
    const bench = primary(IDLE);
    run(bench, TTL_MS / 4);
    open(bench, 77);
    expect(bench.of('read').some(({ token }) => token === 77)).to.equal(false);
    bench.occupy(bench.append().record);
    expect(bench.of('read').find(({ token }) => token === 77)?.answer.kind).to.equal('snapshot');
    expect(entries(bench).at(-1)).to.include({ kind: 'touch' });
  });

  it('answers whoever opens or touches what has drifted', () => {
    for (const use of ['touch', 'open'] as const) {
      const bench = new Bench(A, { hotSessionsMax: 0 });
      bench.lead();
      bench.operate(operation('create', 's', undefined, 'made', { lifetime: IDLE }));
      bench.flush();
      bench.tick(20);
      bench.tick(20);
      const bytes = bench.machine.ledger.sessions.cold.record(sessionId('s'))!;
      bytes[bytes.length - 1]! ^= 1;
      let token = 7;
      if (use === 'open') open(bench, token);
      else {
        try {
          token = 0;
          token = bench.operate(operation('touch', 's', undefined));
        } catch (error) {
          // what the driver does then
          expect(error).to.be.instanceOf(DriftError);
          token = 2;
          bench.machine.beginAnew(error as DriftError);
        }
      }
      const answers = use === 'open' ? bench.of('read') : bench.of('answer');
      expect(answers.find((each) => each.token === token)?.answer.kind, use).to.equal('retry');
    }
  });

  it('does not count reads that are none of a user', () => {
    const bench = primary(IDLE);
    for (let i = 0; i < 200 && living(bench); i++) {
      bench.machine.read(bench.now, i, { session: sessionId('s'), consistency: 'primary', known: undefined, atLeast: undefined });
      bench.flush();
      run(bench, TTL_MS / 64);
    }
    expect(living(bench)).to.equal(false);
  });

  it('takes nothing for over that is used in the very record that would end it', () => {
    const bench = primary(IDLE);
    const other = new Bench(B, { clockSkewMs: SKEW_MS });
    expect(other.machine.role).to.equal('following');
    const createdMs = bench.ms;
    run(bench, TTL_MS);
    // an append is under way, so that what falls due meanwhile waits beside a touch for the next record
    bench.operate(operation('create', 'other', undefined, 'x'));
    while (bench.ms < createdMs + LATEST_MS + 1_000) bench.tick(20);
    const token = bench.operate(operation('touch', 's', undefined));
    bench.flush();
    expect(bench.answer(token)).to.include({ kind: 'done' });
    expect(living(bench)).to.equal(true);
  });

  it('grants a session, after a takeover, what clocks may differ', () => {
    const follower = new Bench(B, { clockSkewMs: SKEW_MS });
    const bench = primary(IDLE, [follower]);
    const createdMs = bench.ms;
    // the new primary's clock is ahead by as much as it may be
    follower.ms = bench.ms + SKEW_MS;
    follower.machine.record(follower.now, sequence(0), bench.log[0]!.record);
    follower.log.push(...bench.log);
    for (let i = 0; i < 200 && follower.machine.role !== 'leading'; i++) {
      follower.tick(20, { suspected: true, rank: 0, stable: true });
      follower.machine.polled(follower.now, follower.machine.ledger.applied, {
        entries: [],
        last: follower.machine.ledger.applied,
      });
      follower.flush();
    }
    expect(follower.machine.role).to.equal('leading');
    const deadline = deadlineMs(follower.machine.ledger.session(sessionId('s'))!, hash32('s'));
    run(follower, deadline + SKEW_MS - 40 - follower.ms);
    expect(living(follower), 'by the clock that stamped it, it is not over').to.equal(true);
    run(follower, 300);
    expect(living(follower)).to.equal(false);
    expect(deadline - createdMs).to.be.within(TTL_MS, LATEST_MS);
  });

  it('spreads sessions that were made together, a bounded number a tick, and finds all of them', () => {
    const bench = new Bench(A);
    bench.lead();
    for (let i = 0; i < 900; i++)
      bench.operate(operation('create', `s${i}`, undefined, 'x', { lifetime: { ttlMs: 160_000, maxAgeMs: 0 } }));
    bench.flush();
    const ends: number[] = [];
    const from = bench.ms;
    while (bench.ms < from + 160_000 * 1.125 + 1_000) {
      bench.tick(100);
      const before = bench.log.length;
      bench.flush();
      for (const { record } of bench.log.slice(before)) {
        const decoded = decodeRecord(record);
        const ended = decoded.type === 'commit' ? decoded.entries.filter(({ kind }) => kind === 'destroy').length : 0;
        if (ended > 0) ends.push(ended);
      }
    }
    expect(ends.reduce((sum, each) => sum + each, 0)).to.equal(900);
    expect(Math.max(...ends)).to.be.lessThan(60);
  });

  it('looks at all sessions of one hash, and once more at what was not ended', () => {
    const sessions = new Map<string, Living>();
    for (const id of ['a', 'b'])
      sessions.set(id, {
        id: sessionId(id),
        lifetime: IDLE,
        createdAtMs: 0,
        touchedAtMs: 0,
        incarnation: sequence(5),
        sequence: sequence(5),
      });
    const expiry = new Expiry();
    for (const session of sessions.values()) expiry.add(session);
    const table = {
      lookAt: (hashes: readonly number[], look: (session: Living, hash: number) => void): void => {
        for (const hash of hashes) for (const each of sessions.values()) if (hash32(each.id) === hash) look(each, hash);
      },
    };
    expect(expiry.due(table, { wallMs: 0, term: epoch(1), clockSkewMs: SKEW_MS })).to.deep.equal([]);
    expect(expiry.due(table, { wallMs: LATEST_MS + 64, term: epoch(1), clockSkewMs: SKEW_MS }).toSorted()).to.deep.equal([
      'a',
      'b',
    ]);
    expect(expiry.due(table, { wallMs: LATEST_MS + 200, term: epoch(1), clockSkewMs: SKEW_MS })).to.deep.equal([]);
    sessions.delete('a');
    expect(expiry.due(table, { wallMs: LATEST_MS + 700, term: epoch(1), clockSkewMs: SKEW_MS })).to.deep.equal(['b']);
  });

  it('has one rule for every age, use and hash', () => {
    const [before, own] = [sequence(3), sequence(9)];
    const life = {
      lifetime: { ttlMs: 1_600, maxAgeMs: 16_000 },
      createdAtMs: 0,
      touchedAtMs: 0,
      incarnation: before,
      sequence: own,
    };
    const used = { ...life, touchedAtMs: 16_900 };
    const at = (wallMs: number): Watch => ({ wallMs, term: epoch(5), clockSkewMs: 200 });
    for (const hash of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) {
      expect(deadlineMs(life, hash)).to.be.within(1_700, 1_800);
      expect(endOf(life, hash, at(1_699))).to.equal(undefined);
      expect(endOf(life, hash, at(1_800))).to.equal('idle');
      expect(endOf({ ...life, sequence: before }, hash, at(1_800)), 'another clock stamped its use').to.equal(undefined);
      expect(endOf({ ...life, sequence: before }, hash, at(2_000))).to.equal('idle');
      expect(endOf({ ...used, incarnation: own }, hash, at(15_999))).to.equal(undefined);
      expect(endOf({ ...used, incarnation: own }, hash, at(17_000))).to.equal('age');
      expect(endOf(used, 0, at(16_199)), 'another clock stamped its create').to.equal(undefined);
      expect(endOf(used, hash, at(17_200))).to.equal('age');
    }
    expect(useIsDue(life, 99)).to.equal(false);
    expect(useIsDue(life, 100)).to.equal(true);
    expect(useIsDue({ ...life, lifetime: { ttlMs: 0, maxAgeMs: 16_000 } }, 10_000)).to.equal(false);
  });
});
