/**
 * `npm run simulate -- --seeds N --from S [--scenario NAME,…] [--longer K] [--workers W] [--minutes M] [--faults F] [--stop]`: runs N
 * seeds on several threads, or as many as fit into M minutes or as F faults take, prints every one that fails, what was simulated, and
 * how to go on from there. In each anything may go wrong K times as long as usual.
 *
 * `npm run simulate -- --seeds 1 --from S [--scenario NAME] [--longer K] [--trace | --shrink] [--keep NAMES …]`: replays one seed. The same seed is the
 * same history; `--shrink` leaves out of it whatever the failure does not need, and tells the rest as a story.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { tellProgress } from '../proof/progress.js';
import { FAULT_KINDS, sumOf } from './fault-book.js';
import type { FaultKind } from './fault-book.js';
import { parseRestraint } from './restraint.js';
import { scenariosOf } from './scenario.js';
import { SeedPool } from './seed-pool.js';
import { shrink } from './shrinking.js';
import { storyOf } from './story.js';
import type { SumsOf } from './sums.js';
import { simulate } from './world.js';

const REPORT_MS = 30_000;
/** Of seeds where something else bounds a run. */
const ANY_NUMBER = 1_000_000_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    scenario: { type: 'string' },
    workers: { type: 'string', default: String(availableParallelism()) },
    minutes: { type: 'string' },
    faults: { type: 'string' },
    longer: { type: 'string', default: '1' },
    stop: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: false },
    keep: { type: 'string' },
    'faults-ms': { type: 'string' },
    silent: { type: 'string' },
    diaries: { type: 'string' },
  },
});
const first = Number(values.from);
const seeds = Number(values.seeds ?? (values.minutes === undefined && values.faults === undefined ? 100 : ANY_NUMBER));
const minutes = Number(values.minutes ?? Infinity);
const faults = Number(values.faults ?? Infinity);
const workers = Number(values.workers);
const longer = Number(values.longer);
if (
  ![first, seeds, workers].every((n) => Number.isInteger(n)) ||
  seeds < 1 ||
  workers < 1 ||
  !(minutes > 0) ||
  !(faults > 0) ||
  !(longer > 0)
) {
  console.error(
    'usage: npm run simulate -- --seeds N --from S [--scenario NAME,…] [--workers W] [--minutes M] [--faults F] [--stop]',
  );
  console.error('       npm run simulate -- --seeds 1 --from S [--scenario NAME] [--longer K] [--trace | --shrink]');
  process.exit(2);
}
if (seeds === 1) await replay();
else await run();

/** One seed. */
async function replay(): Promise<void> {
  const scenarios = scenariosOf(values.scenario, longer);
  const scenario = scenarios[first % scenarios.length]!;
  const restraint = parseRestraint(values);
  if (values.shrink) {
    const shrunk = await shrink(first, scenario, restraint, (line) => console.log(line));
    console.log(shrunk === undefined ? `seed ${first} (${scenario.name}) does not fail` : await storyOf(first, scenario, shrunk));
    process.exitCode = shrunk === undefined ? 0 : 1;
    return;
  }
  const report = await simulate(first, scenario, values.trace ? (line) => console.log(line) : undefined, restraint);
  const { violations, struck, ...rest } = report;
  console.log(`seed ${first} (${scenario.name}, trace ${report.trace}) ${violations.length > 0 ? 'fails:' : 'holds'}`);
  for (const violation of violations) console.log(`  ${violation}`);
  console.log({ ...rest, struck: struck.length });
  process.exitCode = violations.length > 0 ? 1 : 0;
}

/** Many. */
async function run(): Promise<void> {
  const startedMs = performance.now();
  let reportedMs = startedMs;
  const pool: SeedPool = new SeedPool({
    first,
    seeds,
    workers,
    scenario: values.scenario,
    longer,
    stop: values.stop,
    over: () => performance.now() - startedMs > minutes * 60_000 || pool.sums.faults >= faults,
    onFailure: ({ seed, scenario, trace, violations }) => {
      console.log(`seed ${seed} (${scenario}, trace ${trace}) fails:`);
      for (const violation of violations) console.log(`  ${violation}`);
    },
    onProgress: () => {
      tellProgress(pool.sums.faults, pool.failures.length);
      if (performance.now() - reportedMs > REPORT_MS) tell(false);
    },
  });
  const tell = (whole: boolean): void => {
    reportedMs = performance.now();
    const seconds = (reportedMs - startedMs) / 1_000;
    const { sums, failures, next } = pool;
    if (whole) print(sums.plain);
    console.log(
      `${sums.plain.seeds} seeds, ${sums.faults} simulated faults in ${seconds.toFixed(0)} s ` +
        `(${(sums.faults / seconds).toFixed(0)} a second), ${failures.length} failed; to go on: --from ${next}`,
    );
    const list = failures.map(({ seed, scenario }) => `${seed} (${scenario})`).join(', ');
    if (whole && failures.length > 0)
      console.log(`failed: ${list}; a story of one: --seeds 1 --from SEED --scenario NAME --longer ${longer} --shrink`);
  };
  process.once('SIGINT', () => {
    tell(true);
    process.exit(pool.failures.length > 0 ? 1 : 130);
  });
  await pool.run();
  tell(true);
  process.exitCode = pool.failures.length > 0 ? 1 : 0;
}

function print({ faults, ...told }: SumsOf): void {
  for (const kind of Object.keys(FAULT_KINDS) as FaultKind[])
    console.log(`${String(faults[kind] ?? 0).padStart(9)}  ${kind}: ${FAULT_KINDS[kind]}`);
  console.log(`${String(sumOf(faults)).padStart(9)}  together`);
  console.log(told);
}
