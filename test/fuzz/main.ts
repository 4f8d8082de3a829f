/**
 * `npm run fuzz -- --runs N [--from SEED] [--target NAME] [--threads T] [--minutes M] [--listeners]`: damaged bytes for every decoder, N in all or
 * as many as fit into M minutes; or, with `--listeners`, for everything that a live cluster listens to, by turns on the memory engine and on a real nats-server.
 *
 * Exits with 1 where one of them crashed, hung, grew without end, changed a shared prototype, or took what does not hold together;
 * the bytes are printed, to be kept as a case in `test/fuzz/cases.ts`.
 */
// threads have no origin
/* oxlint-disable unicorn/require-post-message-target-origin */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Finding, Tally } from './fuzz.js';
import type { Portion } from './fuzz-worker.js';
import { tellProgress } from '../proof/progress.js';
import { embeddedWorld, natsWorld } from '../store/world.js';
import { harvest } from './harvest.js';
import { fuzzListeners } from './listeners.js';
import { targetsOf } from './targets.js';

const PORTION = 20_000;
const REPORT_MS = 30_000;
const MEMORY_MB = 512;
/** Messages to one cluster. */
const SIEGE = 5_000;
/** A portion that is not done by then hangs. */
const HANG_MS = 300_000;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    from: { type: 'string', default: '1' },
    target: { type: 'string' },
    threads: { type: 'string', default: String(availableParallelism()) },
    minutes: { type: 'string', default: 'Infinity' },
    listeners: { type: 'boolean', default: false },
  },
});
const [runs, from, threads] = [values.runs, values.from, values.threads].map(Number) as [number, number, number];
const seeds = await harvest(from);
if (values.listeners) await besiege();
const names = targetsOf(seeds)
  .map(({ name }) => name)
  .filter((name) => values.target === undefined || name === values.target);
if (
  ![runs, from, threads].every((n) => Number.isSafeInteger(n) && n >= 1) ||
  !(Number(values.minutes) > 0) ||
  names.length === 0
) {
  console.error('usage: npm run fuzz -- [--runs N] [--from SEED] [--target NAME] [--threads T] [--minutes M] [--listeners]');
  process.exit(2);
}

const tallies = new Map(names.map((target) => [target, { runs: 0, taken: 0, slowestMs: 0, findings: 0 }]));
const startedMs = Date.now();
let reportedMs = startedMs;
let given = 0;
let portions = 0;

function nextPortion(): Portion | undefined {
  if (given >= runs || Date.now() - startedMs > Number(values.minutes) * 60_000) return undefined;
  const portion = { target: names[portions % names.length]!, seed: from + portions, runs: Math.min(PORTION, runs - given) };
  portions++;
  given += portion.runs;
  return portion;
}

function found({ target, seed, run, bytes, error }: Finding): void {
  tallies.get(target)!.findings++;
  console.log(`FOUND in ${target}, seed ${seed}, run ${run}: ${error}\n  ${bytes}`);
}

function take(tally: Tally): void {
  const sum = tallies.get(tally.target)!;
  sum.runs += tally.runs;
  sum.taken += tally.taken;
  sum.slowestMs = Math.max(sum.slowestMs, tally.slowestMs);
  for (const finding of tally.findings) found(finding);
  progress();
  if (Date.now() - reportedMs > REPORT_MS) tell();
}

function progress(): void {
  const sums = [...tallies.values()];
  tellProgress(
    sums.reduce((sum, tally) => sum + tally.runs, 0),
    sums.reduce((sum, tally) => sum + tally.findings, 0),
  );
}

function tell(): void {
  reportedMs = Date.now();
  const total = [...tallies.values()].reduce((sum, { runs: n }) => sum + n, 0);
  const seconds = (reportedMs - startedMs) / 1000;
  console.log(`${total} of ${runs} inputs in ${seconds.toFixed(0)} s (${Math.round(total / seconds)}/s)`);
}

function runThread(): Promise<void> {
  return new Promise((resolve, reject) => {
    let portion: Portion | undefined;
    let timer: NodeJS.Timeout | undefined;
    let worker: Worker;
    const give = (): void => {
      clearTimeout(timer);
      portion = nextPortion();
      if (portion === undefined) return resolve(worker.terminate().then(() => {}));
      timer = setTimeout(() => lost(new Error(`it hangs: not done after ${HANG_MS} ms`)), HANG_MS);
      worker.postMessage(portion);
    };
    const lost = (error: Error): void => {
      if (portion === undefined) return reject(error);
      found({ target: portion.target, seed: portion.seed, run: -1, bytes: '', error: String(error) });
      progress();
      void worker.terminate();
      begin();
    };
    const begin = (): void => {
      const file = new URL('./fuzz-worker.js', import.meta.url);
      worker = new Worker(file, { workerData: seeds, resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB } });
      worker.on('message', (tally: Tally) => {
        take(tally);
        give();
      });
      worker.on('error', lost);
      give();
    };
    begin();
  });
}

await Promise.all(Array.from({ length: threads }, runThread));
tell();
let findings = 0;
for (const [target, sum] of tallies) {
  findings += sum.findings;
  const share = sum.runs === 0 ? 0 : (100 * sum.taken) / sum.runs;
  const figures = `${String(sum.runs).padStart(9)} inputs, ${share.toFixed(1).padStart(5)} % taken, slowest ${sum.slowestMs.toFixed(1)} ms`;
  console.log(`${target.padEnd(16)} ${figures}, ${sum.findings} found`);
}
process.exitCode = findings > 0 ? 1 : 0;

/** Says N damaged messages to live clusters, and ends the process. */
async function besiege(): Promise<never> {
  const worlds = [embeddedWorld(), await natsWorld()];
  let done = 0;
  try {
    for (let seed = from; done < runs; seed++) {
      const world = worlds[seed % worlds.length]!;
      const some = Math.min(SIEGE, runs - done);
      const { said, refused, slowestMs, grownBytes } = await fuzzListeners(world, seeds, seed, some);
      done += some;
      const heap = grownBytes === undefined ? '' : `, heap ${(grownBytes / 1e6).toFixed(1)} MB more`;
      console.log(
        `${done} of ${runs}, ${world.name}, seed ${seed}: ${JSON.stringify(said)}, ${refused} answered as malformed, slowest ${slowestMs.toFixed(0)} ms${heap}`,
      );
    }
  } catch (error) {
    console.log('FOUND', error);
    process.exitCode = 1;
  }
  await Promise.all(worlds.map((world) => world.close()));
  process.exit();
}
