/**
 * `npm run bench:failover -- [--kills N] [--pauses N] [--drains N] [--json FILE]`: how long a session's commits wait when the process
 * that leads it is killed, stands still, or is drained.
 *
 * Three nodes in processes of their own on a real nats-server, one backup each, 16 partitions; this process is an application
 * server that holds nothing and commits one session of each partition again and again. Method and results: the README beside.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { natsEngine } from '../../../src/engine/nats/index.js';
import { partitionOf, placementOrder } from '../../../src/replication/placement.js';
import { nodeId, partition, sessionId } from '../../../src/shared/ids.js';
import { connect } from '../../../src/store/connect.js';
import type { SessionStore } from '../../../src/store/session-store.js';
import { startNatsServer } from '../../support/nats-server.js';
import { BACKUPS, CLUSTER, Counter, PARTITIONS } from './counter.js';
import { Node } from './node.js';
import { Writer } from './writer.js';

const NAMES = ['ada', 'bea', 'cy'];
const SETTLE_MS_MAX = 60_000;
/** How long a node stands still: longer than any takeover that is looked for. */
const STILL_MS = 3_000;
/** A lead that moved at least so long before and after says nothing of a moment. */
const UNTOUCHED_MS = 300;
/** After everything has settled, before the next fault. */
const QUIET_MS = 500;

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    pauses: { type: 'string', default: '20' },
    drains: { type: 'string', default: '20' },
    json: { type: 'string' },
  },
});

interface Row {
  readonly what: string;
  readonly goal: string;
  readonly events: number;
  readonly samples: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * The gaps in which somebody else began to lead, and their control: the gaps around the same moments of sessions whose partition
 * nobody touched then. What is in both is the machine's, the server's or this process's.
 */
class Moves {
  readonly moved: number[] = [];
  readonly stayed: number[] = [];
  readonly excess: number[] = [];

