/**
 * `npm run proof -- [--release] [--only NAME,…] [--minutes M] [--from S]`: what GOALS of reliability ask for, part by part: simulated faults, real faults,
 * random object graphs, hostile bytes, planted faults; as many as CI has time for or, with `--release`, as a release asks for. Ends with a
 * table of what was tried and found, and with 1 where a part failed.
 *
 * Invariant: each part is a child that is over some time after its minutes (M, or its own in CI), so the whole ends in known time on any machine.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PARTS } from './parts.js';
import type { Part } from './parts.js';
import { runPart } from './part-run.js';
import { rowOf, tableOf } from './table.js';

const TESTS = new URL('..', import.meta.url);
/** A release run takes the time that it takes. */
const RELEASE_MINUTES = 24 * 60;

const { values } = parseArgs({
  options: {
    release: { type: 'boolean', default: false },
    only: { type: 'string' },
    minutes: { type: 'string' },
    from: { type: 'string', default: '1' },
  },
});
const from = Number(values.from);
const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
const countOf = ({ inRelease, inCi }: Part): number => (values.release ? inRelease : inCi);
const names = values.only?.split(',') ?? PARTS.filter((part) => countOf(part) > 0).map(({ name }) => name);
const unknown = names.filter((name) => !PARTS.some((part) => part.name === name));
if (!Number.isSafeInteger(from) || from < 1 || (minutes !== undefined && !(minutes > 0)) || unknown.length > 0) {
  console.error('usage: npm run proof -- [--release] [--only NAME,…] [--minutes M] [--from S]');
  console.error(`       the parts: ${PARTS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());
const rows: string[][] = [];
let failed = false;
for (const part of PARTS.filter(({ name }) => names.includes(name))) {
  if (stop.signal.aborted) break;
  // one that is a matter of releases is asked for by name elsewhere
  const count = countOf(part) || part.inRelease;
  const bound = minutes ?? (values.release ? RELEASE_MINUTES : part.minutes);
  console.log(`\n=== ${part.name}: ${count} ${part.tries}, for at most ${bound} minutes`);
  const [file, ...rest] = part.command(count, bound, from);
  const args = ['--enable-source-maps', '--expose-gc', fileURLToPath(new URL(file!, TESTS)), ...rest];
  const grace = part.graceMs === undefined ? {} : { graceMs: part.graceMs };
  const result = await runPart({ args, count, minutes: bound, signal: stop.signal, ...grace });
  failed ||= result.failure !== undefined;
  rows.push(rowOf(part, count, result));
}
console.log(`\n${tableOf(rows)}`);
process.exitCode = failed || stop.signal.aborted ? 1 : 0;
