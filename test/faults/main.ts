/**
 * `npm run faults -- [--count N] [--from S] [--only KIND] [--cluster] [--histories FOLDER]`: real processes on one real nats-server (or three),
 * of which something is killed, stopped, cut off, wiped or slowed down, N times; about four seconds each. `--check FILE` judges a history
 * that was written for a fault again. Exits with 1 where anything acknowledged is missing, or anything told is not true.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { campaign, summary } from './campaign.js';
import { judge } from './round.js';
import type { NotedHistory } from './round.js';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '50' },
    from: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    cluster: { type: 'boolean', default: false },
    histories: { type: 'string', default: 'faults' },
    check: { type: 'string' },
  },
});

if (values.check === undefined) {
  const startedMs = performance.now();
  const { only, cluster, histories: folder } = values;
  const [from, count] = [Number(values.from), Number(values.count)];
  const outcomes = await campaign({ from, count, only, cluster, folder, say: (line) => console.log(line) });
  console.log(`\n${summary(outcomes)}`);
  const failed = outcomes.filter(({ problems }) => problems.length > 0).map(({ seed }) => seed);
  console.log(
    `${outcomes.length} faults in ${Math.round((performance.now() - startedMs) / 1_000)} s; go on with --from ${from + count}`,
  );
  if (failed.length > 0) console.log(`failed: seeds ${failed.join(', ')}`);
  process.exitCode = failed.length > 0 ? 1 : 0;
} else {
  const found = judge(JSON.parse(readFileSync(values.check, 'utf8')) as NotedHistory);
  for (const message of found) console.log(message);
  console.log(found.length === 0 ? 'it can be true' : `${found.length} contradictions`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
