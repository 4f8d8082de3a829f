/**
 * A server process of `npm run start:nats`, as its parent sees it.
 *
 * Invariant: no server process outlives this one: whoever is still there when this process exits is killed, by its own id.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromServer, ToServer } from './messages.js';

const SCRIPT = fileURLToPath(new URL('./server-process.js', import.meta.url));
const ANSWER_MS_MAX = 40_000;
const running = new Set<ChildProcess>();

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Server {
  readonly name: string;
  /** The partitions that it leads now. */
  readonly leads = new Set<number>();
  alive = true;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #waiting = new Map<FromServer['type'], (message: FromServer) => void>();
  #broken: ((error: Error) => void)[] = [];
  #failure: Error | undefined;

  constructor(name: string, url: string, role: 'node' | 'client', onMessage: (message: FromServer) => void) {
    this.name = name;
    this.#child = fork(SCRIPT, [name, url, role], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    running.add(this.#child);
    this.#child.on('message', (message: FromServer) => {
      if (message.type === 'role') this.leads[message.leads ? 'add' : 'delete'](message.partition);
      if (message.type === 'failed') this.#break(new Error(`${name}: ${message.message}`));
      onMessage(message);
      const resolve = this.#waiting.get(message.type);
      this.#waiting.delete(message.type);
      resolve?.(message);
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        running.delete(this.#child);
        this.alive = false;
        this.#break(new Error(`${name} ended with ${signal ?? `code ${code}`}`));
        resolve();
      });
    });
    // the parent can be told by nobody else that forking failed
    this.#child.once('error', (error) => this.#break(error));
  }

  tell(message: ToServer): void {
    if (this.#child.connected) this.#child.send(message);
  }

  /** Waits for the next message of a type. @throws what the server failed with */
  next<T extends FromServer['type']>(type: T): Promise<Extract<FromServer, { type: T }>> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      const late = setTimeout(
        () => reject(new Error(`${this.name} did not say "${type}" within ${ANSWER_MS_MAX} ms`)),
        ANSWER_MS_MAX,
      );
      this.#broken.push((error) => {
        clearTimeout(late);
        reject(error);
      });
      this.#waiting.set(type, (message) => {
        clearTimeout(late);
        resolve(message as Extract<FromServer, { type: T }>);
      });
    });
  }

  /** Ends it at once, as `kill -9` does. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** Lets it leave; one that does not is killed. */
  async leave(msMax = 5_000): Promise<void> {
    this.tell({ type: 'leave' });
    const hard = setTimeout(() => this.#child.kill('SIGKILL'), msMax);
    await this.#exited;
    clearTimeout(hard);
  }

  #break(error: Error): void {
    this.#failure ??= error;
    for (const reject of this.#broken) reject(this.#failure);
    this.#broken = [];
  }
}
