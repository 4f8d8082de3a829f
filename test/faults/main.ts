/**
 * `npm run faults -- [--count N] [--from S] [--lanes L] [--minutes M] [--only KIND] [--cluster] [--histories FOLDER]`: real processes on one real
 * nats-server (or three), of which something is killed, stopped, cut off, wiped or slowed down, N times (or as often as fits into M minutes), about five seconds each; in L
 * lanes side by side (default 1), each with its own processes and servers. `--check FILE` judges a history that was written for a fault
 * again. Exits with 1 where anything acknowledged is missing, or anything told is not true. Whatever way it ends, it ends all that it
 * started.
 */
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { tellProgress } from '../proof/progress.js';
import { campaign } from './campaign.js';
import { judge } from './round.js';
import type { NotedHistory, Outcome } from './round.js';
import { summary, verdict } from './summary.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '50' },
    from: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '1' },
    minutes: { type: 'string', default: 'Infinity' },
    only: { type: 'string', default: '' },
    cluster: { type: 'boolean', default: false },
    histories: { type: 'string', default: 'faults' },
    check: { type: 'string' },
  },
});
const [from, count, lanes] = [Number(values.from), Number(values.count), Number(values.lanes)];
const minutes = Number(values.minutes);
if (!(minutes > 0) || ![from, count, lanes].every((n) => Number.isSafeInteger(n) && n >= 1)) {
  console.error(
    'usage: npm run faults -- [--count N] [--from S] [--lanes L] [--minutes M] [--only KIND] [--cluster] [--histories FOLDER] | --check FILE',
  );
  process.exit(2);
}
// what was started and made goes with the process, which a signal alone would not let it say; a closed terminal ends no `nohup`
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => process.exit(code));

// not by `exitCode`: a fault that hangs may have left something that keeps a process alive
process.exit(values.check === undefined ? await faults() : check(values.check));

async function faults(): Promise<number> {
  const startedMs = performance.now();
  const { only, cluster, histories: folder } = values;
  try {
    let [tried, found] = [0, 0];
    const done = ({ skipped, problems }: Outcome): void => {
      tried += skipped ? 0 : 1;
      found += problems.length > 0 ? 1 : 0;
      tellProgress(tried, found);
    };
    const outcomes = await campaign({ from, count, lanes, minutes, only, cluster, folder, say, done });
    const failed = outcomes.filter(({ problems }) => problems.length > 0).map(({ seed }) => seed);
    say(`\n${summary(outcomes)}\n`);
    say(
      `${verdict(outcomes)}; ${Math.round((performance.now() - startedMs) / 1_000)} s; go on with --from ${from + outcomes.length}`,
    );
    if (failed.length > 0) say(`failed: seeds ${failed.join(', ')}`);
    return failed.length > 0 || outcomes.length === 0 ? 1 : 0;
  } catch (error) {
    say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return 1;
  }
}

function check(file: string): number {
  const found = judge(JSON.parse(readFileSync(file, 'utf8')) as NotedHistory);
  for (const message of found) say(message);
  say(found.length === 0 ? 'it can be true' : `${found.length} contradictions`);
  return found.length === 0 ? 0 : 1;
}

/** Says it without this machine's folders. */
function say(text: string): void {
  console.log(text.replaceAll(`file://${ROOT}`, '').replaceAll(ROOT, '').replaceAll(`${tmpdir()}/`, ''));
}
