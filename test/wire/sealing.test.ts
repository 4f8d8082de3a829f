import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { Seals } from '../../src/engine/sealed/seals.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { nodeId, partition } from '../../src/shared/ids.js';
import { SEALED_BYTES_MORE, Sealer, sealedUnder } from '../../src/wire/sealing.js';
import type { SealingKey } from '../../src/wire/sealing.js';

const KEY: SealingKey = { id: '2026-11', key: new Uint8Array(32).fill(7) };
const OTHER: SealingKey = { id: '2026-12', key: new Uint8Array(32).fill(9) };
const CONTEXT = Buffer.from('record of partition 3');
const PLAIN = Buffer.from('what a cart holds');
const entropy = (): string => randomBytes(24).toString('hex');

function refusal(fn: () => unknown): TwinstateError {
  try {
    fn();
  } catch (error) {
    if (error instanceof TwinstateError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('sealing', () => {
  it('gives back what was sealed, with the place that was sealed with it', () => {
    const sealed = new Sealer([KEY], entropy).seal(CONTEXT, 4711, PLAIN);
    expect(Buffer.from(sealed).includes('cart')).to.equal(false);
    expect(sealed.byteLength - PLAIN.byteLength).to.be.at.most(SEALED_BYTES_MORE);
    const { plain, place, current } = new Sealer([OTHER, KEY], entropy).open(CONTEXT, sealed, 'a record');
    expect(Buffer.from(plain).toString()).to.equal('what a cart holds');
    expect(place).to.equal(4711);
    expect(current, 'sealed under the first key').to.equal(false);
    expect(sealedUnder(sealed)).to.equal('2026-11');
  });

  it('refuses a flipped bit, wherever it is, and every shorter piece', () => {
    const sealer = new Sealer([KEY], entropy);
    const sealed = sealer.seal(CONTEXT, 300, PLAIN);
    for (let bit = 0; bit < sealed.byteLength * 8; bit++) {
      const flipped = new Uint8Array(sealed);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(refusal(() => sealer.open(CONTEXT, flipped, 'a record')).code, `bit ${bit}`).to.be.oneOf([
        'BYTES_CORRUPT',
        'KEY_UNKNOWN',
        // what another release seals says so at the same place
        ...(bit >> 3 === 1 ? ['FORMAT_UNSUPPORTED'] : []),
      ]);
    }
    for (let length = 0; length < sealed.byteLength; length++) {
      const code = refusal(() => sealer.open(CONTEXT, sealed.subarray(0, length), 'a record')).code;
      expect(code, `${length} bytes`).to.be.oneOf(['BYTES_CORRUPT', 'KEY_UNKNOWN']);
    }
  });

  it('tells a key that is missing from one that is another under the same id, and shows neither', () => {
    const sealed = new Sealer([KEY], entropy).seal(CONTEXT, 0, PLAIN);
    const missing = refusal(() => new Sealer([OTHER], entropy).open(CONTEXT, sealed, 'record 3'));
    expect(missing.code).to.equal('KEY_UNKNOWN');
    expect(missing.message).to.contain('record 3').and.contain('the key "2026-11"').and.contain('keys "2026-12"');
    const wrong = refusal(() => new Sealer([{ ...OTHER, id: KEY.id }], entropy).open(CONTEXT, sealed, 'record 3'));
    expect(wrong.code).to.equal('KEY_UNKNOWN');
    expect(wrong.message).to.contain('another key of that id');
    for (const { message } of [missing, wrong]) expect(message).not.to.contain(Buffer.from(KEY.key).toString('base64'));
  });

  it('never uses a nonce twice: each process has a salt of its own, and counts', () => {
    const seen = new Set<string>();
    let count = 0;
    for (let start = 0; start < 50; start++) {
      const sealer = new Sealer([KEY], entropy);
      for (let i = 0; i < 40; i++) {
        // head: magic, format, id, check, then salt (16) and the counter
        const sealed = sealer.seal(CONTEXT, 0, PLAIN);
        const saltAt = 2 + 1 + KEY.id.length + 8;
        seen.add(Buffer.from(sealed.subarray(saltAt, saltAt + 17)).toString('hex'));
        count++;
      }
    }
    expect(seen.size).to.equal(count);
  });

  it('seals the same bytes differently each time', () => {
    const sealer = new Sealer([KEY], entropy);
    expect(Buffer.from(sealer.seal(CONTEXT, 1, PLAIN))).not.to.deep.equal(Buffer.from(sealer.seal(CONTEXT, 1, PLAIN)));
  });

  describe('binds what it seals to where it belongs', () => {
    const seals = (cluster = 'shop'): Seals => new Seals(cluster, { keys: [KEY], plain: 'refuse' }, entropy);
    const [p3, p4] = [partition(3), partition(4)];
    const [a, b] = [nodeId('a~1'), nodeId('b~1')];
    const request = seals().seal(seals().request(a), 0, PLAIN);
    const cases: readonly (readonly [string, Uint8Array, Uint8Array])[] = [
      ['a record in another partition', seals().record(1, p3), seals().record(1, p4)],
      ['a record in another generation', seals().record(1, p3), seals().record(2, p3)],
      ['a record in another cluster', seals().record(1, p3), seals('shop2').record(1, p3)],
      ['a record as a snapshot', seals().record(1, p3), seals().snapshot(1, p3, '')],
      ["a snapshot under another session's key", seals().snapshot(1, p3, 's:ada'), seals().snapshot(1, p3, 's:bob')],
      ['a snapshot in another partition', seals().snapshot(1, p3, 's:ada'), seals().snapshot(1, p4, 's:ada')],
      ['a snapshot in another generation', seals().snapshot(1, p3, 's:ada'), seals().snapshot(2, p3, 's:ada')],
      ['a request at another node', seals().request(a), seals().request(b)],
      ['a request as an announcement', seals().request(a), seals().announcement()],
      ['a reply of another node', seals().reply(a, request), seals().reply(b, request)],
      ['a reply to another request', seals().reply(a, request), seals().reply(a, seals().seal(seals().request(a), 0, PLAIN))],
      ["another cluster's mark", seals().state(), seals('shop2').state()],
    ];
    for (const [what, sealedAs, openedAs] of cases) {
      it(what, () => {
        const sealed = seals().seal(sealedAs, 5, Buffer.from([0x54, 1]));
        expect(seals().open(sealedAs, 'record', sealed, 'it')?.place).to.equal(5);
        expect(refusal(() => seals().open(openedAs, 'record', sealed, 'it')).code).to.equal('BYTES_CORRUPT');
      });
    }
  });

  it('takes plain bytes of its own formats only where it is told to, and never takes them for what a stranger wrote', () => {
    const record = Buffer.from([0x54, 2, 1]);
    const stranger = Buffer.from('hello');
    const under = (plain: 'refuse' | 'accept' | 'write'): Seals => new Seals('shop', { keys: [KEY], plain }, entropy);
    const context = under('refuse').record(1, partition(0));
    expect(refusal(() => under('refuse').open(context, 'record', record, 'record 1')).code).to.equal('CLUSTER_MISMATCH');
    expect(under('accept').open(context, 'record', record, 'record 1')).to.include({ plain: record, current: false });
    expect(under('write').open(context, 'record', record, 'record 1')).to.include({ plain: record, current: true });
    expect(under('write').seal(context, 0, record)).to.equal(record);
    expect(under('refuse').open(context, 'record', stranger, 'record 1')).to.equal(undefined);
  });
});
