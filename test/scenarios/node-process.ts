/**
 * A node in a process of its own, as a test holds it: it can be told things, killed, stopped and continued.
 *
 * Invariant: a process that was started here is ended by `end` or with this process at the latest, by its own process id.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ChildOptions, Command } from './child.js';

const PROGRAM = fileURLToPath(new URL('./child.js', import.meta.url));
const started = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of started) child.kill('SIGKILL');
});

/** `C`: what it can be told. */
export class NodeProcess<C = Command> {
  /** Name and incarnation. */
  readonly id: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }>();
  readonly #exited: Promise<void>;
  #counter = 0;

  private constructor(child: ChildProcess, id: string) {
    this.#child = child;
    this.id = id;
    child.on('message', (message: { id: number; result?: unknown; error?: string }) => {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error === undefined) waiting?.resolve(message.result);
      else waiting?.reject(new Error(message.error));
    });
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => {
        started.delete(child);
        for (const { reject } of this.#waiting.values()) reject(new Error('the process ended'));
        resolve();
      });
    });
  }

  static start(options: ChildOptions): Promise<NodeProcess> {
    return NodeProcess.run<Command>(PROGRAM, options);
  }

  /** Starts any program that says when it is ready and answers what it is told. */
  static async run<C>(program: string, options: object): Promise<NodeProcess<C>> {
    const child = fork(program, [JSON.stringify(options)], { execArgv: ['--enable-source-maps'], serialization: 'advanced' });
    started.add(child);
    const id = await new Promise<string>((resolve, reject) => {
      child.once('message', (message: { ready: string }) => resolve(message.ready));
      child.once('exit', (code) => reject(new Error(`the node process ended with code ${code} before it was ready`)));
    });
    return new NodeProcess<C>(child, id);
  }

  tell<T>(command: C): Promise<T> {
    const id = ++this.#counter;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#child.send({ id, command });
    });
  }

  async leads(): Promise<number[]> {
    return (await (this as unknown as NodeProcess).tell<{ leads: number[] }>({ do: 'roles' })).leads;
  }

  /** SIGSTOP: it stands still, its connections stay open. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  /** SIGCONT. */
  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** As `kill -9`. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** Ends it whatever state it is in. */
  async end(): Promise<void> {
    this.resume();
    await this.kill();
  }
}
