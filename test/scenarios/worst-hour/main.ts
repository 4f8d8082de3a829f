/**
 * `npm run scenario:worst-hour -- [--sessions N] [--seconds N] [--workers N] [--seed N] [--json FILE]`: 3 nodes and up to 2 more, which are
 * killed, drained and added at random; ends with 1 where a commit is lost or there twice, or two replicas differ.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startNatsServer } from '../../nats-server.js';
import { worstHour } from '../worst-hour.js';

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '60' },
    workers: { type: 'string', default: '16' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    json: { type: 'string' },
  },
});

console.log(`seed ${values.seed}`);
const server = await startNatsServer();
try {
  const account = await worstHour({
    server,
    seed: Number(values.seed),
    sessions: Number(values.sessions),
    seconds: Number(values.seconds),
    nodes: 3,
    more: 2,
    applications: 2,
    workers: Number(values.workers),
    say: (line) => console.log(line),
  });
  const { waitsMs, ...counts } = account;
  const at = (part: number): number => Math.round(waitsMs[Math.max(0, Math.ceil(waitsMs.length * part) - 1)] ?? NaN);
  const latencies = { p50: at(0.5), p90: at(0.9), p99: at(0.99), 'p99.9': at(0.999), slowest: at(1) };
  console.log(counts);
  console.log('an update takes, in ms', latencies);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ ...counts, latencies }, undefined, 2)}\n`);
  if (counts.lost > 0 || counts.duplicated > 0 || counts.differing.length > 0 || counts.acknowledged === 0) process.exitCode = 1;
} finally {
  await server.stop();
}
