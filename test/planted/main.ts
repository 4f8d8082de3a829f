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
/** A suite that takes so many times as long as without a fault never ends: that is a failure, too. */
const HANGS_AFTER = 6;
const HANGS_AFTER_MS_MIN = 120_000;

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

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly ms: number;
}

function run(suite: Suite, timeoutMs: number): Run {
  const startedMs = performance.now();
  const [script, ...args] = COMMANDS[suite];
  const { status, stdout } = spawnSync(process.execPath, [script!, ...args], {
    cwd: join(DIST, '..'),
    encoding: 'utf8',
    timeout: Math.ceil(timeoutMs),
    killSignal: 'SIGKILL',
    env: { ...process.env, DIFF_RUNS: '300' },
  });
  return { status, stdout, ms: performance.now() - startedMs };
}

const untouchedMs = new Map<Suite, number>();

/** How long a suite may take. It must pass without a fault, or its failures would say nothing. */
function timeoutOf(suite: Suite): number {
  let ms = untouchedMs.get(suite);
  if (ms === undefined) {
    const { status, stdout, ms: took } = run(suite, 3_600_000);
    if (status !== 0) throw new Error(`${suite} fails without any fault:\n${stdout.slice(-2_000)}`);
    console.log(`${suite} passes without a fault in ${(took / 1_000).toFixed(0)} s`);
    ms = took;
    untouchedMs.set(suite, ms);
  }
  return Math.max(HANGS_AFTER_MS_MIN, HANGS_AFTER * ms);
}

function caught(suite: Suite, timeoutMs: number): { readonly caught: boolean; readonly how: string; readonly seconds: number } {
  const { status, stdout, ms } = run(suite, timeoutMs);
  const seed = /seed (\d+) /.exec(stdout)?.[1];
  const failing = /\n\s+1\) (.*)\n/.exec(stdout)?.[1];
  const how = seed === undefined ? (failing ?? (status === null ? 'it never ended' : 'it failed')) : `seed ${seed}`;
  return { caught: status !== 0, how, seconds: ms / 1_000 };
}

rmSync(COPY, { recursive: true, force: true });
cpSync(DIST, COPY, { recursive: true });
const chosen = FAULTS.filter(({ name, suite }) => name.includes(values.only) && (values.suite ?? suite) === suite);
let missed = 0;
try {
  for (const fault of chosen) {
    const timeoutMs = timeoutOf(fault.suite);
    const restore = plant(fault);
    if (restore === undefined) {
      missed++;
      console.log(`NO PLACE  ${fault.name}: ${fault.file} no longer has it exactly once`);
      continue;
    }
    const result = caught(fault.suite, timeoutMs);
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
