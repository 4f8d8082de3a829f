/**
 * What everybody in a simulated world shares: its time, its history, and what may be said to a client.
 *
 * Invariant: every step is noted, so that a seed has one trace. A client whose process died is told nothing any more.
 */
import { TwinstateError } from '../../src/shared/errors.js';
import type { SimulatedTime } from '../../src/testing/simulated-time.js';
import { Calls } from './calls.js';
import type { History, Told } from './history.js';
import type { SimulatedProcess } from './process.js';
import { mayLoseContent } from './scenario.js';
import type { Scenario } from './scenario.js';

/**
 * Where nodes are only drained and started no commit waits longer. A handover takes some messages, and nobody suspects anybody; but a
 * commit that asks for a backup, and what the same process commits behind it, waits until the new backup has loaded its sessions.
 */
const PAUSE_MS_MAX = 250;
/** What a full log is reported as. */
const FULL = 'the log is full';
/** Between two looks at what is waited for. */
const LOOK_MS = 20;
/** Only these may come to a client; anything else is a bug. */
const FINE: ReadonlySet<string> = new Set([
  'CONFLICT',
  'STALE_INSTANCE',
  'SESSION_GONE',
  'SESSION_EXISTS',
  'UNAVAILABLE',
  'NOT_ENOUGH_BACKUPS',
  'CLOSED',
  'TIMEOUT',
]);

export interface SurroundingsParts {
  readonly scenario: Scenario;
  readonly time: SimulatedTime;
  readonly history: History;
  readonly trace: ((line: string) => void) | undefined;
}

export class Surroundings {
  readonly scenario: Scenario;
  readonly time: SimulatedTime;
  readonly history: History;
  readonly calls: Calls;
  /** Clients come to an end. */
  stopped = false;
  /** Clients that have not come to it yet. */
  acting = 0;
  /** Sessions of which a stored snapshot was damaged: these may be quarantined. */
  readonly damaged = new Set<string>();
  /** The log had no room at times. */
  diskFilled = false;
  readonly told = { ok: 0, 'not-stored': 0, unknown: 0 };
  /** The longest that a commit took in a world where nodes are only drained and started. */
  pauseMs = 0;
  readonly #trace: ((line: string) => void) | undefined;
  #hash = 0;

  constructor({ scenario, time, history, trace }: SurroundingsParts) {
    this.scenario = scenario;
    this.time = time;
    this.history = history;
    this.calls = new Calls(() => this.now());
    this.#trace = trace;
  }

  /** A fingerprint of everything that was noted. */
  get fingerprint(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  now(): number {
    return this.time.now();
  }

  note(line: string): void {
    const text = `${this.time.now().toFixed(0)} ${line}`;
    for (let i = 0; i < text.length; i++) this.#hash = Math.imul(this.#hash ^ text.charCodeAt(i), 0x01000193);
    this.#trace?.(text);
  }

  violation(what: string): void {
    this.history.violation(what);
  }

  /** Lets a client act until the world stops it. */
  act(client: Promise<void>): void {
    this.acting++;
    const end = (): void => void this.acting--;
    client.then(end, (error: unknown) => {
      end();
      this.violation(`a client failed with ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    });
  }

  /** Lets time pass until something holds, at most for so long. @returns whether it holds */
  async until(withinMs: number, holds: () => boolean): Promise<boolean> {
    const deadlineMs = this.now() + withinMs;
    while (!holds()) {
      if (this.now() >= deadlineMs) return false;
      await this.time.runUntil(Math.min(deadlineMs, this.now() + LOOK_MS));
    }
    return true;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.time.after(ms, resolve));
  }

  /** What a process was asked, or nothing if it dies first. */
  alive<T>(process: SimulatedProcess, asked: Promise<T>): Promise<T | undefined> {
    return Promise.race([asked, process.died.then(() => undefined)]);
  }

  /** Notes an error that may not come. @returns its code */
  expected(error: unknown, where: string): string {
    const code = error instanceof TwinstateError ? error.code : 'not typed';
    if (!FINE.has(code) && !this.#excused(code, error))
      this.violation(`${where} failed with ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return code;
  }

  /** What may come only where something of the kind was done. */
  #excused(code: string, error: unknown): boolean {
    if (code === 'FORMAT_UNSUPPORTED') return this.scenario.laterFormat === true;
    if (code === 'SESSION_QUARANTINED') return this.damaged.size > 0 || mayLoseContent(this.scenario);
    return code === 'ENGINE_FAILED' && this.diskFilled && error instanceof TwinstateError && error.received === FULL;
  }

  /** Runs a write and says what its caller was told; `undefined` where the caller died first and was told nothing. */
  async tell(process: SimulatedProcess, write: () => Promise<void>): Promise<Told | undefined> {
    const { clock, died } = process;
    let told: Told;
    try {
      const ended = await Promise.race([write().then(() => 'written' as const), died.then(() => 'died' as const)]);
      if (ended === 'died') return undefined;
      told = 'ok';
    } catch (error) {
      const code = this.expected(error, 'write');
      if (this.scenario.deploys && !process.drains && code === 'UNAVAILABLE')
        this.violation(`a deploy failed a write of ${process.options.name}`);
      const outcome = error instanceof TwinstateError ? error.outcome : undefined;
      told = outcome === 'stored' ? 'ok' : outcome === 'unknown' ? 'unknown' : 'not-stored';
    }
    if (clock.ended || process.clock !== clock) return undefined;
    this.told[told]++;
    if (this.scenario.deploys && !process.drains && told === 'unknown')
      this.violation(`a deploy left the fate of a write of ${process.options.name} unknown`);
    return told;
  }

  /** A commit took so long; where nodes are only drained it may not. */
  waited(process: SimulatedProcess, ms: number): void {
    if (!this.scenario.deploys) return;
    this.pauseMs = Math.max(this.pauseMs, ms);
    if (ms > PAUSE_MS_MAX) this.violation(`a deploy made a commit of ${process.options.name} wait for ${ms} ms`);
  }
}
