/**
 * A node process of the failover benchmark, as the benchmark holds it.
 *
 * Invariant: it is ended with this process at the latest, by its own id.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FromNode, Held, ToNode } from './node-process.js';

const SCRIPT = fileURLToPath(new URL('./node-process.js', import.meta.url));
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Node {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  private constructor(name: string, child: ChildProcess, heard: (message: FromNode) => void) {
    this.name = name;
    this.#child = child;
    child.on('message', heard);
    this.#exited = once(child, 'exit').then(() => running.delete(child));
  }

  /** @param heard takes everything that the node says */
  static async start(name: string, servers: string, heard: (message: FromNode) => void): Promise<Node> {
    const child = fork(SCRIPT, [name, servers], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    running.add(child);
    const node = new Node(name, child, heard);
    await node.#next('ready');
    return node;
  }

  async held(): Promise<Held> {
    this.#tell('held');
    return (await this.#next('held')).held;
  }

  kill(): Promise<unknown> {
    this.#child.kill('SIGKILL');
    return this.#exited;
  }

  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** Lets it hand over and leave. */
  async drain(): Promise<void> {
    this.#tell('drain');
    await this.#exited;
  }

  #tell(message: ToNode): void {
    this.#child.send(message);
  }

  #next<T extends FromNode['type']>(type: T): Promise<Extract<FromNode, { type: T }>> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null): void => reject(new Error(`node ${this.name} ended with code ${code}`));
      const take = (message: FromNode): void => {
        if (message.type !== type) return;
        this.#child.off('message', take);
        this.#child.off('exit', ended);
        resolve(message as Extract<FromNode, { type: T }>);
      };
      this.#child.on('message', take);
      this.#child.once('exit', ended);
    });
  }
}
