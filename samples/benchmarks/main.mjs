/**
 * `npm run bench:diff`: what a commit costs (detect, encode, advance the benchmark) beside everything one could pick instead.
 *
 * `-- --quick` takes fewer and shorter rounds; `--shape NAME` only shapes whose name begins so; `--json FILE` writes the figures too.
 * `--memory` measures, in their place, what an open instance takes with its benchmark.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { measureMemory, printMemory } from './open-memory.mjs';
import { peers } from './peers/peers.mjs';
import { printLegend, printResult, printShape, printSummary } from './report.mjs';
import { shapes } from './shapes/shapes.mjs';

const VERIFY_MS_MAX = 20_000;
/** Recursive peers get the room they need for deep shapes. */
const STACK_MB = 48;

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean' }, shape: { type: 'string' }, json: { type: 'string' }, memory: { type: 'boolean' } },
});
const effort = options.quick ? { rounds: 5, roundMs: 2 } : { rounds: 21, roundMs: 5 };
const chosen = shapes.filter(({ name }) => name.startsWith(options.shape ?? ''));
if (chosen.length === 0) {
  console.error(`no shape is called ${options.shape}; there are ${shapes.map(({ name }) => name).join(', ')}`);
  process.exit(1);
}

/** Runs a worker to its end. @returns undefined where it was stopped for taking too long */
function work(file, workerData, onMessage, timeMsMax) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(file, import.meta.url), { workerData, resourceLimits: { stackSizeMb: STACK_MB } });
    const timer = timeMsMax === undefined ? undefined : setTimeout(() => void worker.terminate(), timeMsMax);
    worker.on('message', onMessage);
    worker.on('error', reject);
    worker.on('exit', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

async function verifyAll(shape) {
  const verified = {};
  for (const { name } of peers) {
    verified[name] = { cannot: `not done with a dozen steps after ${VERIFY_MS_MAX / 1000} s` };
    await work('./verify-run.mjs', { peer: name, shape }, (result) => (verified[name] = result), VERIFY_MS_MAX).catch(
      (error) => (verified[name] = { cannot: String(error) }),
    );
  }
  return verified;
}

const versionOf = (name) =>
  JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;
const { dependencies } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8'));
const machine = {
  cores: cpus().length,
  cpu: cpus()[0]?.model ?? 'unknown',
  node: process.version,
  v8: process.versions.v8,
  packages: Object.fromEntries(Object.keys(dependencies).map((name) => [name, versionOf(name)])),
  effort,
};
if (options.memory) {
  const memory = measureMemory(options.shape);
  printMemory(memory);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ machine, memory }, undefined, 2)}\n`);
  process.exit(0);
}
const results = [];
const verifiedByShape = {};
printLegend(machine, peers);
for (const shape of chosen) {
  const verified = (verifiedByShape[shape.name] = await verifyAll(shape.name));
  printShape(shape, verified);
  await work('./shape-run.mjs', { shape: shape.name, verified, effort }, (result) => {
    results.push(result);
    printResult(result);
  });
}
printSummary(results);
if (options.json !== undefined) {
  writeFileSync(options.json, `${JSON.stringify({ machine, verified: verifiedByShape, results }, undefined, 2)}\n`);
}
