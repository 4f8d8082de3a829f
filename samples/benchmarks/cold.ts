/**
 * `npm run bench:cold -- --sessions 100000`: a cluster of that many sessions starts again with nobody running, on a real NATS server.
 *
 * It measures, in one process per run and by its own clock, from `connect` to the first session served (opened by a strong read, and
 * committed), and until all sessions are in memory again. The sessions are written as stored snapshots and a checkpoint, which is
 * what a cluster leaves behind that rested before it stopped.
 */
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { natsEngine } from '../../src/engine/nats/index.js';
import { Immutable, Mutable, Session } from '../../src/index.js';
import { connectWith } from '../../src/store/connect.js';
import { REAL_RUNTIME } from '../../src/store/real-runtime.js';
import type { ClusterNode } from '../../src/node/cluster-node.js';
import type { AtRest } from '../../src/session/at-rest.js';
import { startNatsServer } from '../support/nats-server.js';

@Session({ name: 'line' })
class Line {
  @Immutable() readonly customer!: string;
  @Mutable() text = '';
  @Mutable() visits = 0;
}

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '100000' },
    partitions: { type: 'string', default: '16' },
    json: { type: 'string' },
  },
});
const sessions = Number(values.sessions);
const partitions = Number(values.partitions);
if (!Number.isInteger(sessions) || sessions < 1 || !Number.isInteger(partitions)) {
  console.error('usage: npm run bench:cold -- [--sessions N] [--partitions P] [--json FILE]');
  process.exit(2);
}

const CREATED_AT_ONCE = 512;
const server = await startNatsServer();
const engine = natsEngine({ servers: server.url });
const options = { sessions: [Line], engine, cluster: 'cold', partitions, backups: 0 } as const;
const idOf = (i: number): string => `line-${i}`;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function fill(): Promise<number> {
  const startedMs = performance.now();
  let node!: ClusterNode<AtRest>;
  const timing = { checkpointIdleMs: 200, snapshotsAtOnce: 64 };
  const store = await connectWith({ ...options, timing }, REAL_RUNTIME, (made) => (node = made));
  for (let first = 0; first < sessions; first += CREATED_AT_ONCE) {
    const some = Array.from({ length: Math.min(CREATED_AT_ONCE, sessions - first) }, (_, i) => first + i);
    await Promise.all(
      some.map((i) =>
        store.create(Line, { customer: `customer ${i}`, text: `${i} `.repeat(60) }, { id: idOf(i), timeoutMs: 120_000 }),
      ),
    );
  }
  while (node.replicas.some(({ machine }) => machine.ledger.unsaved.size > 0 || machine.upkeep.tail.records > 4)) await pause(50);
  await store.close();
  return performance.now() - startedMs;
}

const filledMs = await fill();
const startedMs = performance.now();
let node!: ClusterNode<AtRest>;
const store = await connectWith(options, REAL_RUNTIME, (made) => (node = made));
const connectedMs = performance.now() - startedMs;
const id = idOf(Math.floor(sessions / 2));
const line = (await store.open(Line, id, { consistency: 'strong', timeoutMs: 60_000 }))!;
const openedMs = performance.now() - startedMs;
line.visits++;
await store.commit(line);
const committedMs = performance.now() - startedMs;
const loadedThen = node.replicas.reduce((sum, { machine }) => sum + machine.ledger.sessions.size, 0);
while (node.replicas.some(({ machine }) => machine.role !== 'leading' || machine.ledger.loading)) await pause(5);
const warmMs = performance.now() - startedMs;
const loaded = node.replicas.reduce((sum, { machine }) => sum + machine.ledger.sessions.size, 0);
if (loaded !== sessions) throw new Error(`${loaded} sessions are here, not ${sessions}`);
await store.close();
const result = {
  sessions,
  partitions,
  connectedMs,
  openedMs,
  committedMs,
  loadedWhenCommitted: loadedThen,
  warmMs,
  residentBytes: process.memoryUsage().rss,
  filledMs,
  server: server.version,
  node: process.version,
  cpus: cpus().length,
  memoryBytes: totalmem(),
};
await server.stop();
console.log(
  `${sessions} sessions in ${partitions} partitions, nats-server ${result.server}, ${result.cpus} cores, Node ${result.node}`,
);
console.log(
  `first session opened after ${openedMs.toFixed(0)} ms, committed after ${committedMs.toFixed(0)} ms; ${loadedThen} were loaded then`,
);
console.log(`all in memory after ${warmMs.toFixed(0)} ms; ${(result.residentBytes / 1e6).toFixed(0)} MB resident`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, undefined, 2)}\n`);
process.exit(0);
