/**
 * `npm run simulate -- --seeds N --from S [--scenario NAME] [--trace] [--stop]`: runs N seeds and prints every one that fails; the same
 * seed replays the same history.
 */
import { parseArgs } from 'node:util';
import { addCounts, sumOf } from './fault-book.js';
import type { FaultCounts } from './fault-book.js';
import { SCENARIOS } from './scenario.js';
import { simulate } from './world.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    scenario: { type: 'string' },
    trace: { type: 'boolean', default: false },
    stop: { type: 'boolean', default: false },
  },
});
const first = Number(values.from);
const count = Number(values.seeds);
const scenarios = values.scenario === undefined ? Object.values(SCENARIOS) : [SCENARIOS[values.scenario]];
if (!Number.isInteger(first) || !Number.isInteger(count) || scenarios.includes(undefined)) {
  console.error(
    `usage: npm run simulate -- --seeds N --from S [--scenario ${Object.keys(SCENARIOS).join('|')}] [--trace] [--stop]`,
  );
  process.exit(2);
}
const sums = { acknowledged: 0, notStored: 0, unknown: 0, reads: 0, merges: 0, expired: 0 };
const counts: FaultCounts = {};
let failed = 0;
const startedMs = Date.now();
for (let seed = first; seed < first + count; seed++) {
  const scenario = scenarios[seed % scenarios.length]!;
  const report = await simulate(seed, scenario, values.trace ? (line) => console.log(line) : undefined);
  for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += report[name];
  addCounts(counts, report.faults);
  if (report.violations.length > 0) {
    failed++;
    console.log(`seed ${seed} (${scenario.name}, trace ${report.trace}) fails:`);
    for (const violation of report.violations) console.log(`  ${violation}`);
    if (values.stop) break;
  } else if (count === 1) console.log(report);
}
const seconds = (Date.now() - startedMs) / 1_000;
console.log(`${count} seeds in ${seconds.toFixed(1)} s, ${failed} failed`, sums, counts, sumOf(counts));
process.exitCode = failed > 0 ? 1 : 0;
