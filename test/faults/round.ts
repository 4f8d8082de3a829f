/**
 * One fault: sessions are made, all processes call, something breaks and is whole again, and all that was told is judged.
 *
 * Invariant: a round that ends without a problem leaves a cluster whose replicas are equal and whose processes all answer, and a
 * history that can be true.
 */
import { checkHistory } from '../../src/testing/history-check.js';
import { seededRandom } from '../../src/testing/simulated-time.js';
import { nowMs } from '../scenarios/machine-clock.js';
import { until } from '../store/world.js';
import { chosenKind, KINDS } from './faults.js';
import { TRUE_MS_MAX } from './fault-world.js';
import type { FaultWorld } from './fault-world.js';
import type { NotedCall } from './journal.js';

export interface Outcome {
  readonly seed: number;
  readonly kind: string;
  readonly what: string;
  readonly skipped: boolean;
  /** The longest that one of the lasting sessions had no acknowledged change, from the fault on. */
  readonly pauseMs: number;
  readonly acknowledged: number;
  readonly notStored: number;
  readonly unknown: number;
  readonly reads: number;
  /** How often somebody became the primary of a partition. */
  readonly takeovers: number;
  /** Acknowledged by the log alone and gone with it. */
  readonly logOnlyLost: number;
  readonly problems: readonly string[];
  readonly history: NotedHistory;
}

/** What is needed to judge it again. */
export interface NotedHistory {
  readonly calls: readonly NotedCall[];
  /** When the log was lost, and when all that was left was stored anew; of one that was not: neither. */
  readonly lostMs?: number;
  readonly recoveredMs?: number;
}

export function judge({ calls, lostMs, recoveredMs }: NotedHistory): string[] {
  if (lostMs === undefined || recoveredMs === undefined) return checkHistory(calls).map(({ message }) => message);
  return judgeAcrossLoss(calls, lostMs, recoveredMs);
}

/** Of the bound of a read of the primary, with `takeover: 'fast'`. */
const LEASE_MS = 500;
const WARM_MS = 200;

export async function runFault(world: FaultWorld, seed: number, only: string): Promise<Outcome> {
  const random = chanceOf(seed);
  const kind = chosenKind(random, only);
  const lasting = Array.from({ length: 4 }, (_, i) => `${seed}-${i}`);
  const mortal = [`${seed}-m0`, `${seed}-m1`];
  const staleMs = world.takeover === 'strict' ? 0 : LEASE_MS;
  const problems: string[] = [];
  let [what, skipped, faultMs, logOnlyLost] = ['', false, 0, 0];
  let history: NotedHistory = { calls: [] };
  try {
    const before = await world.generation();
    await world.begin({ sessions: lasting, mortal, callers: 2, staleMs, timeoutMs: 4_000, seed });
    await pause(WARM_MS + random() * 300);
    faultMs = nowMs();
    ({ what, skipped = false } = await KINDS[kind]!.run(world, random));
    const wholeMs = nowMs();
    await until('commits flow again', () => flows(world.calls(), lasting, wholeMs), TRUE_MS_MAX);
    for (const { complaints } of await world.stop()) problems.push(...complaints);
    await world.converged();
    const recoveredMs = nowMs();
    await world.readAll([...lasting, ...mortal]);
    const calls = world.calls();
    history = { calls };
    if (what.includes('wiped') && !world.isCluster) {
      if ((await world.generation()) <= before) problems.push('the log was lost, and the generation did not rise');
      history = { calls, lostMs: faultMs, recoveredMs };
      logOnlyLost = missing(calls, faultMs);
    }
    problems.push(...judge(history));
  } catch (error) {
    problems.push(inWords(error));
    if (history.calls.length === 0) history = { calls: world.calls() };
  }
  const { calls } = history;
  const changes = calls.filter(({ does }) => does.kind !== 'read');
  const told = (outcome: string): number => changes.filter((call) => call.told === outcome).length;
  return {
    seed,
    kind,
    what,
    skipped,
    pauseMs: longestPause(calls, lasting, faultMs),
    acknowledged: told('ok'),
    notStored: told('not-stored'),
    unknown: told('unknown'),
    reads: calls.length - changes.length,
    takeovers: world.takeovers(),
    logOnlyLost,
    problems,
    history,
  };
}

