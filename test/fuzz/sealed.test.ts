/** Sealed bytes that were damaged, or stand where they were not put, are refused, and no nonce is used twice by anybody. */
import { expect } from 'chai';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SealedLog } from '../../src/engine/sealed/sealed-log.js';
import { SealedSnapshots } from '../../src/engine/sealed/sealed-snapshots.js';
import { Seals } from '../../src/engine/sealed/seals.js';
import { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import { memoryEngine } from '../../src/engine/memory/memory-engine.js';
import type { EngineConnection } from '../../src/engine/port.js';
import { decodeRecord } from '../../src/replication/record.js';
import { decodeStored } from '../../src/replication/session-state.js';
import { nodeId, partition, revision, sequence } from '../../src/shared/ids.js';
import { realClock } from '../../src/testing/real-clock.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { REAL_RUNTIME } from '../../src/store/real-runtime.js';
import { fuzz } from './fuzz.js';
import { harvest, type Harvest } from './harvest.js';
import { sealedTargetsOf } from './sealed-targets.js';
import { attempt } from './targets.js';

const RUNS = 1_500;
const SEED = 20_260_103;
const KEYS = [{ id: 'k', key: new Uint8Array(32).fill(5) }];

describe('sealed bytes', function () {
  this.timeout(120_000);
  let seeds: Harvest;
  before(async () => {
    seeds = await harvest(SEED);
  });

  for (const name of ['sealed record', 'sealed snapshot', 'sealed message']) {
    it(`are opened as the ${name} that they are, where it belongs, or refused with a typed error`, () => {
      const target = sealedTargetsOf(seeds).find((each) => each.name === name)!;
      const opened = target.seeds.filter((bytes) => attempt(target, bytes)).length;
      expect(opened, 'those under known keys').to.be.within(target.seeds.length / 4, target.seeds.length / 2);
      const tally = fuzz(target, SEED, RUNS, () => performance.now());
      expect(tally.findings).to.deep.equal([]);
      expect(tally.runs).to.equal(RUNS);
      expect(tally.taken, 'damage that undoes itself').to.be.lessThan(RUNS / 50);
    });
  }

  describe('that are copied to another place', () => {
    const places = ['shop', 'shop2'].flatMap((cluster) =>
      [1, 2].flatMap((generation) => [0, 1].map((at) => ({ cluster, generation, at: partition(at) }))),
    );
    type Place = (typeof places)[number];
    let engine: ReturnType<typeof memoryEngine>;
    let connections: EngineConnection[];

    beforeEach(() => {
      engine = memoryEngine({ cluster: new MemoryCluster() });
      connections = [];
    });
    afterEach(() => Promise.all(connections.map((each) => each.close())));

    async function openedAt({ cluster, generation }: Place) {
      const node = nodeId(`n~${connections.length}`);
      const request = { cluster, generation, node, clock: realClock, random: Math.random, timeoutMs: 5_000 };
      const raw = await engine.connect(request);
      connections.push(raw);
      const seals = new Seals(cluster, { keys: KEYS, plain: 'refuse' }, REAL_RUNTIME.uniqueId);
      const told: string[] = [];
      const trouble = (_: string, error: { readonly code: string }): unknown => told.push(error.code);
      return {
        raw,
        told,
        log: new SealedLog(raw.log, generation, seals, realClock, trouble),
        snapshots: new SealedSnapshots(raw.snapshots, generation, seals, trouble),
      };
    }

    it('are no record of another position, partition, generation or cluster', async () => {
      const record = seeds.records[0]!;
      const [home] = places;
      const { log, raw } = await openedAt(home!);
      const first = await log.append(home!.at, sequence(0), record);
      expect(first.outcome).to.equal('stored');
      const sealed = (await raw.log.read(home!.at, sequence(0)))!.entries[0]!.record;
      // once more behind itself: it names the position that it was appended at
      await raw.log.append(home!.at, (first as { sequence: ReturnType<typeof sequence> }).sequence, sealed);
      const [one, again] = (await log.read(home!.at, sequence(0)))!.entries;
      expect(Buffer.compare(one!.record, record)).to.equal(0);
      expect(() => decodeRecord(again!.record))
        .to.throw(TwinstateError)
        .with.property('code', 'BYTES_CORRUPT');
      for (const place of places.slice(1)) {
        const there = await openedAt(place);
        await there.raw.log.append(place.at, sequence(0), sealed);
        expect(await there.log.read(place.at, sequence(0)), JSON.stringify(place)).to.equal(undefined);
        expect(there.told).to.deep.equal(['BYTES_CORRUPT']);
      }
    });

    it('are no snapshot of another session, partition, generation or cluster', async () => {
      const value = seeds.stored[0]!;
      const [home] = places;
      const { snapshots, raw } = await openedAt(home!);
      await snapshots.put(home!.at, 's:ada', value, revision(0));
      const sealed = (await raw.snapshots.get(home!.at, 's:ada'))!.value;
      expect(Buffer.compare((await snapshots.get(home!.at, 's:ada'))!.value, value)).to.equal(0);
      for (const [place, key] of [[home!, 's:bob'] as const, ...places.slice(1).map((each) => [each, 's:ada'] as const)]) {
        const there = await openedAt(place);
        await there.raw.snapshots.put(place.at, key, sealed, revision(0));
        const found = (await there.snapshots.get(place.at, key))!;
        expect(() => decodeStored(found.value), JSON.stringify(place))
          .to.throw(TwinstateError)
          .with.property('code', 'BYTES_CORRUPT');
        expect(there.told).to.deep.equal(['BYTES_CORRUPT']);
      }
    });
  });

  it('have nonces that no process, connection or restart uses twice', async () => {
    const [processes, connections, messages] = [5, 4, 300];
    const program = fileURLToPath(new URL('./sealing-process.js', import.meta.url));
    const told = await Promise.all(
      Array.from({ length: processes }, () => {
        const child = fork(program, [String(connections), String(messages)]);
        return new Promise<readonly string[]>((resolve, reject) => {
          child.once('message', (nonces: readonly string[]) => resolve(nonces));
          child.once('exit', (code) => reject(new Error(`the process ended with code ${code} and told nothing`)));
        });
      }),
    );
    const nonces = told.flat();
    expect(nonces).to.have.length(processes * connections * messages);
    expect(new Set(nonces).size).to.equal(nonces.length);
    // the same key everywhere: without salts of their own all would begin with one nonce
    expect(new Set(nonces.map((nonce) => nonce.split(' ')[0])).size, 'salts').to.equal(processes * connections);
  });
});
