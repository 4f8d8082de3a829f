/**
 * `npm run bench:replication`: what an acknowledged commit costs, beside whole states in Redis and bare appends to the log.
 *
 * Each side changes one scalar of one of 1,000 sessions, 256 at a time, and waits until it is told that the change is safe: Twinstate
 * on NATS JetStream with a backup in a process of its own; Redis with a replica and `WAIT 1`; connect-redis, which waits for none.
 * `-- --sessions N`, `--in-flight N`, `--seconds S`, `--size 6|100|1000`, `--partitions P` narrow it, `--only` leaves Redis out; `--json FILE` writes the figures.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startNatsServer } from '../../dist/samples/support/nats-server.js';
import { RedisPair } from '../../dist/samples/support/redis-server.js';
import { bareAppends, connectRedis, redisWait, twinstate } from './replication/sides.mjs';

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '1000' },
    'in-flight': { type: 'string', default: '256' },
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    size: { type: 'string', multiple: true, default: ['6', '100', '1000'] },
    partitions: { type: 'string' },
    only: { type: 'boolean' },
    json: { type: 'string' },
  },
});
const plan = {
  sessions: Number(values.sessions),
  inFlight: Number(values['in-flight']),
  seconds: Number(values.seconds),
  rounds: Number(values.rounds),
  partitions: values.partitions === undefined ? undefined : Number(values.partitions),
};

const print = (line = '') => process.stdout.write(`${line}\n`);
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const rate = (perSecond) => (perSecond >= 10_000 ? `${(perSecond / 1000).toFixed(1)}k/s` : `${perSecond.toFixed(0)}/s`);

/** Runs `worker` so many times at once until time is up. */
async function measure(side, inFlight, seconds) {
  const laps = [];
  let count = 0;
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  const worker = async (start) => {
    for (let i = start; performance.now() < endMs; i += inFlight) {
      const beganMs = performance.now();
      await side.commit(i);
      count++;
      if ((count & 15) === 0) laps.push(performance.now() - beganMs);
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: inFlight }, (_, k) => worker(k)));
  const failed = ends.find(({ status }) => status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const spent = process.cpuUsage(cpu);
  const cpuUs = (spent.user + spent.system) / count;
  laps.sort((a, b) => a - b);
  const at = (part) => laps[Math.min(laps.length - 1, Math.floor(laps.length * part))] ?? 0;
  return { perSecond: count / ((performance.now() - startMs) / 1000), p50Ms: at(0.5), p99Ms: at(0.99), cpuUs };
}

const line = (ratio, { perSecond, p50Ms, p99Ms, cpuUs }, name) =>
  print(
    `x${ratio.toPrecision(3).padEnd(6)} ${rate(perSecond).padStart(9)}  p50 ${p50Ms.toFixed(2)} ms  p99 ${p99Ms.toFixed(2)} ms  ` +
      `${cpuUs.toFixed(1).padStart(6)} µs  ${name}`,
  );

/**
 * Measures sides by turns. A peer that fails is told and measured no more; where the first side fails, so does the run.
 * @returns for each its medians, the first one's rate divided by its own as the ratio
 */
async function contest(sides) {
  const rounds = sides.map(() => []);
  const failures = new Map();
  for (let round = 0; round < plan.rounds; round++) {
    for (const [k, side] of sides.entries()) {
      if (failures.has(k)) continue;
      try {
        await measure(side, side.inFlight, 0.3);
        rounds[k].push(await measure(side, side.inFlight, plan.seconds));
      } catch (error) {
        if (k === 0) throw error;
        failures.set(k, error instanceof Error ? error.message : String(error));
      }
      await sleep(200);
    }
  }
  const medians = rounds.map((laps, k) => {
    if (failures.has(k)) return undefined;
    const of = (key) => median(laps.map((lap) => lap[key]));
    return { perSecond: of('perSecond'), p50Ms: of('p50Ms'), p99Ms: of('p99Ms'), cpuUs: of('cpuUs') };
  });
  return sides.map(({ name }, k) => {
    const failed = failures.get(k);
    if (failed !== undefined) {
      print(`failed (${failed})  ${name}`);
      return { side: name, failed };
    }
    const ratio = median(rounds[0].map(({ perSecond }, round) => perSecond / rounds[k][round].perSecond));
    line(ratio, medians[k], name);
    return { side: name, ratio, ...medians[k] };
  });
}

const results = [];
const nats = await startNatsServer();
const redis = await RedisPair.start();
print(
  `${cpus().length} cores of ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}, nats-server ${nats.version}, Redis ${redis.version}`,
);
print(
  `${plan.sessions} sessions; ${plan.rounds} rounds of ${plan.seconds} s each, by turns; medians. µs: CPU time of the measuring process.`,
);
print('x20 is 20 times slower than the first side.');
try {
  for (const size of values.size.map(Number)) {
    const ours = await twinstate(nats.url, size, plan);
    const sides = [ours, await twinstate(nats.url, size, plan, 'tracked')];
    if (values.only === undefined) {
      sides.push(await redisWait(redis.url, size, plan, 64), await redisWait(redis.url, size, plan, plan.inFlight));
      sides.push(await connectRedis(redis.url, size, plan));
    }
    print(`\n## ${plan.inFlight} in flight, ${ours.jsonBytes} B of JSON`);
    results.push({ what: 'in flight', size, jsonBytes: ours.jsonBytes, sides: await contest(sides) });
    if (size === 100) {
      // the log's own bytes, for 1,000 commits that come one after the other and so share no record
      const before = await ours.logBytes();
      for (let i = 0; i < 1_000; i++) await ours.commit(7 * i);
      const logBytes = (await ours.logBytes()) - before;
      const whole = 1_000 * ours.jsonBytes;
      const share = (100 * logBytes) / whole;
      print(
        `\n## The log's bytes for 1,000 commits of one scalar, alone: ${logBytes} B, ${share.toFixed(2)} % of the ${whole} B of whole states`,
      );
      results.push({ what: 'log bytes', logBytes, whole, share });
    }
    if (size === 6) {
      const bare = await bareAppends(nats.url, 1);
      print('\n## One alone');
      results.push({ what: 'alone', sides: await contest([bare, { ...ours, inFlight: 1 }]) });
      await bare.close();
    }
    for (const side of sides) await side.close();
  }
} finally {
  await nats.stop();
  await redis.stop();
}
if (values.json !== undefined)
  writeFileSync(values.json, JSON.stringify({ node: process.version, cpu: cpus()[0]?.model, plan, results }, null, 2));
