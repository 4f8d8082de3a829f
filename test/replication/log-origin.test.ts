/** A log that was trimmed begins where its oldest record says, unless a stranger's came to be the oldest. */
import { expect } from 'chai';
import { revision, sequence, sessionId } from '../../src/shared/ids.js';
import { foreignId } from '../../src/replication/foreign-record.js';
import { originOf } from '../../src/replication/log-origin.js';
import { encodeRecord } from '../../src/replication/record.js';
import type { LogRecord } from '../../src/replication/record.js';
import { A, B, Chain, entry, operation, text } from './fixtures.js';
import { Bench } from './bench.js';

const S = sessionId('s');
const at = (from: number, ...records: Uint8Array[]): { at: number; record: Uint8Array }[] =>
  records.map((record, i) => ({ at: from + i, record }));
const logOf = (from: number, ...records: Uint8Array[]) =>
  at(from, ...records).map(({ at: position, record }) => ({ sequence: sequence(position), record }));

describe('the origin of a log', () => {
  let chain: Chain;
  let lead: LogRecord;
  beforeEach(() => {
    chain = new Chain();
    lead = chain.lead();
    chain.commit([entry('create', 's', 0, 'made')]);
  });

  /** A stranger writes where the chain stands, and everybody who follows goes on over it. */
  function strange(record: Uint8Array): Uint8Array {
    Object.assign(chain, { at: chain.at + 1, id: foreignId(record) });
    return record;
  }

  it('is nothing where the log is empty, or has nothing that can be read', () => {
    expect(originOf([])).to.include({ applied: 0, lastId: '', epoch: 0 });
    expect(originOf(logOf(7, text('no record of ours')))).to.include({ applied: 0, lastId: '', epoch: 0 });
  });

  it('is what the oldest record follows, in the term that it was written in', () => {
    const kept = chain.commit([entry('commit', 's', 1, 'a=1')]);
    expect(originOf(logOf(3, encodeRecord(kept)))).to.include({ applied: 2, lastId: 'r2', epoch: 1, leader: A });
  });

  it('is not what a copied record says that came to be the oldest', () => {
    const copied = strange(encodeRecord(lead));
    const kept = encodeRecord(chain.checkpoint(2, 0));
    expect(originOf(logOf(3, copied, kept))).to.include({ applied: 2, lastId: '', epoch: 1, leader: A });
  });

  it('takes the term from a record in its place, and from no copy', () => {
    const old = encodeRecord(chain.commit([entry('commit', 's', 1, 'a=1')]));
    chain.lead(B);
    const garbage = strange(text('no record of ours'));
    const copied = strange(old);
    const kept = encodeRecord(chain.commit([entry('commit', 's', 2, 'b=1')], { node: B }));
    expect(originOf(logOf(5, garbage, copied, kept))).to.include({ epoch: 4, leader: B });
  });

  it('tells its term later, where all that could be read of it were strangers’ records', () => {
    const garbage = strange(text('no record of ours'));
    const [checkpoint, commit] = [chain.checkpoint(3, 0), chain.commit([entry('create', 't', 0, 'made')])].map(encodeRecord);
    const log = at(3, garbage);
    const read = { generation: 1, identity: 'log', log: logOf(3, garbage), stored: [], highest: revision(0) };
    const joining = new Bench(B, {}, log, 'fast', read);
    expect([joining.machine.role, joining.machine.epoch]).to.deep.equal(['following', 0]);
    joining.occupy(checkpoint!);
    joining.occupy(commit!);
    expect([joining.machine.epoch, joining.machine.leader]).to.deep.equal([1, A]);
    expect(joining.of('notice').map(({ notice }) => notice.kind)).to.deep.equal([]);
    expect(joining.machine.ledger.session(sessionId('t'))).to.include({ version: 1 });
  });

  for (const [what, strangers] of [
    ['a copied LEAD', (log: Bench['log']) => log[0]!.record],
    ['a copied commit', (log: Bench['log']) => log[1]!.record],
    ['no record at all', () => text('no record of ours')],
  ] as const) {
    it(`has lost nothing where ${what} is the newest record, however often it is read again`, () => {
      const primary = new Bench(A);
      primary.lead();
      primary.operate(operation('create', 's', undefined, 'made'));
      primary.flush();
      primary.occupy(strangers(primary.log));
      for (let i = 0; i < 3; i++) {
        primary.join();
        expect([primary.machine.role, primary.machine.ledger.applied]).to.deep.equal(['leading', 3]);
        const record = primary.log[2]!.record;
        primary.machine.polled(primary.now, sequence(3), { entries: [{ sequence: sequence(3), record }], last: sequence(3) });
        expect(primary.machine.role, 'asked for its last record').to.equal('leading');
      }
    });

    it(`lets whoever joins a rested partition follow, where ${what} is the oldest record`, () => {
      const primary = new Bench(A, { checkpointIdleMs: 100, snapshotMs: 10 });
      primary.lead();
      primary.operate(operation('create', 's', undefined, 'made'));
      primary.flush();
      primary.occupy(strangers(primary.log));
      expect([primary.machine.role, primary.machine.ledger.foreign]).to.deep.equal(['leading', 1]);
      for (let i = 0; i < 20 && primary.of('look-up').length === 0; i++) primary.tick(50);
      primary.machine.lookedUp(S, null);
      primary.tick(50);
      primary.machine.put(S, revision(1));
      for (let i = 0; i < 20 && primary.of('append').length < 3; i++) primary.tick(50);
      primary.flush();
      const { upTo } = primary.of('trim')[0]!;
      expect(upTo, 'all before the stranger’s is given up').to.equal(2);

      const log = primary.log.slice(upTo);
      const entries = log.map(({ at: position, record }) => ({ sequence: sequence(position), record }));
      const read = { generation: 1, identity: 'log', log: entries, stored: [], highest: revision(1) };
      const joining = new Bench(B, {}, log, 'fast', read);
      expect([joining.machine.role, joining.machine.leader, joining.machine.epoch]).to.deep.equal(['following', A, 1]);
      primary.operate(operation('create', 't', undefined, 'made'));
      const { record } = primary.append();
      joining.occupy(record, primary);
      expect(joining.of('notice').filter(({ notice }) => notice.kind === 'gap')).to.deep.equal([]);
      expect(joining.machine.ledger.applied).to.equal(primary.machine.ledger.applied);
      expect(joining.machine.ledger.sessions.size).to.equal(1);
    });
  }
});
