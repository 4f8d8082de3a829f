/**
 * All test files, in the order in which lanes take them.
 *
 * Invariant: every test file that is built is there once. Those that take long come first, so that no lane is left alone with one at the end;
 * one that is named here and does not exist any more is an error.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TESTS = fileURLToPath(new URL('..', import.meta.url));

/** First those that compute, which nothing can disturb; then those that wait, the longest first: most others have them for company. */
const LONG: readonly string[] = [
  'simulation/simulation',
  'simulation/shrinking',
  'diff/corpus/corpus',
  'session/merge-property',
  'diff/comparator',
  'diff/scale',
  'diff/tracked',
  'diff/replication',
  'fuzz/fuzz',
  'scenarios/deploys',
  'scenarios/failures',
  'integrations/express',
  'scenarios/lost-log',
  'store/encryption',
  'samples/shop',
  'faults/faults',
  'scenarios/worst-hour',
  'engine/nats',
  'engine/memory',
  'cli/status',
  'samples/documents',
  'samples/rooms-and-talks',
  'store/expiry',
  'scenarios/parallel',
  'scenarios/server-gone',
  'samples/start-nats',
];

/** @returns absolute paths */
export function testFiles(): string[] {
  const long = LONG.map((name) => join(TESTS, `${name}.test.js`));
  const gone = long.filter((file) => !existsSync(file));
  if (gone.length > 0) throw new Error(`there is no ${gone.join(', ')}; take it out of ${import.meta.url}`);
  const all = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.js'))
    .map((file) => join(TESTS, file))
    .toSorted();
  return [...new Set([...long, ...all])];
}
