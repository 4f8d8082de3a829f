/**
 * `npm test [-- --lanes N] [--minutes M] [mocha's options] [FILE.test.js …]`: all test files, or those that are named, N of them at a time, in N
 * processes. Most of what tests on real servers do is waiting, so there may be more lanes than cores.
 *
 * Invariant: the last line is `N passed, N failed`, and the process ends with 1 unless all has passed. It ends after M minutes at the latest:
 * tests that are not over by then are a failure.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ChildGroup } from '../child-group.js';
import { testFiles } from './test-files.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const GRACE_MS = 5_000;

const { values, positionals, tokens } = parseArgs({
  options: { lanes: { type: 'string', default: '2' }, minutes: { type: 'string', default: '20' } },
  strict: false,
  tokens: true,
});
const [lanes, minutes] = [Number(values['lanes']), Number(values['minutes'])];
// a timer of more than some weeks would end at once
if (!Number.isInteger(lanes) || lanes < 1 || !(minutes > 0 && minutes < 30_000)) {
  console.error('usage: npm test -- [--lanes N] [--minutes M] [options of mocha] [FILE.test.js ...]');
  process.exit(2);
}

const isFile = (argument: string): boolean => argument.endsWith('.test.js');
// whatever a test leaves open, its lane ends; run alone by mocha, that test file would not
const mocha = [
  join(ROOT, 'node_modules/mocha/bin/mocha.js'),
  ...(lanes > 1 ? ['--parallel', '--jobs', String(lanes)] : ['--exit']),
  ...passedOn(),
  ...(positionals.some(isFile) ? positionals.filter(isFile) : testFiles()),
];
const child = new ChildGroup(mocha);
let why: string | undefined;
const stop = (reason: string): void => {
  why ??= reason;
  void child.end(GRACE_MS);
};
const deadline = setTimeout(() => stop(`not over after ${minutes} minutes`), minutes * 60_000);
process.once('SIGINT', () => stop('stopped'));
process.once('SIGTERM', () => stop('stopped'));
const { code } = await child.ended;
clearTimeout(deadline);
why ??= code === null ? 'killed' : undefined;
// what it would have said in the end
if (why !== undefined) console.log(`\nthe tests were ${why}\n\n0 passed, 1 failed`);
process.exitCode = why === undefined ? code! : 1;

/** What is not for us. */
function passedOn(): string[] {
  return tokens.flatMap((token): string[] => {
    if (token.kind === 'positional') return isFile(token.value) ? [] : [token.value];
    if (token.kind === 'option-terminator' || token.name === 'lanes' || token.name === 'minutes') return [];
    return token.value === undefined
      ? [token.rawName]
      : token.inlineValue
        ? [`${token.rawName}=${token.value}`]
        : [token.rawName, token.value];
  });
}
