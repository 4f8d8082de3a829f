/**
 * A copy of the built code, in which one fault at a time is planted and suites are run.
 *
 * Invariant: between two faults the copy is what was built; a suite is run by the command that runs it for everybody.
 */
import { spawn } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Fault, Suite } from './fault.js';

const DIST = join(dirname(fileURLToPath(import.meta.url)), '../..');
const ROOT = join(DIST, '..');
export const SUITES: readonly Suite[] = ['waits', 'sealing', 'session', 'store', 'diff', 'simulation'];
const TAIL_CHARS = 2_000;

export interface SuiteRun {
  readonly failed: boolean;
  /** It was ended as its time was over. */
  readonly late: boolean;
  /** What failed first. */
  readonly how: string;
  readonly tail: string;
  readonly ms: number;
}

export class PlantedCopy {
  readonly #folder: string;
  readonly #commands: Readonly<Record<Suite, readonly string[]>>;

  constructor(number: number) {
    this.#folder = join(ROOT, `dist-planted-${number}`);
    this.remove();
    cpSync(DIST, this.#folder, { recursive: true });
    const copy = basename(this.#folder);
    const mocha = (...places: readonly string[]): string[] => {
      const files = places.map((place) => `${copy}/test/${place}${place.includes('/') ? '' : '/**/*'}.test.js`);
      return [
        'node_modules/mocha/bin/mocha.js',
        '--no-config',
        '--bail',
        '--exit',
        '--timeout',
        '60000',
        '--expose-gc',
        ...files,
      ];
    };
    this.#commands = {
      simulation: [`${copy}/test/simulation/main.js`, '--workers', '1', '--stop', '--seeds'],
      waits: mocha('simulation/waits'),
      sealing: mocha('wire/sealing', 'store/encryption', 'fuzz/sealed'),
      diff: mocha('diff', 'wire'),
      session: mocha('session', 'replication'),
      store: mocha('node', 'store'),
    };
  }

  /** Plants a fault. @returns takes it out; `undefined` where its place is not there exactly once */
  plant({ file, find, replace }: Fault): (() => void) | undefined {
    const path = join(this.#folder, 'src', file);
    const source = readFileSync(path, 'utf8');
    if (source.split(find).length !== 2) return undefined;
    writeFileSync(
      path,
      source.replace(find, () => replace),
    );
    return () => writeFileSync(path, source);
  }

  /** @param seeds of the simulated world, at most, until one fails */
  run(suite: Suite, timeoutMs: number, seeds: number): Promise<SuiteRun> {
    const startedMs = performance.now();
    const command = this.#commands[suite];
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, suite === 'simulation' ? [...command, String(seeds)] : command, {
        cwd: ROOT,
        stdio: ['ignore', 'pipe', 'pipe'],
        // Node takes whole milliseconds only
        timeout: Math.max(1, Math.ceil(timeoutMs)),
        killSignal: 'SIGKILL',
        env: { ...process.env, DIFF_RUNS: '300' },
      });
      let said = '';
      const hear = (text: string): void => void (said += text);
      child.stdout.setEncoding('utf8').on('data', hear);
      child.stderr.setEncoding('utf8').on('data', hear);
      child.once('error', reject);
      child.once('close', (status) => {
        const ms = performance.now() - startedMs;
        resolve({ failed: status !== 0, late: ms >= timeoutMs, how: howOf(said, status), tail: said.slice(-TAIL_CHARS), ms });
      });
    });
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function howOf(said: string, status: number | null): string {
  const seed = /seed (\d+) \((\w+)/.exec(said);
  if (seed !== null) return `seed ${seed[1]}, ${seed[2]}`;
  const failing = /\n\s+1\) (.*)\n/.exec(said)?.[1];
  return failing ?? (status === null ? 'it never ended' : 'it failed');
}
