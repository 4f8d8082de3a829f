/** A lost generation is left for good: nobody can begin it anew, and what stands in it does not keep anybody in it (rule 10). */
import { expect } from 'chai';
import { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import { memoryEngine } from '../../src/engine/memory/memory-engine.js';
import { Generations } from '../../src/node/generations.js';
import { beginGeneration } from '../../src/node/seeding.js';
import { rebuild } from '../../src/replication/joining.js';
import type { Instant, MachineOptions } from '../../src/replication/machine-options.js';
import { decodeRecord, encodeRecord } from '../../src/replication/record.js';
import type { LogRecord } from '../../src/replication/record.js';
import { DEFAULT_TIMING } from '../../src/replication/timing.js';
import { Upkeep } from '../../src/replication/upkeep.js';
import { epoch, nodeId, partition, revision, sequence } from '../../src/shared/ids.js';
import { realClock } from '../../src/testing/real-clock.js';
import { A, entry, textBodies } from '../replication/fixtures.js';
import type { TextBody } from '../replication/fixtures.js';

const P0 = partition(0);
const NOWHERE = { sequence: sequence(0), id: '' };
const seed = encodeRecord({ type: 'seed', id: 's', prev: NOWHERE, node: A, epoch: epoch(1), position: sequence(9) });
const end = encodeRecord({ type: 'end', id: 'e', prev: NOWHERE, node: A });
const lead = encodeRecord({ type: 'lead', id: 'l', prev: NOWHERE, node: A });

async function open(cluster: MemoryCluster): Promise<Generations> {
  const request = { cluster: 'c', generation: 1, node: A, clock: realClock, random: () => 0.5, timeoutMs: 1_000 };
  const connection = await memoryEngine({ cluster }).connect(request);
  return new Generations(connection, { key: 'state', value: Buffer.from('{}') }, realClock, 1);
}

describe('beginning the next generation', () => {
  it('ends a log that lost every record, at the position where a node without memory would claim it', async () => {
    const cluster = new MemoryCluster();
    const generations = await open(cluster);
    const effect = { type: 'seed', lost: 1, seed, end } as const;

    expect((await beginGeneration(generations, P0, { ...effect, examined: false })).kind).to.equal('ended');
    const { entries } = cluster.generation('c', 1).log(P0).behind(sequence(0));
    expect(entries.map(({ record }) => decodeRecord(record).type)).to.deep.equal(['end']);
    expect(cluster.generation('c', 1).append(P0, sequence(0), lead)).to.deep.equal({ outcome: 'refused', reason: 'position' });
    expect((await beginGeneration(generations, P0, { ...effect, examined: true })).kind).to.equal('mine');
  });

  it('does not begin it where such a node was quicker: its record is read first', async () => {
    const cluster = new MemoryCluster();
    const generations = await open(cluster);
    cluster.generation('c', 1).append(P0, sequence(0), lead);
    const begun = await beginGeneration(generations, P0, { type: 'seed', lost: 1, examined: true, seed, end });
    expect(begun.kind).to.equal('ended');
    expect(cluster.generation('c', 2).log(P0).last).to.equal(0);
  });
});

describe('reading a log that was lost', () => {
  const OPTIONS: MachineOptions<TextBody> = {
    partition: P0,
    self: nodeId('b~1'),
    incarnation: 'i',
    bodies: textBodies,
    timing: DEFAULT_TIMING,
    limits: { bytesMax: 1_000_000, entriesMax: 100 },
    takeover: 'fast',
  };
  // it was sent before the loss, and stands where its position happened to fit
  const late: LogRecord = {
    type: 'commit',
    id: 'late',
    prev: { sequence: sequence(1), id: 'another l' },
    epoch: epoch(1),
    node: A,
    confirm: false,
    entries: [entry('create', 's', 0, 'x')],
  };
  const read = (records: readonly Uint8Array[]): ReturnType<typeof rebuild<TextBody>> =>
    rebuild({ ms: 0, wallMs: 0 } as Instant, OPTIONS, new Upkeep(OPTIONS, () => undefined), {
      generation: 1,
      identity: '1',
      log: records.map((record, i) => ({ sequence: sequence(i + 1), record })),
      stored: [],
      highest: revision(0),
    });

  it('says of a gap whether the log has an end behind it: nobody waits for what cannot come', () => {
    expect(read([lead, encodeRecord(late)])).to.include({ kind: 'gap', ended: false });
    expect(read([lead, encodeRecord(late), end])).to.include({ kind: 'gap', ended: true });
  });
});
