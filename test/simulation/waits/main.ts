/**
 * `npm run simulate:waits -- [--rounds N] [--from S] [--json FILE]`: how long commits wait in virtual time when a node is killed, stands
 * still, is cut off, drained, or comes back; percentiles over N seeds, the same for the same seeds on any machine.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { measureWaits, percentile, WAIT_KINDS } from '../waits.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '40' },
    from: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const tenths = (ms: number): number => Math.round(ms * 10) / 10;
const [rounds, from] = [Number(values.rounds), Number(values.from)];
if (!Number.isInteger(rounds) || rounds < 1 || !Number.isInteger(from)) {
  console.error('usage: npm run simulate:waits -- [--rounds N] [--from S] [--json FILE]');
  process.exit(2);
}
const all = WAIT_KINDS.map((kind) => ({ kind, waitsMs: [] as number[], othersMs: [] as number[] }));
let [needless, failed] = [0, 0];
for (let seed = from; seed < from + rounds; seed++) {
  const waits = await measureWaits(seed);
  for (const { kind, waitsMs, othersMs } of all) {
    waitsMs.push(...waits.waitsMs[kind]);
    othersMs.push(...waits.othersMs[kind]);
  }
  needless += waits.needless;
  failed += waits.failed;
}
const rows = all.flatMap(({ kind, waitsMs, othersMs }) =>
  [
    { what: `${kind}: partitions that the node led`, samples: waitsMs },
    { what: `${kind}: all others, their longest gap`, samples: othersMs },
  ].map(({ what, samples }) => ({
    what,
    samples: samples.length,
    p50: tenths(percentile(samples, 0.5)),
    p99: tenths(percentile(samples, 0.99)),
    max: tenths(percentile(samples, 1)),
  })),
);
console.log('| virtual milliseconds | samples | p50 | p99 | slowest |\n| --- | --- | --- | --- | --- |');
for (const { what, samples, p50, p99, max } of rows) console.log(`| ${what} | ${samples} | ${p50} | ${p99} | ${max} |`);
console.log(`\n${rounds} rounds, ${failed} commits failed, ${needless} needless takeovers`);
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ rounds, from, rows, needless, failed }, undefined, 2)}\n`);
process.exitCode = failed > 0 || needless > 0 ? 1 : 0;
