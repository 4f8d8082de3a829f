/**
 * Tells the history of a failing seed to people: when, who did what and was told what, which fault, and what was violated.
 *
 * Invariant: what is told is the trace of the very history, shortened; the last line replays it exactly.
 */
import { subscribe } from '../../src/observe/events.js';
import { printRestraint } from './restraint.js';
import type { Scenario } from './scenario.js';
import type { Shrunk } from './shrinking.js';
import { simulate } from './world.js';

/** So many lines are told; what is between the first and the last of a longer story is left out. */
const LINES_MAX = 80;
const VIOLATIONS_MAX = 5;

export async function storyOf(
  seed: number,
  scenario: Scenario,
  { restraint, report, faultsBefore, tries }: Shrunk,
): Promise<string> {
  const lines: string[] = [];
  let nowMs = '0';
  const stop = subscribe('role', ({ node, partition, role, epoch, reason }) => {
    lines.push(
      line(nowMs, `${node.slice(0, node.indexOf('~'))} is ${role} in partition ${partition}, epoch ${epoch}: ${reason}`),
    );
  });
  const again = await simulate(
    seed,
    scenario,
    (step) => {
      nowMs = step.slice(0, step.indexOf(' '));
      // what was violated is told at the end
      const what = step.slice(nowMs.length + 1);
      if (!what.startsWith('? ')) lines.push(line(nowMs, what));
    },
    restraint,
  );
  stop();
  const same = again.trace === report.trace;
  const left = lines.length - LINES_MAX;
  const told = left <= 0 ? lines : [...lines.slice(0, LINES_MAX / 2), `  … ${left} steps …`, ...lines.slice(-LINES_MAX / 2)];
  const fixed = `--seeds 1 --from ${seed} --scenario ${scenario.name} ${printRestraint(restraint)}`;
  return [
    `seed ${seed} (${scenario.name}) fails with ${report.struck.length} of ${faultsBefore} faults, found in ${tries} tries:`,
    '',
    ...told,
    '',
    ...report.violations.slice(0, VIOLATIONS_MAX).map((violation) => `violated: ${violation}`),
    same
      ? `trace ${report.trace}; to replay it: npm run simulate -- ${fixed}`
      : 'it does not replay: the world is not deterministic',
  ].join('\n');
}

function line(atMs: string, text: string): string {
  return `${atMs.padStart(7)} ms  ${text.startsWith('! ') ? `FAULT ${text.slice(2)}` : text}`;
}
