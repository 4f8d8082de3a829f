/**
 * What many faults came to, as a table that a document can take as it is.
 *
 * Invariant: what could not be done on this machine is counted as skipped and in no other column.
 */
import type { Outcome } from './round.js';

const COLUMNS: readonly (readonly [string, (own: readonly Outcome[]) => string])[] = [
  ['takeovers', (own) => total(own, (each) => each.takeovers)],
  ['acknowledged', (own) => total(own, (each) => each.acknowledged)],
  ['not stored', (own) => total(own, (each) => each.notStored)],
  ['unknown', (own) => total(own, (each) => each.unknown)],
  ['reads', (own) => total(own, (each) => each.reads)],
  ['gone with a wiped log', (own) => total(own, (each) => each.logOnlyLost)],
  ['pause p50, ms', (own) => pause(own, 0.5)],
  ['p99', (own) => pause(own, 0.99)],
  ['lost or wrong', (own) => total(own, (each) => each.problems.length)],
];

/** By kind: how many, what callers were told, how long commits paused, and what was lost or told wrongly. */
export function summary(outcomes: readonly Outcome[]): string {
  const kinds = [...new Set(outcomes.map(({ kind }) => kind))].toSorted();
  const rows = [...kinds, 'all'].map((kind) => {
    const all = outcomes.filter((each) => kind === 'all' || each.kind === kind);
    const own = all.filter(({ skipped }) => !skipped);
    const skipped = all.length - own.length;
    const faults = `${own.length}${skipped > 0 ? ` (+${skipped} skipped)` : ''}`;
    return [kind, faults, ...COLUMNS.map(([, of]) => of(own))];
  });
  const head = ['kind', 'faults', ...COLUMNS.map(([title]) => title)];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** The whole in one sentence. */
export function verdict(outcomes: readonly Outcome[]): string {
  const wrong = outcomes.reduce((sum, { problems }) => sum + problems.length, 0);
  const done = outcomes.filter(({ skipped }) => !skipped);
  const [acknowledged, unknown, takeovers] = [
    total(done, (each) => each.acknowledged),
    total(done, (each) => each.unknown),
    total(done, (each) => each.takeovers),
  ];
  return `${done.length} faults, ${takeovers} takeovers, ${acknowledged} changes acknowledged, ${unknown} unknown: ${wrong} lost or wrong`;
}

function total(own: readonly Outcome[], of: (each: Outcome) => number): string {
  return String(own.reduce((sum, each) => sum + of(each), 0));
}

function pause(own: readonly Outcome[], part: number): string {
  const pauses = own.map(({ pauseMs }) => pauseMs).toSorted((a, b) => a - b);
  return pauses.length === 0 ? '-' : String(Math.round(pauses[Math.ceil(pauses.length * part) - 1]!));
}
