/**
 * Runs real NATS servers for the tests and the samples.
 *
 * Invariant: a server that was started here ends with this process at the latest, is stopped by its own process id, and leaves no
 * folder behind that was made for it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, openSync, closeSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';
import { findNatsServer, findReplicatingNatsServer, type ServerBinary } from './server-binary.js';

export interface NatsServerOptions {
  /** Default true. */
  readonly jetstream?: boolean;
  /** Default: a free one. */
  readonly port?: number;
  /** Where JetStream keeps its files, kept at `stop`. Default: a temporary folder, removed at `stop`. */
  readonly storeDir?: string;
  /** A server that can keep a log on several servers (default false: whatever this machine has). */
  readonly replicating?: boolean;
  /** More lines for the server's configuration file. */
  readonly config?: string;
}

export interface ServerInfo {
  readonly version: string;
  readonly jetstream?: boolean;
}

const READY_MS_MAX = 15_000;
const STOP_MS_MAX = 5_000;
const running = new Set<ChildProcess>();
const folders = new Set<string>();

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  // tried again, as a server may write a last file while it dies
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
});

export class NatsServer {
  readonly url: string;
  readonly port: number;
  readonly #binary: ServerBinary;
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #info: ServerInfo | undefined;
  readonly #store: string;

  private constructor(binary: ServerBinary, port: number, { jetstream = true, storeDir, config = '' }: NatsServerOptions) {
    this.#binary = binary;
    this.port = port;
    this.url = `nats://127.0.0.1:${port}`;
    this.#folder = mkdtempSync(join(tmpdir(), 'twinstate-nats-'));
    folders.add(this.#folder);
    this.#store = storeDir ?? join(this.#folder, 'store');
    const store = JSON.stringify(this.#store);
    const lines = [`listen: "127.0.0.1:${port}"`, ...(jetstream ? [`jetstream { store_dir: ${store} }`] : []), config];
    writeFileSync(this.#configFile, lines.join('\n'));
  }

  /** Starts a server and waits until it answers. Another port is tried where the first was taken meanwhile. */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const binary = await (options.replicating === true ? findReplicatingNatsServer() : findNatsServer());
    for (let attempt = 1; ; attempt++) {
      const server = new NatsServer(binary, options.port ?? (await freePort()), options);
      try {
        await server.start();
        return server;
      } catch (error) {
        await server.stop();
        if (options.port !== undefined || attempt === 3) throw error;
      }
    }
  }

  /** The process's id while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get version(): string {
    return this.#info?.version ?? 'unknown';
  }

  /** Starts it again after `kill` or `shutdown`, on the same port and with the same store. */
  async start(): Promise<void> {
    if (this.#child !== undefined) return;
    const log = openSync(this.#logFile, 'a');
    const child = spawn(this.#binary.path, ['-c', this.#configFile], {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...this.#binary.env },
    });
    closeSync(log);
    this.#child = child;
    running.add(child);
    let spawnError: Error | undefined;
    child.once('error', (error) => (spawnError = error));
    child.once('exit', () => running.delete(child));
    const deadlineMs = Date.now() + READY_MS_MAX;
    for (;;) {
      const info = await readInfo(this.port);
      if (info !== undefined && child.exitCode === null && child.signalCode === null) {
        this.#info = info;
        return;
      }
      if (spawnError !== undefined || child.exitCode !== null || Date.now() > deadlineMs) break;
      await sleep(20);
    }
    await this.kill();
    throw new Error(`nats-server did not become ready on port ${this.port}: ${spawnError?.message ?? this.#logTail()}`);
  }

  /** Ends it as an operator would; data stays. */
  async shutdown(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Ends it as a power failure of the process would; data stays as far as it was written. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Removes what it has stored, while it is down: as a disk that is lost. */
  wipe(): void {
    if (this.#child !== undefined) throw new Error('a server that runs keeps its files');
    rmSync(this.#store, { recursive: true, force: true });
  }

  async restart(): Promise<void> {
    await this.shutdown();
    await this.start();
  }

  /** Makes it stand still: connections stay open and nobody answers. Resolves when it does. */
  async pause(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined) return;
    child.kill('SIGSTOP');
    while (this.#child === child && !standsStill(child.pid)) await sleep(2);
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    this.resume();
    await this.shutdown();
    rmSync(this.#folder, { recursive: true, force: true });
    folders.delete(this.#folder);
  }

  get #configFile(): string {
    return join(this.#folder, 'nats.conf');
  }

  get #logFile(): string {
    return join(this.#folder, 'nats.log');
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    const hard = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    await exited;
    clearTimeout(hard);
  }

  #logTail(): string {
    try {
      return readFileSync(this.#logFile, 'utf8').split('\n').slice(-8).join('\n');
    } catch {
      return 'it wrote nothing';
    }
  }
}

/** Starts one server. */
export function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  return NatsServer.start(options);
}

/** Starts `count` servers that form one JetStream cluster; electing its leader takes them a few seconds more. Clients know them all. */
export async function startNatsCluster(count: number): Promise<NatsServer[]> {
  const routes = await Promise.all(Array.from({ length: count }, freePort));
  const list = routes.map((port) => `"nats-route://127.0.0.1:${port}"`).join(', ');
  const starts = routes.map((port, i) =>
    NatsServer.start({
      replicating: true,
      config: `server_name: "n${i + 1}"\ncluster { name: "twin", listen: "127.0.0.1:${port}", no_advertise: true, routes: [${list}] }`,
    }),
  );
  const servers = await Promise.allSettled(starts);
  const started = servers.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = servers.find((result) => result.status === 'rejected');
  if (failed === undefined) return started;
  await Promise.all(started.map((server) => server.stop()));
  throw failed.reason;
}

/** A signal is delivered a little later than it is sent, to one thread after the other. */
function standsStill(pid: number): boolean {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.every((thread) => /\) [Tt] /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')));
  } catch {
    // no such folder on this system: the signal has been sent, no more can be known
    return true;
  }
}

/** A NATS server greets with a line `INFO {…}`. */
function readInfo(port: number): Promise<ServerInfo | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connectSocket(port, '127.0.0.1');
    const finish = (info: ServerInfo | undefined): void => {
      socket.destroy();
      resolve(info);
    };
    socket.setTimeout(1000, () => finish(undefined));
    socket.once('error', () => finish(undefined));
    socket.once('close', () => finish(undefined));
    socket.on('data', (data) => {
      text += data.toString('latin1');
      const end = text.indexOf('\r\n');
      if (end < 0) return;
      try {
        finish(JSON.parse(text.slice(text.indexOf('{'), end)) as ServerInfo);
      } catch {
        finish(undefined);
      }
    });
  });
}
