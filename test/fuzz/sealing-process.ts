/** A process that seals under a key that all share, over several connections, and tells the salts and counters that it used. */
import { Seals } from '../../src/engine/sealed/seals.js';
import { partition } from '../../src/shared/ids.js';
import { REAL_RUNTIME } from '../../src/store/real-runtime.js';
import { ByteReader } from '../../src/wire/reader.js';

const [connections, messages] = process.argv.slice(2).map(Number) as [number, number];
const nonces: string[] = [];
for (let i = 0; i < connections; i++) {
  const keys = [{ id: 'shared', key: new Uint8Array(32).fill(6) }];
  const seals = new Seals('shop', { keys, plain: 'refuse' }, REAL_RUNTIME.uniqueId);
  for (let n = 0; n < messages; n++) {
    const from = new ByteReader(seals.seal(seals.record(1, partition(0)), n, new Uint8Array(8)), 'sealed bytes');
    // magic, format, the key's id, its check
    from.u8();
    from.u8();
    from.string();
    from.raw(8);
    const salt = Buffer.from(from.raw(16)).toString('hex');
    nonces.push(`${salt} ${from.varint()}`);
  }
}
process.send!(nonces, () => process.exit(0));
