/**
 * What the merge rules for single values mean: `add`, `max`, `min`.
 *
 * Invariant: a rule gives a value only where base, mine and theirs are of one type that it has a meaning for; a sum of whole numbers
 * within 2^53 and of bigints is exact, and one of other numbers is the exact sum, rounded once.
 */
import type { MergeRule } from './session-model.js';

export type ValueRule = 'add' | 'max' | 'min';

export function isValueRule(rule: MergeRule): rule is ValueRule {
  return rule === 'add' || rule === 'max' || rule === 'min';
}

/** What they came to, with mine and theirs both counted. @returns `undefined` where these cannot be added */
export function added(base: unknown, mine: unknown, theirs: unknown): number | bigint | undefined {
  if (typeof base === 'bigint' && typeof mine === 'bigint' && typeof theirs === 'bigint') return theirs + mine - base;
  if (typeof base !== 'number' || typeof mine !== 'number' || typeof theirs !== 'number') return undefined;
  if (Object.is(theirs, base)) return mine;
  if (Object.is(mine, base)) return theirs;
  const sum = theirs + (mine - base);
  if (Number.isFinite(sum)) return sumOf([theirs, mine, -base]);
  return Number.isNaN(sum) ? undefined : sum;
}

/** Which of the two a rule keeps; mine where they are equal. @returns `undefined` where they cannot be compared */
export function kept(rule: 'max' | 'min', mine: unknown, theirs: unknown): 'mine' | 'theirs' | undefined {
  const [a, b] = [comparable(mine), comparable(theirs)];
  if (a === undefined || b === undefined || typeof a !== typeof b || mine instanceof Date !== theirs instanceof Date)
    return undefined;
  if (a === b) return 'mine';
  return a > b === (rule === 'max') ? 'mine' : 'theirs';
}

function comparable(value: unknown): number | bigint | string | undefined {
  const plain = value instanceof Date ? value.getTime() : value;
  if (typeof plain === 'number') return Number.isNaN(plain) ? undefined : plain;
  return typeof plain === 'bigint' || typeof plain === 'string' ? plain : undefined;
}

/** The correctly rounded sum. Shewchuk, "Adaptive Precision Floating-Point Arithmetic", 1997: partial sums that do not overlap. */
function sumOf(values: readonly number[]): number {
  const partials: number[] = [];
  for (const value of values) {
    let carried = value;
    let count = 0;
    for (const partial of partials) {
      const [large, small] = Math.abs(carried) < Math.abs(partial) ? [partial, carried] : [carried, partial];
      const high = large + small;
      const low = small - (high - large);
      if (low !== 0) partials[count++] = low;
      carried = high;
    }
    partials.length = count;
    partials.push(carried);
  }
  let high = partials.pop() ?? 0;
  let low = 0;
  while (low === 0 && partials.length > 0) {
    const before = high;
    const next = partials.pop()!;
    high = before + next;
    low = next - (high - before);
  }
  // exactly between two numbers: what is left decides to which side it goes
  if (partials.length > 0 && Math.sign(low) === Math.sign(partials.at(-1)!)) {
    const twice = low * 2;
    if (high + twice - high === twice) return high + twice;
  }
  return high;
}
