/**
 * `npm run test:planted -- [--core] [--only TEXT] [--suite NAME] [--seeds N] [--workers W] [--minutes M] [--out FILE]`: plants one fault
 * after the other in copies of the built code, runs the suites that may catch it, and prints a table: which suite caught it, how, and in how
 * many seconds; all faults, or the core of them, or as many as fit into M minutes. Exits with 1 where a fault is not caught, or no longer
 * finds its place.
 *
 * Invariant: the code that is released is never touched; a fault is a replacement of text in one built file of a copy. A suite that fails
 * without any fault ends the run, as its failures would say nothing.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { tellProgress } from '../proof/progress.js';
import type { Fault, Suite } from './fault.js';
import { FAULTS } from './faults.js';
import { PlantedCopy, SUITES } from './planted-copy.js';

/** A suite that takes so many times as long as without a fault never ends: that is a failure, too. */
const HANGS_AFTER = 6;
const HANGS_AFTER_MS_MIN = 120_000;
const UNTOUCHED_MS_MAX = 3_600_000;
/** Seeds of the simulated world that must pass without a fault before the core is planted; CI runs many more beside it. */
const CORE_SEEDS_UNTOUCHED = 40;

const { values } = parseArgs({
  options: {
    core: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    suite: { type: 'string' },
    seeds: { type: 'string', default: '200' },
    workers: { type: 'string', default: String(availableParallelism()) },
    minutes: { type: 'string', default: 'Infinity' },
    out: { type: 'string' },
  },
});
const [workers, seeds, minutes] = [values.workers, values.seeds, values.minutes].map(Number) as [number, number, number];
if (![workers, seeds].every((n) => Number.isInteger(n) && n >= 1) || !(minutes > 0)) {
  console.error(
    'usage: npm run test:planted -- [--core] [--only TEXT] [--suite NAME] [--seeds N] [--workers W] [--minutes M] [--out FILE]',
  );
  process.exit(2);
}

interface Verdict {
  readonly fault: Fault;
  /** `undefined`: nobody caught it. */
  readonly by?: Suite;
  readonly how: string;
  readonly seconds: number;
}

const startedMs = performance.now();
const leftMs = (): number => startedMs + minutes * 60_000 - performance.now();
const untouchedMs = new Map<Suite, number>();
const chosen = FAULTS.filter(
  ({ name, suite, core = false }) => name.includes(values.only) && (values.suite ?? suite) === suite && (core || !values.core),
);
const needed = SUITES.filter((suite) => (values.suite ?? suite) === suite);
const copies = Array.from({ length: Math.min(workers, Math.max(1, chosen.length)) }, (_, i) => new PlantedCopy(i + 1));
const verdicts: Verdict[] = [];

/** The suite that was made for the fault first, then all others, quickest first. */
function suitesFor({ suite }: Fault): Suite[] {
  const others = SUITES.filter((each) => each !== suite).toSorted((a, b) => untouchedMs.get(a)! - untouchedMs.get(b)!);
  return values.suite === undefined ? [suite, ...others] : [suite];
}

/** @returns `undefined` where the time was over before somebody caught it */
async function judge(fault: Fault, copy: PlantedCopy): Promise<Verdict | undefined> {
  const restore = copy.plant(fault);
  if (restore === undefined) return { fault, how: `${fault.file} no longer has it exactly once`, seconds: 0 };
  let seconds = 0;
  try {
    for (const suite of suitesFor(fault)) {
      const hangsAfterMs = Math.max(HANGS_AFTER_MS_MIN, HANGS_AFTER * untouchedMs.get(suite)!);
      const run = await copy.run(suite, Math.min(hangsAfterMs, leftMs()), seeds);
      if (run.late && leftMs() <= 0) return undefined;
      seconds += run.ms / 1_000;
      if (run.failed) return { fault, by: suite, how: run.how, seconds };
    }
  } finally {
    restore();
  }
  return { fault, how: 'NOT CAUGHT', seconds };
}

/** Runs the suites on the copies, as long as there are some. @throws {Error} where one fails without any fault */
async function passUntouched(copy: PlantedCopy, waiting: Suite[]): Promise<void> {
  for (let suite = waiting.shift(); suite !== undefined && leftMs() > 0; suite = waiting.shift()) {
    const { failed, late, ms, tail } = await copy.run(
      suite,
      Math.min(UNTOUCHED_MS_MAX, leftMs()),
      values.core ? CORE_SEEDS_UNTOUCHED : seeds,
    );
    if (late && leftMs() <= 0) return;
    if (failed) throw new Error(`${suite} fails without any fault:\n${tail}`);
    console.log(`${suite} passes without a fault in ${(ms / 1_000).toFixed(0)} s`);
    untouchedMs.set(suite, ms);
  }
}

async function work(copy: PlantedCopy, waiting: Fault[]): Promise<void> {
  for (let fault = waiting.shift(); fault !== undefined && leftMs() > 0; fault = waiting.shift()) {
    const verdict = await judge(fault, copy);
    if (verdict === undefined) return;
    verdicts.push(verdict);
    const { by, how, seconds } = verdict;
    const told = by === undefined ? 'NOT CAUGHT' : `caught by ${by} in ${seconds.toFixed(0)} s`;
    console.log(`${verdicts.length}/${chosen.length}  ${told}  ${fault.name} (${how})`);
    tellProgress(verdicts.length, verdicts.filter((each) => each.by === undefined).length);
  }
}

function table(verdicts: readonly Verdict[]): string {
  const lines = verdicts.map(({ fault, by, how, seconds }) => {
    const cells = [fault.name, by ?? '**nobody**', how, seconds.toFixed(0)];
    return `| ${cells.map((cell) => cell.replaceAll('|', '/')).join(' | ')} |`;
  });
  return ['| fault | caught by | how | s |', '|---|---|---|---|', ...lines].join('\n');
}

try {
  const suites = [...needed];
  await Promise.all(copies.map((copy) => passUntouched(copy, suites)));
  const waiting = untouchedMs.size === needed.length ? [...chosen] : [];
  await Promise.all(copies.map((copy) => work(copy, waiting)));
} finally {
  for (const copy of copies) copy.remove();
}
const inOrder = chosen.flatMap((fault) => verdicts.filter((verdict) => verdict.fault === fault));
const missed = inOrder.filter(({ by }) => by === undefined);
if (values.out !== undefined) writeFileSync(values.out, `${table(inOrder)}\n`);
else console.log(table(inOrder));
const took = ((performance.now() - startedMs) / 60_000).toFixed(1);
const rest = inOrder.length < chosen.length ? `; the time was over before the other ${chosen.length - inOrder.length}` : '';
console.log(`${inOrder.length - missed.length} of ${inOrder.length} planted faults are caught, in ${took} min${rest}`);
for (const { fault, how } of missed) console.log(`  not caught: ${fault.name} (${how})`);
process.exitCode = missed.length === 0 ? 0 : 1;
