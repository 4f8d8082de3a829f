/**
 * Runs a real Redis with one replica, for the benchmarks that compare with it.
 *
 * Invariant: what was started here ends with this process at the latest, and keeps nothing on disk.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';
import { findRedisServer } from './server-binary.js';

const READY_MS_MAX = 10_000;
const running = new Set<ChildProcess>();

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class RedisPair {
  readonly url: string;
  readonly version: string;
  readonly #children: readonly ChildProcess[];

  private constructor(port: number, version: string, children: readonly ChildProcess[]) {
    this.url = `redis://127.0.0.1:${port}`;
    this.version = version;
    this.#children = children;
  }

  /** Starts a primary and a replica of it, without files, and waits until the replica follows. */
  static async start(): Promise<RedisPair> {
    const port = await freePort();
    const primary = await launch(port, []);
    try {
      const replica = await launch(await freePort(), ['--replicaof', '127.0.0.1', String(port)]);
      const pair = (info: string): RedisPair =>
        new RedisPair(port, /redis_version:(\S+)/.exec(info)?.[1] ?? '', [primary, replica]);
      for (const deadlineMs = Date.now() + READY_MS_MAX; ; await sleep(50)) {
        const info = await ask(port, 'INFO');
        if (info !== undefined && /slave0:\S*state=online/.test(info)) return pair(info);
        if (Date.now() > deadlineMs) {
          await pair('').stop();
          throw new Error('the Redis replica did not begin to follow');
        }
      }
    } catch (error) {
      primary.kill('SIGKILL');
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const exited = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await exited;
      }),
    );
  }
}

async function launch(port: number, more: readonly string[]): Promise<ChildProcess> {
  const { path, env } = await findRedisServer();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tmpdir()];
  // a replica that falls behind by large states is not cut off: whoever waits for it would wait for ever
  const replication = ['--repl-diskless-sync-delay', '0', '--client-output-buffer-limit', 'replica 0 0 0'];
  const child = spawn(path, [...options, ...replication, ...more], {
    stdio: 'ignore',
    env: { ...process.env, ...env },
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  for (const deadlineMs = Date.now() + READY_MS_MAX; Date.now() < deadlineMs && child.exitCode === null; await sleep(20)) {
    if ((await ask(port, 'PING'))?.includes('PONG') === true) return child;
  }
  child.kill('SIGKILL');
  throw new Error(`redis-server did not become ready on port ${port}`);
}

/** One inline command, and what came back within a moment; `undefined` where nobody answers. */
function ask(port: number, command: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\r\nQUIT\r\n`));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.on('data', (data) => (text += data.toString('latin1')));
    socket.once('error', () => socket.destroy());
    socket.once('close', () => resolve(text === '' ? undefined : text));
  });
}
