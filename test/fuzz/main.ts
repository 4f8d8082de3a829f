/**
 * `npm run fuzz -- --runs N [--from SEED] [--target NAME] [--workers W] [--minutes M] [--listeners]`: damaged bytes for every decoder, N in
 * all or as many as fit into M minutes; or, with `--listeners`, for everything that a live cluster listens to, by turns on the memory
 * engine and on a real nats-server.
 *
 * Exits with 1 where one of them crashed, hung, grew without end, changed a shared prototype, or took what does not hold together;
 * the bytes are printed, to be kept as a case in `test/fuzz/cases.ts`.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Finding, Tally } from './fuzz.js';
import type { Portion } from './fuzz-worker.js';
import { tellProgress } from '../proof/progress.js';
import { harvest } from './harvest.js';
import { sealedTargetsOf } from './sealed-targets.js';
import { besiege } from './siege.js';
import { targetsOf } from './targets.js';
import { inThreads } from './threads.js';

const PORTION_MAX = 20_000;
const REPORT_MS = 30_000;
const MEMORY_MB = 512;
const HANG_MS = 300_000;
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    from: { type: 'string', default: '1' },
    target: { type: 'string' },
    workers: { type: 'string', default: String(availableParallelism()) },
    minutes: { type: 'string', default: 'Infinity' },
    listeners: { type: 'boolean', default: false },
  },
});
const [runs, from, workers] = [values.runs, values.from, values.workers].map(Number) as [number, number, number];
const minutes = Number(values.minutes);
const seeds = await harvest(from);
const targets = [...targetsOf(seeds), ...sealedTargetsOf(seeds)];
const names = targets.map(({ name }) => name).filter((name) => values.target === undefined || name === values.target);
if (![runs, from, workers].every((n) => Number.isSafeInteger(n) && n >= 1) || !(minutes > 0) || names.length === 0) {
  console.error('usage: npm run fuzz -- [--runs N] [--from SEED] [--target NAME] [--workers W] [--minutes M] [--listeners]');
  process.exit(2);
}
// a server that was started goes with the process, which a signal alone would not let it say
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
process.exit((values.listeners ? await besiege(seeds, from, runs, workers, minutes, say) : await decoders()) > 0 ? 1 : 0);

/** @returns how much was found */
async function decoders(): Promise<number> {
  const tallies = new Map(names.map((target) => [target, { runs: 0, taken: 0, slowestMs: 0, findings: 0 }]));
  const startedMs = performance.now();
  const portionRuns = Math.min(PORTION_MAX, Math.ceil(runs / names.length));
  let [reportedMs, given, portions] = [startedMs, 0, 0];
  const found = ({ target, seed, run, bytes, error }: Finding): void => {
    tallies.get(target)!.findings++;
    say(`FOUND in ${target}, seed ${seed}, run ${run}: ${error}\n  ${bytes}`);
  };
  const progress = (): void => {
    const sums = [...tallies.values()];
    tellProgress(
      sums.reduce((sum, tally) => sum + tally.runs, 0),
      sums.reduce((sum, tally) => sum + tally.findings, 0),
    );
  };
  const tell = (): void => {
    reportedMs = performance.now();
    const total = [...tallies.values()].reduce((sum, { runs: n }) => sum + n, 0);
    const seconds = (reportedMs - startedMs) / 1000;
    say(`${total} of ${runs} inputs in ${seconds.toFixed(0)} s (${Math.round(total / seconds)}/s)`);
  };
  await inThreads<Portion, Tally>({
    file: new URL('./fuzz-worker.js', import.meta.url),
    data: seeds,
    threads: workers,
    memoryMb: MEMORY_MB,
    hangMs: HANG_MS,
    next() {
      if (given >= runs || performance.now() - startedMs > minutes * 60_000) return undefined;
      const portion = {
        target: names[portions % names.length]!,
        seed: from + portions,
        runs: Math.min(portionRuns, runs - given),
      };
      portions++;
      given += portion.runs;
      return portion;
    },
    done(_, tally) {
      const sum = tallies.get(tally.target)!;
      sum.runs += tally.runs;
      sum.taken += tally.taken;
      sum.slowestMs = Math.max(sum.slowestMs, tally.slowestMs);
      for (const finding of tally.findings) found(finding);
      progress();
      if (performance.now() - reportedMs > REPORT_MS) tell();
    },
    lost({ target, seed }, error) {
      found({ target, seed, run: -1, bytes: '', error: String(error) });
      progress();
    },
  });
  tell();
  for (const [target, sum] of tallies) {
    const share = sum.runs === 0 ? 0 : (100 * sum.taken) / sum.runs;
    const figures = `${String(sum.runs).padStart(9)} inputs, ${share.toFixed(1).padStart(5)} % taken, slowest ${sum.slowestMs.toFixed(1)} ms`;
    say(`${target.padEnd(16)} ${figures}, ${sum.findings} found`);
  }
  return [...tallies.values()].reduce((sum, { findings }) => sum + findings, 0);
}

/** Says it without this machine's folders. */
function say(text: string): void {
  console.log(text.replaceAll(`file://${ROOT}`, '').replaceAll(ROOT, ''));
}
