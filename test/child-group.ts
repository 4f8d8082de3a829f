/**
 * A program that is run with all the processes that it starts.
 *
 * Invariant: once `end` has resolved, or this process has ended in an orderly way, nothing of the group is left: what did
 * not end by itself was killed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ChildGroupOptions {
  /** What it writes goes to this process's output (default), or nowhere. */
  readonly silent?: boolean;
  /** Hears what it sends by `process.send`. */
  readonly onMessage?: (message: unknown) => void;
}

export interface ChildEnd {
  /** `null` where a signal ended it. */
  readonly code: number | null;
}

export class ChildGroup {
  readonly ended: Promise<ChildEnd>;
  readonly #pid: number | undefined;
  /** Its number may be somebody else's then. */
  #isOver = false;

  /** Starts a program of this Node with these arguments. */
  constructor(args: readonly string[], { silent = false, onMessage }: ChildGroupOptions = {}) {
    const output = silent ? 'ignore' : 'inherit';
    const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', output, output, 'ipc'] });
    this.#pid = child.pid;
    if (onMessage !== undefined) child.on('message', onMessage);
    // its output may stay open in a process that it has started: what counts is that it ended
    const over = once(child, 'exit').then(([code]) => code as number | null);
    const sweep = (): void => {
      this.signal('SIGKILL');
      this.#isOver = true;
      process.off('exit', sweep);
    };
    process.once('exit', sweep);
    over.then(sweep, sweep);
    this.ended = over.then(async (code) => {
      // what it sent last may still be on its way
      if (child.connected) await once(child, 'disconnect');
      return { code };
    });
  }

  /** Sends a signal to the whole group, as long as it may be there. */
  signal(signal: NodeJS.Signals): void {
    if (this.#pid === undefined || this.#isOver) return;
    try {
      process.kill(-this.#pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** Asks the program to end, as Ctrl-C does, and kills what is left after `graceMs`. */
  async end(graceMs: number): Promise<ChildEnd> {
    this.signal('SIGINT');
    const inTime = await Promise.race([this.ended, sleep(graceMs, undefined, { ref: false })]);
    if (inTime === undefined) this.signal('SIGKILL');
    return this.ended;
  }
}