  take(): void {
    for (const { partition: at, atMs } of beginnings) {
      const untouched = ({ partition: other }: Writer): boolean =>
        !beginnings.some((each) => each.partition === other && Math.abs(each.atMs - atMs) < UNTOUCHED_MS);
      const gap = writers.find((writer) => writer.partition === at)?.gapAround(atMs);
      const others = writers.filter(untouched).flatMap((writer) => writer.gapAround(atMs) ?? []);
      if (gap === undefined) continue;
      this.moved.push(gap);
      this.stayed.push(...others);
      if (others.length > 0) this.excess.push(Math.max(0, gap - median(others)));
    }
    beginnings = [];
  }
}

/** When somebody began to lead, since the last time that everything had settled. */
const notices = new Map<string, number>();
let beginnings: { readonly partition: number; readonly atMs: number }[] = [];

const server = await startNatsServer();
const nodes = new Map<string, Node>();
for (const started of await Promise.all(NAMES.map(startNode))) nodes.set(started.name, started);
const store = await connect({
  sessions: [Counter],
  engine: natsEngine({ servers: server.url }),
  cluster: CLUSTER,
  role: 'client',
});
const writers = makeWriters(store);
await Promise.all(writers.map((writer) => writer.begin()));

const rows: Row[] = [];
const quiet: number[] = [];
try {
  rows.push(await faults('kill -9 to the first acknowledged commit', 'p50 < 250, p99 < 500', Number(values.kills), killed));
  rows.push(await faults('SIGSTOP to the first acknowledged commit', 'p99 < 2000', Number(values.pauses), stoodStill));
  const drains = Number(values.drains);
  const longest: number[] = [];
  const [leaves, returns] = [new Moves(), new Moves()];
  await faults('', '', drains, (node) => drained(node, longest, leaves, returns));
  const gap = 'the gap between acknowledgements in which';
  for (const [when, { moved, stayed, excess }] of [
    ['drain', leaves],
    ['the node is back and takes its share', returns],
  ] as const) {
    rows.push(rowOf(`${when}: ${gap} the lead moves`, 'p99 < 50', drains, moved));
    rows.push(rowOf(`at the same moments: the gaps of sessions whose lead stays`, '', drains, stayed));
    rows.push(rowOf(`the former, less the median of the latter`, '', drains, excess));
  }
  rows.push(rowOf('drain: the longest gap of every session meanwhile, moved or not', '', drains, longest));
  rows.push(rowOf(`nothing happens for ${QUIET_MS} ms: the longest gap of every session`, '', quiet.length / PARTITIONS, quiet));
} finally {
  const ends = await Promise.all(writers.map((writer) => writer.end()));
  const sum = (of: (end: (typeof ends)[number]) => number): number => ends.reduce((total, end) => total + of(end), 0);
  print(
    sum(({ acknowledged }) => acknowledged),
    sum(({ wrong }) => wrong),
    writers.flatMap(({ failures }) => failures),
  );
  await store.close();
  await Promise.all([...nodes.values()].map((node) => node.kill()));
  await server.stop();
}

/** One session for each partition. */
function makeWriters(of: SessionStore): Writer[] {
  const found: Writer[] = [];
  for (let i = 0; found.length < PARTITIONS; i++) {
    const at = partitionOf(sessionId(`counter-${i}`), PARTITIONS);
    if (!found.some((writer) => writer.partition === at)) found.push(new Writer(of, `counter-${i}`, at));
  }
  return found;
}

/** Does the same to one node after the other, each time when everything has settled. */
async function faults(
  what: string,
  goal: string,
  count: number,
  fault: (node: Node, led: readonly Writer[]) => Promise<readonly number[]>,
): Promise<Row> {
  const samples: number[] = [];
  for (let i = 0; i < count; i++) {
    await settled();
    const quietSinceMs = performance.now();
    beginnings = [];
    for (const writer of writers) writer.forget(quietSinceMs);
    await sleep(QUIET_MS);
    for (const writer of writers) quiet.push(writer.longestGap(quietSinceMs, performance.now()));
    const node = nodes.get(NAMES[i % NAMES.length]!)!;
    const held = await node.held();
    samples.push(
      ...(await fault(
        node,
        writers.filter(({ partition: at }) => held.leads.includes(at)),
      )),
    );
    if (process.stdout.isTTY) process.stdout.write(`\r  ${what}: ${i + 1} of ${count} `);
  }
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
  return rowOf(what, goal, count, samples);
}

async function killed(node: Node, led: readonly Writer[]): Promise<readonly number[]> {
  const atMs = performance.now();
  await node.kill();
  const waits = await Promise.all(led.map((writer) => firstAfter(writer, atMs)));
  await restart(node);
  return waits;
}

async function stoodStill(node: Node, led: readonly Writer[]): Promise<readonly number[]> {
  const atMs = performance.now();
  node.pause();
  const waits = await Promise.all(led.map((writer) => firstAfter(writer, atMs)));
  await sleep(Math.max(0, STILL_MS - (performance.now() - atMs)));
  node.resume();
  return waits;
}

/** Leads move twice: when the node leaves, and when it has come back and takes its share. */
async function drained(node: Node, longest: number[], leaves: Moves, returns: Moves): Promise<readonly number[]> {
  const fromMs = performance.now();
  await node.drain();
  await sleep(200);
  longest.push(...writers.map((writer) => writer.longestGap(fromMs, performance.now())));
  leaves.take();
  await restart(node);
  await settled();
  await sleep(200);
  returns.take();
  return [];
}

function startNode(name: string): Promise<Node> {
  return Node.start(name, server.url, (message) => {
    if (message.type === 'leads') beginnings.push({ partition: message.partition, atMs: message.atMs - performance.timeOrigin });
    if (message.type === 'notice') {
      const told = message.why === '' ? message.kind : `${message.kind}: ${message.why}`;
      notices.set(told, (notices.get(told) ?? 0) + 1);
    }
  });
}

async function restart({ name }: Node): Promise<void> {
  nodes.set(name, await startNode(name));
}

async function firstAfter(writer: Writer, ms: number): Promise<number> {
  for (;;) {
    const wait = writer.firstAfter(ms);
    if (wait !== undefined) return wait;
    await sleep(5);
  }
}

/** Waits until every partition is led and held where placement wants it. */
async function settled(): Promise<void> {
  const ids = NAMES.map(nodeId);
  const untilMs = performance.now() + SETTLE_MS_MAX;
  const isSettled = async (): Promise<boolean> => {
    const held = new Map(await Promise.all([...nodes.values()].map(async (node) => [node.name, await node.held()] as const)));
    for (let p = 0; p < PARTITIONS; p++) {
      const [first, ...others] = placementOrder(partition(p), ids).slice(0, BACKUPS + 1);
      if (!held.get(first!)!.leads.includes(p)) return false;
      if (!others.every((name) => held.get(name)!.follows.includes(p))) return false;
      if ([...held].some(([name, { follows }]) => name !== first && !others.includes(nodeId(name)) && follows.includes(p)))
        return false;
    }
    return true;
  };
  while (!(await isSettled())) {
    if (performance.now() > untilMs) throw new Error(`the cluster did not settle within ${SETTLE_MS_MAX} ms`);
    await sleep(20);
  }
}

function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1]!;
}

function rowOf(what: string, goal: string, events: number, samples: readonly number[]): Row {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (part: number): number => Math.round((sorted[Math.ceil(sorted.length * part) - 1] ?? NaN) * 10) / 10;
  return { what, goal, events, samples: samples.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

function print(acknowledged: number, wrong: number, failures: readonly string[]): void {
  const machine = `${cpus().length} cores, Node ${process.versions.node}, nats-server ${server.version}`;
  console.log(`${machine}; milliseconds\n`);
  console.log('| what | goal | times | samples | p50 | p90 | p99 | slowest |\n| --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const { what, goal, events, samples, p50, p90, p99, max } of rows)
    console.log(`| ${what} | ${goal} | ${events} | ${samples} | ${p50} | ${p90} | ${p99} | ${max} |`);
  console.log(`\n${acknowledged} commits acknowledged, ${wrong} of them lost or stored twice, ${failures.length} commits failed`);
  for (const failure of new Set(failures)) console.log(`  ${failure}`);
  for (const [kind, count] of notices) console.log(`  ${count} notices: ${kind}`);
  if (values.json !== undefined)
    writeFileSync(
      values.json,
      `${JSON.stringify({ machine, rows, acknowledged, wrong, failures: failures.length }, undefined, 2)}\n`,
    );
  if (wrong > 0 || rows.length === 0) process.exitCode = 1;
}
