/** Programs that tests run as processes of their own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const SAMPLES = new URL('../../samples/', import.meta.url);

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Program {
  readonly child: ChildProcess;
  /** All that it has written by now. */
  output(): string;
  /** Waits until it has written this. @throws {Error} where it ends before, with what it wrote instead */
  wrote(text: string): Promise<void>;
  readonly ended: Promise<Ended>;
}

/** Starts a compiled sample, `start/main.js` for example. */
export function start(sample: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Program {
  const child = spawn(process.execPath, ['--enable-source-maps', fileURLToPath(new URL(sample, SAMPLES)), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const ended = once(child, 'close').then(([code]): Ended => ({ code: code as number | null, stdout, stderr }));
  const wrote = async (text: string): Promise<void> => {
    let over: Ended | undefined;
    void ended.then((end) => (over = end));
    while (!stdout.includes(text)) {
      if (over !== undefined) throw new Error(`it never wrote ${JSON.stringify(text)}:\n${stdout}\n${stderr}`);
      await Promise.race([once(child.stdout, 'data'), ended]);
    }
  };
  return { child, output: () => stdout, wrote, ended };
}
