/** The bytes of records and stored sessions: fixed, checked, and harmless whatever they are. */
import { expect } from 'chai';
import { TwinstateError } from '../../src/shared/errors.js';
import { epoch, nodeId, revision, sequence, sessionId, version } from '../../src/shared/ids.js';
import { crc32 } from '../../src/wire/checksum.js';
import { decodeRecord, encodeRecord } from '../../src/replication/record.js';
import type { LogRecord } from '../../src/replication/record.js';
import { decodeStored, encodeStored } from '../../src/replication/session-state.js';
import type { StoredSession } from '../../src/replication/session-state.js';
import { EMPTY_BYTES } from '../../src/shared/bytes.js';
import { digestOf } from '../../src/replication/drift.js';
import { seededRandom } from '../../src/testing/simulated-time.js';
import { entry, text } from './fixtures.js';

const PREV = { sequence: sequence(300), id: 'w.1' };

const GOLDEN: readonly (readonly [string, LogRecord, string])[] = [
  ['LEAD', { type: 'lead', id: 'w.2', prev: PREV, node: nodeId('n~1') }, '54 02 01 03772e32 ac02 03772e31 036e7e31'],
  [
    'COMMIT without entries',
    { type: 'commit', id: 'w.2', prev: PREV, epoch: epoch(7), node: nodeId('n~1'), confirm: true, entries: [] },
    '54 02 02 03772e32 ac02 03772e31 07 036e7e31 01 00',
  ],
  [
    'CHECKPOINT',
    {
      type: 'checkpoint',
      id: 'w.2',
      prev: PREV,
      epoch: epoch(7),
      node: nodeId('n~1'),
      floor: sequence(299),
      revision: revision(128),
      digests: [{ session: sessionId('s'), incarnation: sequence(301), version: version(3), digest: 0x01020304 }],
      seeding: undefined,
    },
    '54 02 03 03772e32 ac02 03772e31 07 036e7e31 ab02 8001 01 0173 ad02 03 04030201 00',
  ],
  [
    'CHECKPOINT of a later generation',
    {
      type: 'checkpoint',
      id: 'w.2',
      prev: PREV,
      epoch: epoch(7),
      node: nodeId('n~1'),
      floor: sequence(299),
      revision: revision(128),
      digests: [],
      seeding: { at: sequence(5), node: nodeId('n~2'), epoch: epoch(3), position: sequence(4) },
    },
    '54 02 03 03772e32 ac02 03772e31 07 036e7e31 ab02 8001 00 05 036e7e32 03 04',
  ],
  [
    'SEED',
    {
      type: 'seed',
      id: 'w.2',
      prev: { sequence: sequence(0), id: '' },
      node: nodeId('n~1'),
      epoch: epoch(3),
      position: sequence(4),
    },
    '54 02 04 03772e32 00 00 036e7e31 03 04',
  ],
  ['END', { type: 'end', id: 'w.2', prev: PREV, node: nodeId('n~1') }, '54 02 05 03772e32 ac02 03772e31 036e7e31'],
  [
    'COMMIT with each kind of entry',
    {
      type: 'commit',
      id: 'w.2',
      prev: PREV,
      epoch: epoch(7),
      node: nodeId('n~1'),
      confirm: false,
      entries: [
        entry('create', 's', 0, 'SNAP', {
          op: { client: 'c', counter: 5 },
          atMs: 9,
          className: 'cart',
          lifetime: { ttlMs: 300, maxAgeMs: 5 },
        }),
        entry('commit', 'é', 1, 'D', { op: { client: 'c', counter: 6 }, incarnation: sequence(301), atMs: 9 }),
        entry('touch', 's', 2, '', { op: { client: 'c', counter: 7 }, incarnation: sequence(301), atMs: 9 }),
        entry('destroy', 's', 2, '', { op: { client: 'c', counter: 8 }, incarnation: sequence(301), atMs: 9 }),
        entry('destroy', 's', 3, '', { op: { client: '', counter: 0 }, incarnation: sequence(301), atMs: 9, reason: 'age' }),
      ],
    },
    '54 02 02 03772e32 ac02 03772e31 07 036e7e31 00 05' +
      ' 01 0173 0163 05 00 01 00 09 0463617274 ac02 05 04534e4150' +
      ' 02 02c3a9 0163 06 01 01 ad02 09 0144' +
      ' 03 0173 0163 07 02 00 ad02 09' +
      ' 04 0173 0163 08 02 01 ad02 09 01' +
      ' 04 0173 00 00 03 01 ad02 09 03',
  ],
];

const STORED: StoredSession = {
  header: {
    id: sessionId('s'),
    className: 'cart',
    version: version(3),
    incarnation: sequence(301),
    dead: false,
    ended: undefined,
    lifetime: { ttlMs: 1_000, maxAgeMs: 0 },
    createdAtMs: 4,
    touchedAtMs: 9,
    ops: new Map([['c', { counter: 8, version: version(3) }]]),
  },
  sequence: sequence(305),
  trueUpTo: sequence(400),
  snapshot: text('SNAP'),
  digest: digestOf(text('SNAP')),
};
const STORED_BYTES = '53 03 b102 9003 0173 0463617274 03 ad02 00 e807 00 04 09 01 0163 08 03 2af0f100 04534e4150';

function withChecksum(hex: string): Buffer {
  const body = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(body));
  return Buffer.concat([body, sum]);
}

