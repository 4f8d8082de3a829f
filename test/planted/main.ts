/**
 * `npm run test:planted -- [--only TEXT] [--suite NAME] [--seeds N]`: plants one fault after the other in a copy of the built code, runs the
 * suite that should catch it, and prints a table. Exits with 1 where a fault is not caught, or no longer finds its place.
 *
 * Invariant: the code that is released is never touched; a fault is a replacement of text in one built file of the copy.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FAULTS } from './faults.js';
import type { Fault, Suite } from './faults.js';

const DIST = join(dirname(fileURLToPath(import.meta.url)), '../..');
const COPY = join(DIST, '../dist-planted');
/** A suite that takes longer than this never ends: that is a failure, too. */
const TIMEOUT_MS = 120_000;

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, suite: { type: 'string' }, seeds: { type: 'string', default: '200' } },
});

/** The command that must fail. */
const COMMANDS: Readonly<Record<Suite, readonly string[]>> = {
  simulation: ['dist-planted/test/simulation/main.js', '--seeds', values.seeds, '--stop'],
  diff: mocha('diff', 'wire'),
  session: mocha('session', 'replication'),
  store: mocha('node', 'store'),
};

function mocha(...folders: readonly string[]): string[] {
  const files = folders.map((folder) => `dist-planted/test/${folder}/**/*.test.js`);
  return ['node_modules/mocha/bin/mocha.js', '--no-config', '--bail', '--exit', '--timeout', '60000', '--expose-gc', ...files];
}

function plant({ file, find, replace }: Fault): (() => void) | undefined {
  const path = join(COPY, 'src', file);
  const source = readFileSync(path, 'utf8');
  if (source.split(find).length !== 2) return undefined;
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  return () => writeFileSync(path, source);
}

function caught(suite: Suite): { readonly caught: boolean; readonly how: string; readonly seconds: number } {
  const startedMs = performance.now();
  const [script, ...args] = COMMANDS[suite];
  const { status, stdout } = spawnSync(process.execPath, [script!, ...args], {
    cwd: join(DIST, '..'),
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    env: { ...process.env, DIFF_RUNS: '300' },
  });
  const seed = /seed (\d+) /.exec(stdout)?.[1];
  const failing = /\n\s+1\) (.*)\n/.exec(stdout)?.[1];
  const how = seed === undefined ? (failing ?? (status === null ? 'it never ended' : 'it failed')) : `seed ${seed}`;
  return { caught: status !== 0, how, seconds: (performance.now() - startedMs) / 1_000 };
}

rmSync(COPY, { recursive: true, force: true });
cpSync(DIST, COPY, { recursive: true });
const chosen = FAULTS.filter(({ name, suite }) => name.includes(values.only) && (values.suite ?? suite) === suite);
let missed = 0;
try {
  for (const fault of chosen) {
    const restore = plant(fault);
    if (restore === undefined) {
      missed++;
      console.log(`NO PLACE  ${fault.name}: ${fault.file} no longer has it exactly once`);
      continue;
    }
    const result = caught(fault.suite);
    restore();
    if (!result.caught) missed++;
    const verdict = result.caught ? `caught by ${fault.suite} in ${result.seconds.toFixed(0)} s` : `NOT CAUGHT by ${fault.suite}`;
    console.log(`${verdict}  ${fault.name}${result.caught ? ` (${result.how})` : ''}`);
  }
} finally {
  rmSync(COPY, { recursive: true, force: true });
}
console.log(missed === 0 ? 'every planted fault is caught' : `${missed} planted faults are not caught`);
process.exitCode = missed === 0 ? 0 : 1;