/** A fault that did not come to its end, or for which there was no cluster. */
export function brokenOff(seed: number, only: string, error: unknown, calls: readonly NotedCall[]): Outcome {
  const none = { pauseMs: 0, acknowledged: 0, notStored: 0, unknown: 0, reads: 0, takeovers: 0, logOnlyLost: 0 };
  const what = 'it was broken off';
  const problems = [inWords(error)];
  return { seed, kind: chosenKind(chanceOf(seed), only), what, skipped: false, ...none, problems, history: { calls } };
}

function chanceOf(seed: number): () => number {
  return seededRandom(seed * 7_919 + 17);
}

function inWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.message}${error.cause instanceof Error ? ` (${error.cause.message})` : ''}`;
}

/** Every session that lasts was changed by a call that began after the fault was over. */
function flows(calls: readonly NotedCall[], sessions: readonly string[], wholeMs: number): boolean {
  const changed = new Set(
    calls
      .filter(({ startMs, told, does }) => told === 'ok' && does.kind === 'change' && startMs > wholeMs)
      .map(({ session }) => session),
  );
  return sessions.every((session) => changed.has(session));
}

function longestPause(calls: readonly NotedCall[], sessions: readonly string[], faultMs: number): number {
  let longest = 0;
  for (const session of sessions) {
    const ends = calls
      .filter((call) => call.session === session && call.told === 'ok' && call.does.kind === 'change' && call.endMs > faultMs)
      .map(({ endMs }) => endMs)
      .toSorted((a, b) => a - b);
    for (const [i, endMs] of ends.entries()) longest = Math.max(longest, endMs - (ends[i - 1] ?? faultMs));
  }
  return longest;
}

/**
 * What was told before the log was lost must be true of the time before; behind it, what only the log held may be gone: it counts as
 * having no answer, and what was seen until all was stored anew is not held against it. What was held by a backup counts as ever.
 */
export function judgeAcrossLoss(calls: readonly NotedCall[], lostMs: number, recoveredMs: number): string[] {
  const begun = calls.filter(({ startMs }) => startMs < lostMs);
  const earlier = begun.flatMap((call): NotedCall[] => {
    if (call.endMs < lostMs) return [call];
    return call.does.kind === 'read' || call.told === 'not-stored' ? [] : [{ ...call, told: 'unknown' }];
  });
  const later = calls.flatMap((call): NotedCall[] => {
    const says = call.does.kind === 'read' || call.told === 'not-stored';
    if (says)
      return call.startMs >= recoveredMs ? [call] : call.refused === undefined && call.told === 'not-stored' ? [call] : [];
    return call.told === 'ok' && call.held !== true && call.startMs < recoveredMs ? [{ ...call, told: 'unknown' }] : [call];
  });
  return [
    ...checkHistory(earlier).map(({ message }) => `before the loss: ${message}`),
    ...checkHistory(later).map(({ message }) => `after the loss: ${message}`),
  ];
}

/** Of what was appended and acknowledged by the log alone, as much as is not there in the end. */
function missing(calls: readonly NotedCall[], faultMs: number): number {
  const last = new Map<string, NotedCall>();
  for (const call of calls)
    if (call.does.kind === 'read' && call.startMs >= (last.get(call.session)?.startMs ?? faultMs)) last.set(call.session, call);
  let count = 0;
  for (const { session, does, told, held } of calls) {
    const read = last.get(session)?.does;
    const saw = read?.kind === 'read' ? read.saw : undefined;
    if (does.kind !== 'change' || told !== 'ok' || held === true || saw?.life !== does.life) continue;
    const log = saw.attributes['log'] as readonly unknown[];
    count += does.changes.filter((change) => 'append' in change && !log.includes(change.append)).length;
  }
  return count;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