describe('the bytes of a record', () => {
  for (const [name, record, hex] of GOLDEN) {
    it(`of ${name} are as specified, and read back`, () => {
      expect(Buffer.from(encodeRecord(record)).toString('hex')).to.equal(withChecksum(hex).toString('hex'));
      const again = decodeRecord(withChecksum(hex));
      expect(JSON.stringify(again)).to.equal(JSON.stringify(decodeRecord(encodeRecord(record))));
      expect(again.id).to.equal(record.id);
      expect(again.prev).to.deep.equal(record.prev);
    });
  }

  it('lead an adopted session to any later version, and no other by more than one', () => {
    const record = GOLDEN.at(-1)![1];
    if (record.type !== 'commit') throw new Error('the last one is a commit');
    const leap = (kind: 'adopt' | 'commit' | 'forget', from: number, to: number): Uint8Array =>
      encodeRecord({ ...record, entries: [entry(kind, 's', from, 'x', { to: version(to) })] });
    expect(decodeRecord(leap('adopt', 0, 1_048_607))).to.have.nested.property('entries[0].to', 1_048_607);
    for (const bytes of [
      leap('adopt', 3, 3),
      leap('commit', 0, 2),
      leap('forget', 3, 4),
      leap('adopt', 2 ** 53 - 1, 2 ** 53 + 2),
    ])
      expect(() => decodeRecord(bytes)).to.throw(TwinstateError, 'versions');
  });

  it('of another format are FORMAT_UNSUPPORTED, whatever is in them', () => {
    const bytes = withChecksum('54 01 01 ff ff ff');
    expect(() => decodeRecord(bytes))
      .to.throw(TwinstateError, 'another release')
      .with.property('code', 'FORMAT_UNSUPPORTED');
  });

  it('that claim more versions than an entry has are refused', () => {
    const bad = withChecksum('54 02 02 03772e32 ac02 03772e31 07 036e7e31 00 01 04 0173 0163 08 02 05 ad02 09');
    expect(() => decodeRecord(bad))
      .to.throw(TwinstateError)
      .with.property('code', 'BYTES_CORRUPT');
  });

  it('of a kept payload do not keep the whole batch', () => {
    // of a Buffer, whose own slice is no copy
    const bytes = Buffer.from(encodeRecord(GOLDEN[3]![1]));
    const record = decodeRecord(bytes);
    expect(record.type === 'commit' && record.entries[0]!.payload.buffer).to.not.equal(bytes.buffer);
  });
});

describe('the bytes of a stored session', () => {
  it('are as specified, and read back', () => {
    expect(Buffer.from(encodeStored(STORED)).toString('hex')).to.equal(withChecksum(STORED_BYTES).toString('hex'));
    const again = decodeStored(encodeStored(STORED));
    expect(again.header).to.deep.equal(STORED.header);
    expect([again.sequence, again.trueUpTo, Buffer.from(again.snapshot).toString()]).to.deep.equal([305, 400, 'SNAP']);
  });

  it('of a tombstone have no snapshot', () => {
    const again = decodeStored(
      encodeStored({ ...STORED, header: { ...STORED.header, dead: true }, snapshot: EMPTY_BYTES, digest: digestOf(EMPTY_BYTES) }),
    );
    expect([again.header.dead, again.snapshot.byteLength]).to.deep.equal([true, 0]);
  });
});

describe('bytes that are no record and no stored session', () => {
  const codes = new Set(['BYTES_CORRUPT', 'FORMAT_UNSUPPORTED']);
  const reals = [...GOLDEN.map(([, record]) => encodeRecord(record)), encodeStored(STORED)];

  function outcome(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): string {
    try {
      decode(bytes);
      return 'read';
    } catch (error) {
      return error instanceof TwinstateError ? error.code : `not ours: ${String(error)}`;
    }
  }

  it('with one bit flipped, cut short or made longer are always refused', () => {
    for (const real of reals) {
      const decode = real[0] === 0x54 ? decodeRecord : decodeStored;
      for (let at = 0; at < real.byteLength; at++) {
        for (let bit = 0; bit < 8; bit++) {
          const bytes = Buffer.from(real);
          bytes[at]! ^= 1 << bit;
          expect(outcome(decode, bytes), `byte ${at}, bit ${bit}`).to.be.oneOf([...codes]);
        }
        expect(outcome(decode, real.subarray(0, at)), `cut at ${at}`).to.be.oneOf([...codes]);
      }
      expect(outcome(decode, Buffer.concat([real, Buffer.from([0])]))).to.be.oneOf([...codes]);
    }
  });

  it('with a right checksum and wrong content give a typed error or a record, in thousands of tries', () => {
    const random = seededRandom(11);
    for (let round = 0; round < 6_000; round++) {
      const real = reals[round % reals.length]!;
      const body = Buffer.from(real.subarray(0, -4));
      for (let i = 1 + Math.floor(random() * 4); i > 0; i--)
        body[Math.floor(random() * body.byteLength)] = Math.floor(random() * 256);
      const cut = random() < 0.3 ? body.subarray(0, Math.floor(random() * body.byteLength)) : body;
      const bytes = withChecksum(cut.toString('hex'));
      const result = outcome(bytes[0] === 0x53 ? decodeStored : decodeRecord, bytes);
      if (result !== 'read') expect(codes.has(result), `round ${round}: ${result}`).to.equal(true);
    }
  });

  it('of pure chance are refused', () => {
    const random = seededRandom(12);
    for (let round = 0; round < 2_000; round++) {
      const bytes = Uint8Array.from({ length: Math.floor(random() * 80) }, () => Math.floor(random() * 256));
      expect(outcome(decodeRecord, bytes)).to.equal('BYTES_CORRUPT');
      expect(outcome(decodeStored, bytes)).to.equal('BYTES_CORRUPT');
    }
  });
});
