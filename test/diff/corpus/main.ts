/**
 * `npm run corpus -- --graphs N [--from SEED] [--workers W] [--minutes M]`: N random object graphs against the oracle, or as many as
 * fit into M minutes, in batches of a seed each, on all cores unless told otherwise. The same seed tries the same graphs.
 *
 * Invariant: a batch is reported when it fails, the count now and then, and with it what to say to go on from there after a stop:
 * every batch below that seed is done.
 */
// threads have no origin
/* oxlint-disable unicorn/require-post-message-target-origin */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { tellProgress } from '../../proof/progress.js';
import type { Batch, Outcome } from './graphs-worker.js';

const BATCH = 1000;
const REPORT_MS = 30_000;

const { values } = parseArgs({
  options: {
    graphs: { type: 'string', default: '100000' },
    from: { type: 'string', default: '1' },
    workers: { type: 'string', default: String(availableParallelism()) },
    minutes: { type: 'string', default: 'Infinity' },
  },
});
const graphs = Number(values.graphs);
const from = Number(values.from);
const workers = Number(values.workers);
const minutes = Number(values.minutes);
if (![graphs, from, workers].every((n) => Number.isSafeInteger(n)) || graphs < 1 || workers < 1 || !(minutes > 0)) {
  console.error('usage: npm run corpus -- --graphs N [--from SEED] [--workers W] [--minutes M]');
  process.exit(2);
}

const startedMs = Date.now();
let reportedMs = startedMs;
let given = 0;
let tried = 0;
let failed = 0;
let seed = from;
const running = new Set<number>();

function nextBatch(): Batch | undefined {
  if (given >= graphs || Date.now() - startedMs > minutes * 60_000) return undefined;
  const batch = { seed: seed++, count: Math.min(BATCH, graphs - given) };
  given += batch.count;
  running.add(batch.seed);
  return batch;
}

function tell(): void {
  const seconds = (Date.now() - startedMs) / 1000;
  const rate = Math.round(tried / seconds);
  const next = Math.min(seed, ...running);
  const left = graphs - (next - from) * BATCH;
  const wait =
    left > 0
      ? `; to go on: --graphs ${left} --from ${next}${rate > 0 ? `, about ${Math.ceil((graphs - tried) / rate / 60)} min` : ''}`
      : '';
  console.log(`${tried} of ${graphs} graphs in ${seconds.toFixed(0)} s (${rate}/s), ${failed} batches failed${wait}`);
  reportedMs = Date.now();
}

function take({ seed, count, failure }: Outcome): void {
  tried += count;
  running.delete(seed);
  if (failure !== undefined) {
    failed++;
    console.log(`seed ${seed} fails: ${failure}`);
  }
  tellProgress(tried, failed);
  if (Date.now() - reportedMs > REPORT_MS) tell();
}

function runWorker(): Promise<void> {
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

process.once('SIGINT', () => {
  tell();
  process.exit(failed > 0 ? 1 : 130);
});
await Promise.all(Array.from({ length: Math.min(workers, Math.ceil(graphs / BATCH)) }, runWorker));
tell();
process.exitCode = failed > 0 ? 1 : 0;
