/**
 * `npm run test:planted -- [--only TEXT] [--suite NAME] [--seeds N] [--workers W] [--out FILE]`: plants one fault after the other in copies
 * of the built code, runs the suites that may catch it, and prints a table: which suite caught it, how, and in how many seconds. Exits
 * with 1 where a fault is not caught, or no longer finds its place.
 *
 * Invariant: the code that is released is never touched; a fault is a replacement of text in one built file of a copy. A suite that fails
 * without any fault ends the run, as its failures would say nothing.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { Fault, Suite } from './fault.js';
import { FAULTS } from './faults.js';
import { PlantedCopy, SUITES } from './planted-copy.js';

/** A suite that takes so many times as long as without a fault never ends: that is a failure, too. */
const HANGS_AFTER = 6;
const HANGS_AFTER_MS_MIN = 120_000;

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    suite: { type: 'string' },
    seeds: { type: 'string', default: '200' },
    workers: { type: 'string', default: String(availableParallelism()) },
    out: { type: 'string' },
  },
});
const workers = Number(values.workers);
if (!Number.isInteger(workers) || workers < 1 || !Number.isInteger(Number(values.seeds))) {
  console.error('usage: npm run test:planted -- [--only TEXT] [--suite NAME] [--seeds N] [--workers W] [--out FILE]');
  process.exit(2);
}

interface Verdict {
  readonly fault: Fault;
  /** `undefined`: nobody caught it. */
  readonly by?: Suite;
  readonly how: string;
  readonly seconds: number;
}

const untouchedMs = new Map<Suite, number>();

/** The suite that was made for the fault first, then all others, quickest first. */
function suitesFor({ suite }: Fault): Suite[] {
  const others = SUITES.filter((each) => each !== suite).toSorted((a, b) => untouchedMs.get(a)! - untouchedMs.get(b)!);
  return values.suite === undefined ? [suite, ...others] : [suite];
}

async function judge(fault: Fault, copy: PlantedCopy): Promise<Verdict> {
  const restore = copy.plant(fault);
  if (restore === undefined) return { fault, how: `${fault.file} no longer has it exactly once`, seconds: 0 };
  let seconds = 0;
  try {
    for (const suite of suitesFor(fault)) {
      const run = await copy.run(suite, Math.max(HANGS_AFTER_MS_MIN, HANGS_AFTER * untouchedMs.get(suite)!));
      seconds += run.ms / 1_000;
      if (run.failed) return { fault, by: suite, how: run.how, seconds };
    }
  } finally {
    restore();
  }
  return { fault, how: 'NOT CAUGHT', seconds };
}

function table(verdicts: readonly Verdict[]): string {
  const lines = verdicts.map(({ fault, by, how, seconds }) => {
    const cells = [fault.name, by ?? '**nobody**', how, seconds.toFixed(0)];
    return `| ${cells.map((cell) => cell.replaceAll('|', '/')).join(' | ')} |`;
  });
  return ['| fault | caught by | how | s |', '|---|---|---|---|', ...lines].join('\n');
}

const startedMs = performance.now();
const chosen = FAULTS.filter(({ name, suite }) => name.includes(values.only) && (values.suite ?? suite) === suite);
const copies = Array.from(
  { length: Math.min(workers, Math.max(1, chosen.length)) },
  (_, i) => new PlantedCopy(i + 1, values.seeds),
);
const verdicts: Verdict[] = [];
try {
  const needed = values.suite === undefined ? SUITES : SUITES.filter((suite) => suite === values.suite);
  for (const suite of needed) {
    const { failed, ms, tail } = await copies[0]!.run(suite, 3_600_000);
    if (failed) throw new Error(`${suite} fails without any fault:\n${tail}`);
    console.log(`${suite} passes without a fault in ${(ms / 1_000).toFixed(0)} s`);
    untouchedMs.set(suite, ms);
  }
  const waiting = [...chosen];
  const work = async (copy: PlantedCopy): Promise<void> => {
    for (let fault = waiting.shift(); fault !== undefined; fault = waiting.shift()) {
      const verdict = await judge(fault, copy);
      verdicts.push(verdict);
      const { by, how, seconds } = verdict;
      const told = by === undefined ? 'NOT CAUGHT' : `caught by ${by} in ${seconds.toFixed(0)} s`;
      console.log(`${verdicts.length}/${chosen.length}  ${told}  ${fault.name} (${how})`);
    }
  };
  await Promise.all(copies.map(work));
} finally {
  for (const copy of copies) copy.remove();
}
const inOrder = chosen.map((fault) => verdicts.find((verdict) => verdict.fault === fault)!);
const missed = inOrder.filter(({ by }) => by === undefined);
if (values.out !== undefined) writeFileSync(values.out, `${table(inOrder)}\n`);
else console.log(table(inOrder));
const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1);
console.log(`${inOrder.length - missed.length} of ${inOrder.length} planted faults are caught, in ${minutes} min`);
for (const { fault, how } of missed) console.log(`  not caught: ${fault.name} (${how})`);
process.exitCode = missed.length === 0 ? 0 : 1;
