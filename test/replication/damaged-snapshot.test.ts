/** A stored snapshot that cannot be read: one session is not served, its log is trimmed all the same, and no older state takes its place. */
import { expect } from 'chai';
import { revision, sequence, sessionId } from '../../src/shared/ids.js';
import { positionOf } from '../../src/node/stored-snapshots.js';
import { encodeRecord } from '../../src/replication/record.js';
import { decodeStored } from '../../src/replication/session-state.js';
import { A, B, entry } from './fixtures.js';
import { Bench } from './bench.js';

describe('a stored snapshot that cannot be read', () => {
  const TIMING = { checkpointRecords: 8, checkpointIdleMs: 1_000, snapshotMs: 10, snapshotsAtOnce: 2 };

  /** A primary that could not read what is stored of `s`, and knows three commits behind it. */
  const heirOfDamage = (): Bench => {
    const primary = new Bench(A, TIMING);
    primary.lead();
    const unreadable = { unreadable: sessionId('s'), error: new Error('bits fell over'), revision: revision(1) } as const;
    const log = primary.log.slice(0, 1);
    const entries = log.map(({ at, record }) => ({ sequence: sequence(at), record }));
    const read = { generation: 1, identity: 'log', log: entries, stored: [unreadable], highest: revision(1) };
    const heir = new Bench(A, TIMING, [...log], 'fast', read);
    for (const base of [1, 2, 3]) {
      const { applied, lastId, epoch } = heir.machine.ledger;
      const changed = [entry('commit', 's', base, `acknowledged${base}=1`)];
      const prev = { sequence: applied, id: lastId };
      heir.occupy(encodeRecord({ type: 'commit', id: `c${base}`, prev, epoch, node: A, confirm: false, entries: changed }));
    }
    heir.tick(2_000);
    return heir;
  };
  const DAMAGED = { revision: revision(2), trueUpTo: sequence(0), digest: undefined };
  const MENDED = { revision: revision(2), trueUpTo: sequence(2), digest: undefined };

  it('gives up no record before the stored snapshot was looked at again', () => {
    for (const found of [DAMAGED, null, MENDED, { ...MENDED, quarantined: 'salvaged' } as const]) {
      const heir = heirOfDamage();
      const { ledger } = heir.machine;
      expect(heir.of('look-up')).to.have.length(1);
      heir.machine.lookedUp(sessionId('s'), found);
      const mended = ledger.sessions.takeDrift();
      expect(mended !== undefined, 'it begins anew').to.equal(found !== null && found.trueUpTo > 0);
      for (let i = 0; i < 20 && mended === undefined; i++) {
        heir.tick(200);
        heir.flush();
      }
      expect(ledger.unsaved.has(sessionId('s'))).to.equal(true);
      expect(heir.of('trim').filter(({ upTo }) => upTo > 1)).to.deep.equal([]);
    }
  });

  it('is stored as such before the log gives up what came behind it, so that nobody takes a late snapshot for the newest state', () => {
    for (const found of [DAMAGED, null]) {
      const heir = heirOfDamage();
      heir.machine.lookedUp(sessionId('s'), found);
      heir.tick(200);
      const [put, ...others] = heir.of('put');
      expect(others).to.deep.equal([]);
      expect(put).to.include({ session: 's', expected: found?.revision ?? 0 });
      const kept = decodeStored(put!.value);
      expect(kept).to.include({ trueUpTo: 4, quarantine: 'bits fell over' }).and.to.have.nested.property('header.version', 4);
      const at = { key: 's:s', value: put!.value, revision: revision(3) };
      expect(positionOf(at)).to.deep.equal({ ...MENDED, revision: 3, trueUpTo: 4, quarantined: 'empty' });

      // it may have been stored although nobody said so
      heir.machine.put(sessionId('s'), undefined);
      heir.tick(200);
      heir.machine.lookedUp(sessionId('s'), positionOf(at));
      expect(heir.machine.ledger.sessions.takeDrift()).to.equal(undefined);
      for (let i = 0; i < 20; i++) {
        heir.tick(200);
        heir.flush();
      }
      expect(heir.machine.ledger.unsaved.has(sessionId('s'))).to.equal(false);
      expect(heir.of('trim').at(-1)?.upTo, 'one poison session holds nothing back').to.be.at.least(3);

      const joined = new Bench(B, TIMING, heir.log.slice(-2));
      joined.join([{ ...kept, revision: revision(3) }], 3);
      expect(joined.machine.role).to.equal('following');
      expect(joined.machine.ledger.session(sessionId('s'))!.quarantine?.code).to.equal('SESSION_QUARANTINED');
    }
  });

  it('begins anew where a late snapshot came before that', () => {
    const heir = heirOfDamage();
    heir.machine.lookedUp(sessionId('s'), DAMAGED);
    heir.tick(200);
    heir.machine.put(sessionId('s'), undefined);
    heir.tick(200);
    expect(heir.of('look-up')).to.have.length(2);
    heir.machine.lookedUp(sessionId('s'), MENDED);
    expect(heir.machine.ledger.unsaved.has(sessionId('s'))).to.equal(true);
    expect(heir.machine.ledger.sessions.takeDrift()).to.include({ session: 's' });
  });
});
