/** What the proof came to, a row for each part, for people and for documents. */
import type { PartResult } from './part-run.js';
import type { Part } from './parts.js';

const HEAD = ['part', 'what', 'tried', 'found', 's', ''];
const grouped = (n: number): string => n.toLocaleString('en');

export function rowOf({ name, tries }: Pick<Part, 'name' | 'tries'>, count: number, result: PartResult): string[] {
  const { tried, found, seconds, failure } = result;
  const short = tried < count ? `of ${grouped(count)}, its time was over` : 'all';
  return [name, tries, grouped(tried), grouped(found), seconds.toFixed(0), failure === undefined ? short : `FAILED: ${failure}`];
}

export function tableOf(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((title, i) => Math.max(title.length, 3, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return [line(HEAD), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
