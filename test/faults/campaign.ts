/**
 * Many faults, one after the other, on a cluster that is made anew now and then, and at once where one has left it unfit.
 *
 * Invariant: a seed is a fault; seeds from S on are the same faults whatever came before them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FaultWorld } from './fault-world.js';
import { runFault } from './round.js';
import type { Outcome } from './round.js';

export interface CampaignOptions {
  readonly from: number;
  readonly count: number;
  /** Of one kind only; empty: of all. */
  readonly only: string;
  /** Three servers. */
  readonly cluster: boolean;
  /** Nothing is stopped or cut off for longer (default 30 s). */
  readonly longestMs?: number;
  /** Where histories of faults with a problem are written. */
  readonly folder?: string;
  readonly say?: (line: string) => void;
}

/** Faults on one cluster; its log and its memory are then long enough. */
const FAULTS_EACH = 25;

export async function campaign(options: CampaignOptions): Promise<Outcome[]> {
  const { from, count, only, cluster, longestMs, folder, say = () => undefined } = options;
  const outcomes: Outcome[] = [];
  let world: FaultWorld | undefined;
  try {
    for (let seed = from; seed < from + count; seed++) {
      if (world !== undefined && seed % FAULTS_EACH === 0) {
        await world.end();
        world = undefined;
      }
      const takeover = Math.floor(seed / FAULTS_EACH) % 2 === 0 ? 'fast' : 'strict';
      world ??= await FaultWorld.start(`faults-${seed}`, takeover, cluster, longestMs);
      const outcome = await runFault(world, seed, only);
      say(inLine(outcome));
      if (outcome.problems.length > 0) {
        if (folder !== undefined) say(`         its history: ${writeHistory(folder, outcome)}`);
        await world.end();
        world = undefined;
      }
      outcomes.push({ ...outcome, history: { calls: [] } });
    }
  } finally {
    await world?.end();
  }
  return outcomes;
}

function inLine({
  seed,
  kind,
  what,
  skipped,
  pauseMs,
  acknowledged,
  notStored,
  unknown,
  reads,
  logOnlyLost,
  problems,
}: Outcome): string {
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

/** By kind: how many, how long commits paused, and how many faults had a problem. */
export function summary(outcomes: readonly Outcome[]): string {
  const kinds = [...new Set(outcomes.map(({ kind }) => kind))].toSorted();
  const rows = [...kinds, 'all'].map((kind) => {
    const own = outcomes.filter((each) => (kind === 'all' || each.kind === kind) && !each.skipped);
    const pauses = own.map(({ pauseMs }) => pauseMs).toSorted((a, b) => a - b);
    const at = (part: number): string =>
      pauses.length === 0 ? '-' : String(Math.round(pauses[Math.ceil(pauses.length * part) - 1]!));
    const sum = (of: (each: Outcome) => number): string => String(own.reduce((total, each) => total + of(each), 0));
    const skipped = outcomes.filter((each) => (kind === 'all' || each.kind === kind) && each.skipped).length;
    return [
      kind,
      `${own.length}${skipped > 0 ? ` (+${skipped} skipped)` : ''}`,
      at(0.5),
      at(0.99),
      sum((each) => each.acknowledged),
      sum((each) => each.unknown),
      sum((each) => each.problems.length),
    ];
  });
  const head = ['kind', 'faults', 'pause p50, ms', 'p99', 'acknowledged', 'unknown', 'lost or wrong'];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  return [head, ...rows]
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '))
    .join('\n');
}
