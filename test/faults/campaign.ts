/**
 * Many faults, on clusters that are made anew now and then, and at once where a fault has left one unfit: one after the other, or in
 * several lanes side by side, each on servers, ports and folders of its own.
 *
 * Invariant: a seed is a fault; seeds from S on are the same faults whatever came before them and however many lanes there are.
 * Nothing that is timed is judged, so that lanes which load the machine make no answer false. Every fault ends, or is ended.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FaultWorld } from './fault-world.js';
import { brokenOff, runFault } from './round.js';
import type { Outcome } from './round.js';

export interface CampaignOptions {
  readonly from: number;
  readonly count: number;
  /** Side by side (default 1). */
  readonly lanes?: number;
  /** Of one kind only; empty: of all. */
  readonly only: string;
  /** Three servers. */
  readonly cluster: boolean;
  /** No fault begins after so many, less what one may take (default: all are done). */
  readonly minutes?: number;
  /** Nothing is stopped or cut off for longer (default 30 s). */
  readonly longestMs?: number;
  /** Where histories of faults with a problem are written. */
  readonly folder?: string;
  readonly say?: (line: string) => void;
  /** Hears of each, as it is over. */
  readonly done?: (outcome: Outcome) => void;
}

/** Faults on one cluster; its log and its memory are then long enough. */
const FAULTS_EACH = 25;
/** All waits of a fault have bounds, which add up to less. */
const FAULT_MS_MAX = 1_000_000;
const END_MS_MAX = 60_000;
/** What the longest of them takes on a machine that is busy, but not hopelessly. */
const FAULT_MS = 45_000;

/** @returns the outcomes in the order of their seeds */
export async function campaign(options: CampaignOptions): Promise<Outcome[]> {
  const { from, count, lanes = 1, minutes = Infinity, done } = options;
  const outcomes: Outcome[] = [];
  const untilMs = performance.now() + minutes * 60_000 - FAULT_MS;
  let next = from;
  const take = (): number | undefined => (next < from + count && performance.now() < untilMs ? next++ : undefined);
  const keep = (outcome: Outcome): void => {
    outcomes.push(outcome);
    done?.(outcome);
  };
  const running = Array.from({ length: Math.min(lanes, count) }, () => new Lane(options, keep).run(take));
  // one that fails waits for the others, which hold processes
  const failed = (await Promise.allSettled(running)).find((lane) => lane.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return outcomes.toSorted((a, b) => a.seed - b.seed);
}

/** Faults of one cluster after the other. */
class Lane {
  readonly #options: CampaignOptions;
  readonly #done: (outcome: Outcome) => void;
  #world: FaultWorld | undefined;
  #faults = 0;

  constructor(options: CampaignOptions, done: (outcome: Outcome) => void) {
    this.#options = options;
    this.#done = done;
  }

  async run(take: () => number | undefined): Promise<void> {
    const { folder, say = () => undefined } = this.#options;
    try {
      for (let seed = take(); seed !== undefined; seed = take()) {
        const outcome = await this.#fault(seed);
        const lines = [inLine(outcome)];
        if (outcome.problems.length > 0) {
          if (folder !== undefined) lines.push(`         its history: ${writeHistory(folder, outcome)}`);
          await this.#end();
        }
        // one text, as other lanes speak too
        say(lines.join('\n'));
        this.#done({ ...outcome, history: { calls: [] } });
      }
    } finally {
      await this.#end();
    }
  }

  async #fault(seed: number): Promise<Outcome> {
    const { only, cluster, longestMs } = this.#options;
    const takeover = Math.floor(seed / FAULTS_EACH) % 2 === 0 ? 'fast' : 'strict';
    if (this.#faults >= FAULTS_EACH || this.#world?.takeover !== takeover) await this.#end();
    try {
      this.#world ??= await FaultWorld.start(`faults-${seed}`, takeover, cluster, longestMs);
      this.#faults++;
      return await bounded(runFault(this.#world, seed, only), FAULT_MS_MAX, `fault ${seed}`);
    } catch (error) {
      return brokenOff(seed, only, error, this.#world?.calls() ?? []);
    }
  }

  async #end(): Promise<void> {
    const world = this.#world;
    this.#world = undefined;
    this.#faults = 0;
    if (world !== undefined) await bounded(world.end(), END_MS_MAX, 'the end of a cluster');
  }
}

/** @throws {Error} where it hangs */
async function bounded<T>(work: Promise<T>, msMax: number, what: string): Promise<T> {
  const over = new AbortController();
  const late = sleep(msMax, undefined, { signal: over.signal }).then((): never => {
    throw new Error(`${what} hangs: it has not ended after ${msMax / 1_000} s`);
  });
  // whichever is later is nobody's concern any more
  late.catch(() => undefined);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}

function inLine(outcome: Outcome): string {
  const { seed, kind, what, skipped, pauseMs, acknowledged, notStored, unknown, reads, logOnlyLost, problems } = outcome;
  const counts = `${acknowledged} ok, ${notStored} not stored, ${unknown} unknown, ${reads} reads`;
  const lost = logOnlyLost > 0 ? `, ${logOnlyLost} gone with the log` : '';
  const head = `${problems.length > 0 ? 'FAILED ' : '       '}${String(seed).padStart(5)} ${kind.padEnd(15)} ${skipped ? 'skipped' : `${Math.round(pauseMs)} ms`.padStart(8)}`;
  return [`${head}  ${counts}${lost}: ${what}`, ...problems.slice(0, 8).map((problem) => `         ${problem}`)].join('\n');
}

function writeHistory(folder: string, { seed, history }: Outcome): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `history-${seed}.json`);
  writeFileSync(
    path,
    JSON.stringify(history, (_, value: unknown) => (value === Infinity ? Number.MAX_VALUE : value)),
  );
  return path;
}
