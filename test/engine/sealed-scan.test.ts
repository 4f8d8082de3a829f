import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { memoryEngine } from '../../src/engine/memory/memory-engine.js';
import { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import type { Snapshots } from '../../src/engine/port.js';
import { SealedSnapshots } from '../../src/engine/sealed/sealed-snapshots.js';
import { Seals } from '../../src/engine/sealed/seals.js';
import { nodeId, partition, revision } from '../../src/shared/ids.js';
import type { Partition } from '../../src/shared/ids.js';
import { realClock } from '../../src/testing/real-clock.js';

const [P0, P1] = [partition(0), partition(1)];
const key = (): { id: string; key: Uint8Array } => ({ id: 'k1', key: randomBytes(32) });

describe('a pass over sealed snapshots', () => {
  let plain: Snapshots;
  let close: () => Promise<void>;
  const mine = key();
  const sealedBy = (by: ReturnType<typeof key>): SealedSnapshots =>
    new SealedSnapshots(
      plain,
      1,
      new Seals('c', { keys: [by], plain: 'refuse' }, () => randomBytes(16).toString('hex')),
      () => undefined,
    );

  beforeEach(async () => {
    const request = { cluster: 'c', generation: 1, node: nodeId('n~1'), clock: realClock, random: Math.random, timeoutMs: 1_000 };
    const connection = await memoryEngine({ cluster: new MemoryCluster() }).connect(request);
    plain = connection.snapshots;
    close = () => connection.close();
    for (const at of [P0, P1]) await sealedBy(mine).put(at, `key ${at}`, Buffer.from(`value ${at}`), revision(0));
  });
  afterEach(() => close());

  async function read(from: SealedSnapshots): Promise<{ readonly found: readonly string[]; readonly whole: boolean }> {
    const found: string[] = [];
    const upTo = await from.scan!(new Set<Partition>([P0, P1]), async (_, entries) => {
      found.push(...entries.map(({ value }) => Buffer.from(value).toString()));
      return true;
    });
    return { found, whole: upTo !== undefined };
  }

  it('opens what it hands over', async () => {
    expect(await read(sealedBy(mine))).to.deep.equal({ found: ['value 0', 'value 1'], whole: true });
  });

  it('is not whole for whoever lacks the key, and hands nothing over', async () => {
    expect(await read(sealedBy({ ...key(), id: 'k2' }))).to.deep.equal({ found: [], whole: false });
  });

  it('is left out where the engine has none', () => {
    plain = Object.create(plain, { scan: { value: undefined } }) as Snapshots;
    expect(sealedBy(mine).scan).to.equal(undefined);
  });
});
