/**
 * `npm run corpus -- --graphs N [--from SEED] [--threads T]`: N random object graphs against the oracle, in batches of a seed each.
 * The same seed tries the same graphs. Ten million take hours; every batch is reported when it fails, and the count now and then.
 */
// threads have no origin
/* oxlint-disable unicorn/require-post-message-target-origin */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Batch, Outcome } from './graphs-worker.js';

const BATCH = 1000;
const REPORT_MS = 30_000;

const { values } = parseArgs({
  options: {
    graphs: { type: 'string', default: '100000' },
    from: { type: 'string', default: '1' },
    threads: { type: 'string', default: String(availableParallelism()) },
  },
});
const graphs = Number(values.graphs);
const from = Number(values.from);
const threads = Number(values.threads);
if (![graphs, from, threads].every((n) => Number.isSafeInteger(n)) || graphs < 1 || threads < 1) {
  console.error('usage: npm run corpus -- --graphs N [--from SEED] [--threads T]');
  process.exit(2);
}

const startedMs = Date.now();
let reportedMs = startedMs;
let given = 0;
let tried = 0;
let failed = 0;
let seed = from;

function nextBatch(): Batch | undefined {
  if (given >= graphs) return undefined;
  const batch = { seed: seed++, count: Math.min(BATCH, graphs - given) };
  given += batch.count;
  return batch;
}

function tell(): void {
  const seconds = (Date.now() - startedMs) / 1000;
  const rate = Math.round(tried / seconds);
  console.log(`${tried} of ${graphs} graphs in ${seconds.toFixed(0)} s (${rate}/s), ${failed} batches failed`);
  reportedMs = Date.now();
}

function take({ seed, count, failure }: Outcome): void {
  tried += count;
  if (failure !== undefined) {
    failed++;
    console.log(`seed ${seed} fails: ${failure}`);
  }
  if (Date.now() - reportedMs > REPORT_MS) tell();
}

function runThread(): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./graphs-worker.js', import.meta.url));
    const give = (): void => {
      const batch = nextBatch();
      if (batch !== undefined) return worker.postMessage(batch);
      resolve(worker.terminate().then(() => {}));
    };
    worker.on('message', (outcome: Outcome) => {
      take(outcome);
      give();
    });
    worker.on('error', reject);
    give();
  });
}

await Promise.all(Array.from({ length: Math.min(threads, Math.ceil(graphs / BATCH)) }, runThread));
tell();
process.exitCode = failed > 0 ? 1 : 0;
