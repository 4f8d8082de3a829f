/** A record of another release, or under a key that is not here: a replica stops before it, and never claims or begins anything over it. */
import { expect } from 'chai';
import { crc32 } from '../../src/wire/checksum.js';
import { DEFAULT_TIMING } from '../../src/replication/timing.js';
import { mayBeOurs, tryDecode } from '../../src/replication/foreign-record.js';
import { encodeRecord, RECORD_FORMAT } from '../../src/replication/record.js';
import type { TwinstateError } from '../../src/shared/errors.js';
import { A, B, Chain, entry, operation } from './fixtures.js';
import { Bench } from './bench.js';

const { lostMs } = DEFAULT_TIMING;
const SUSPECTED = { suspected: true, rank: 0, stable: true };

/** As a release of another format writes it: only what stays where it is in every release is as it was. */
function ofRelease(format: number, record: Uint8Array): Uint8Array {
  const bytes = Buffer.from(record);
  bytes[1] = format;
  bytes.fill(0xff, 3, bytes.byteLength - 4);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.byteLength - 4);
  return bytes;
}

describe('a record of another release', () => {
  const later = ofRelease(RECORD_FORMAT + 1, encodeRecord(new Chain().commit([entry('create', 'x', 0, 'unknown here')])));
  let primary: Bench;
  let backup: Bench;
  beforeEach(() => {
    primary = new Bench(A);
    backup = new Bench(B, {}, primary.log);
    primary.lead(backup);
    primary.operate(operation('create', 's', undefined, 'made'));
    primary.occupy(primary.append().record, backup);
  });

  const notices = (bench: Bench): string[] => bench.of('notice').map(({ notice }) => notice.kind);

  for (const format of [RECORD_FORMAT - 1, RECORD_FORMAT + 1, 255]) {
    it(`of format ${format} may be ours; a damaged one is a stranger's`, () => {
      const bytes = ofRelease(format, later);
      const error = tryDecode(bytes) as TwinstateError;
      expect([error.code, mayBeOurs(error)]).to.deep.equal(['FORMAT_UNSUPPORTED', true]);
      expect(error.message).to.include(`format ${format}`).and.include(`format ${RECORD_FORMAT}`);
      bytes[5]! ^= 1;
      const damaged = tryDecode(bytes) as TwinstateError;
      expect([damaged.code, mayBeOurs(damaged)]).to.deep.equal(['BYTES_CORRUPT', false]);
    });
  }

  it('stops every replica before it, and each says so once', () => {
    const { applied } = primary.machine.ledger;
    primary.occupy(later, backup);
    for (const bench of [primary, backup]) {
      expect(bench.machine.role).to.equal('joining');
      expect(bench.machine.ledger.applied).to.equal(applied);
      for (let i = 0; i < 5; i++) bench.join();
      expect(notices(bench)).to.deep.equal(['unreadable-record']);
      const { notice } = bench.of('notice')[0]!;
      expect(notice)
        .to.include({ sequence: applied + 1 })
        .and.have.nested.property('error.code', 'FORMAT_UNSUPPORTED');
    }
  });

  it('is never claimed over, and never taken for a loss, however long it stands there', () => {
    primary.occupy(later, backup);
    for (const bench of [primary, backup, new Bench(B, {}, primary.log)]) {
      const appended = bench.of('append').length;
      for (let ms = 0; ms < lostMs * 3; ms += 500) {
        bench.tick(500, SUSPECTED);
        bench.join();
      }
      expect(bench.machine.role).to.equal('joining');
      expect(bench.of('append').length, 'nothing was appended').to.equal(appended);
      expect(bench.of('seed')).to.deep.equal([]);
      expect(notices(bench)).to.deep.equal(['unreadable-record']);
    }
  });

  it('tells who asks why nobody answers', () => {
    primary.occupy(later, backup);
    const token = primary.operate(operation('commit', 's', 1, 'a=1'));
    expect(primary.answer(token)).to.deep.include({ kind: 'retry', clean: true });
    expect((primary.answer(token) as { why: string }).why).to.include('another release of Twinstate');
  });

  it('leaves a commit that was to stand in its place unsure, which its asker asks again', () => {
    const token = primary.operate(operation('commit', 's', 1, 'a=1'));
    primary.occupy(later, backup);
    expect(primary.answer(token)).to.include({ kind: 'retry', clean: false });
  });

  it('that was taken out again, or is read by a newer release, stops nobody any more', () => {
    primary.occupy(later, backup);
    primary.log.pop();
    primary.join();
    expect(primary.machine.role).to.equal('leading');
    const token = primary.operate(operation('commit', 's', 1, 'a=1'));
    primary.occupy(primary.append().record);
    expect(primary.answer(token)).to.include({ kind: 'done', version: 2 });
    primary.occupy(later);
    expect(notices(primary)).to.deep.equal(['unreadable-record', 'unreadable-record']);
  });
});
