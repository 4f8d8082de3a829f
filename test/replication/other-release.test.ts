/** Stored sessions of another release: told apart from damaged ones, withheld, and taken along as they are where a log is begun anew. */
import { expect } from 'chai';
import { decoded, positionOf, snapshotKey } from '../../src/node/stored-snapshots.js';
import { beginningOf } from '../../src/replication/generation.js';
import { digestOf } from '../../src/replication/drift.js';
import { decodeStored, encodeStored, freshState } from '../../src/replication/session-state.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { revision, sequence, sessionId } from '../../src/shared/ids.js';
import type { SnapshotEntry } from '../../src/engine/port.js';
import { asLater } from '../store/later-release.js';
import { A, operation, text, V } from './fixtures.js';
import { Bench } from './bench.js';

const ignore = (): void => undefined;

function entryOf(id: string, at: number, value: (bytes: Uint8Array) => Uint8Array = asLater): SnapshotEntry {
  const header = { ...freshState(sessionId(id)), className: 'text', dead: false, version: V(3), incarnation: sequence(2) };
  const snapshot = text(`${id} of a later release`);
  const stored = { header, sequence: sequence(at), trueUpTo: sequence(at), snapshot, digest: digestOf(snapshot) };
  return { key: snapshotKey(sessionId(id)), value: value(encodeStored(stored)), revision: revision(7) };
}

function ledByA(): Bench {
  const bench = new Bench(A);
  bench.lead();
  return bench;
}

describe('a stored session of another release', () => {
  it('is no damaged one: its format is named, and where it stands is known', () => {
    const { value } = entryOf('w', 300);
    expect(() => decodeStored(value))
      .to.throw(TwinstateError)
      .with.property('code', 'FORMAT_UNSUPPORTED');
    expect(decoded(entryOf('w', 300), ignore)).to.deep.include({ unreadable: 'w', standing: { sequence: 300, trueUpTo: 300 } });
    expect(positionOf(entryOf('w', 300))).to.include({ withheld: true, trueUpTo: 300 });
    const damaged = entryOf('w', 300, (bytes) => asLater(bytes).map((byte, i) => (i === 12 ? byte ^ 1 : byte)));
    expect(decoded(damaged, ignore)).to.have.nested.property('error.code', 'BYTES_CORRUPT');
    expect(positionOf(damaged)).to.not.have.property('withheld');
  });

  it('is withheld: no read shows it, and no write of any kind changes it', () => {
    const { log } = ledByA();
    const entries = log.map(({ at, record }) => ({ sequence: sequence(at), record }));
    const stored = [decoded(entryOf('s', 1), ignore)];
    const read = { generation: 1, identity: 'log', log: entries, stored, highest: revision(7) };
    const bench = new Bench(A, {}, log, 'fast', read);
    expect(bench.machine.role).to.equal('leading');
    for (const consistency of ['local', 'primary', 'strong'] as const) {
      const token = bench.read(consistency);
      bench.flush();
      expect(bench.readAnswer(token)).to.deep.equal({ kind: 'withheld', why: 'format 4' });
    }
    const before = log.length;
    for (const kind of ['create', 'commit', 'touch', 'destroy', 'forget'] as const) {
      const token = bench.operate(operation(kind, 's', kind === 'create' ? undefined : 3, 'x=1'));
      bench.flush();
      expect(bench.answer(token), kind).to.include({ kind: 'refused', code: 'FORMAT_UNSUPPORTED' });
    }
    expect(log.length).to.equal(before);
  });

  it('goes into the next generation byte for byte, where it is ahead of what is remembered or nobody remembers it', () => {
    const bench = ledByA();
    for (const id of ['behind', 'ahead']) {
      bench.operate(operation('create', id, undefined, id));
      bench.flush();
    }
    const entries = [entryOf('behind', 1), entryOf('ahead', 50), entryOf('alone', 3)];
    bench.machine.recovery.identified(bench.now, 'another log');
    for (let i = 0; bench.of('seed').length === 0 && i < 100; i++) bench.tick(50);
    const { seed } = bench.of('seed').at(-1)!;
    const stored = entries.map((entry) => decoded(entry, ignore));
    const at = sequence(beginningOf(2) + 1);
    bench.machine.recovery.seeded(bench.now, { kind: 'mine', sequence: at, stored }, seed);
    bench.tick(20);
    const written = new Map(bench.of('put').map(({ session, value }) => [session as string, value]));
    expect(written.get('ahead')).to.deep.equal(entries[1]!.value);
    expect(written.get('alone')).to.deep.equal(entries[2]!.value);
    expect(decodeStored(written.get('behind')!).header.version).to.be.greaterThan(3);
    for (const [i, { session }] of bench.of('put').entries()) bench.machine.put(session, revision(i + 1));
    bench.tick(20);
    bench.machine.record(bench.now, sequence(at + 1), bench.append().record);
    bench.look();
    expect(bench.machine.role, 'what is withheld holds nothing back').to.equal('leading');
  });
});
