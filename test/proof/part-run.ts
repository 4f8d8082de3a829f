/**
 * Runs one part of the proof and judges it.
 *
 * Invariant: a part fails where it found something, ended in another way than it should, or has tried hardly anything; having tried less than
 * asked for because its time was over is said, and is no failure. It ends soon after its time, killed if need be.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ChildGroup } from '../child-group.js';
import { isProgress } from './progress.js';
import type { Progress } from './progress.js';

/** Less than this share of what was asked for proves nothing. */
const HARDLY = 1 / 20;
/** For what is under way when the time is over; and, once it is told to end, for taking down what it has built. */
const GRACE_MS = 30_000;
/** A timer of more would end at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export interface PartRunOptions {
  /** For Node. */
  readonly args: readonly string[];
  readonly count: number;
  readonly minutes: number;
  readonly silent?: boolean;
  /** Default 30 s, twice: until it is told to end, and until it is killed. */
  readonly graceMs?: number;
  /** Ends the part early. */
  readonly signal?: AbortSignal;
}

export interface PartResult extends Progress {
  readonly seconds: number;
  /** Why it failed; `undefined` where it has not. */
  readonly failure?: string;
}

export async function runPart(options: PartRunOptions): Promise<PartResult> {
  const { args, count, minutes, silent, graceMs = GRACE_MS, signal } = options;
  const startedMs = performance.now();
  let heard: Progress = { tried: 0, found: 0 };
  const child = new ChildGroup(args, {
    ...(silent === undefined ? {} : { silent }),
    onMessage: (message) => {
      if (isProgress(message)) heard = { tried: message.tried, found: message.found };
    },
  });
  const over = new AbortController();
  const stopped =
    signal === undefined
      ? []
      : [new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))];
  const limit = sleep(Math.min(minutes * 60_000 + graceMs, TIMER_MS_MAX), undefined, { signal: over.signal, ref: false }).catch(
    () => undefined,
  );
  const end = await Promise.race([child.ended, limit, ...stopped]);
  const code = typeof end === 'object' ? end.code : undefined;
  if (code === undefined) await child.end(graceMs);
  over.abort();
  const failure = failureOf(heard, count, code);
  return { ...heard, seconds: (performance.now() - startedMs) / 1_000, ...(failure === undefined ? {} : { failure }) };
}

/** @param code `undefined`: it did not end by itself; `null`: something has killed it */
export function failureOf({ tried, found }: Progress, count: number, code: number | null | undefined): string | undefined {
  if (found > 0) return `${found} found`;
  if (code === undefined) return 'did not end in its time';
  if (code !== 0) return code === null ? 'was killed' : `ended with ${code}`;
  return tried < count * HARDLY ? 'tried hardly anything' : undefined;
}
