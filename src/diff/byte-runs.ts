/**
 * How far two byte strings run along with each other.
 *
 * Invariant: a run ends at the first byte that differs, or at its longest. Long runs are compared natively, in blocks that grow while
 * they are equal and shrink where they are not; short ones byte by byte, because asking natively costs as much as some dozens.
 */

/** What is compared byte by byte before anything else: changes often lie close together. */
const NEAR_BYTES = 64;
/** A block in which the first difference lies is divided down to this. */
const LAST_BYTES = 256;
const BLOCK_BYTES_MIN = 1024;
/** What was compared in vain, where a block differs, is compared again. */
const BLOCK_BYTES_MAX = 1 << 15;

/** The number of equal bytes from `i` and `j` on, at most `max`, which must lie within both. */
export function runAhead(a: Buffer, b: Buffer, i: number, j: number, max: number): number {
  let run = 0;
  for (const near = Math.min(max, NEAR_BYTES); run < near; run++) if (a[i + run] !== b[j + run]) return run;
  let end = max;
  for (let block = BLOCK_BYTES_MIN; end - run > LAST_BYTES;) {
    const size = Math.min(block, end - run);
    if (a.compare(b, j + run, j + run + size, i + run, i + run + size) === 0) {
      run += size;
      if (end === max) block = Math.min(block * 2, BLOCK_BYTES_MAX);
    } else {
      end = run + size;
      block = size >> 2;
    }
  }
  while (run < end && a[i + run] === b[j + run]) run++;
  return run;
}

/** The number of equal bytes before `i` and `j`, at most `max`. */
export function runBehind(a: Buffer, b: Buffer, i: number, j: number, max: number): number {
  let run = 0;
  for (const near = Math.min(max, NEAR_BYTES); run < near; run++) if (a[i - run - 1] !== b[j - run - 1]) return run;
  let end = max;
  for (let block = BLOCK_BYTES_MIN; end - run > LAST_BYTES;) {
    const size = Math.min(block, end - run);
    if (a.compare(b, j - run - size, j - run, i - run - size, i - run) === 0) {
      run += size;
      if (end === max) block = Math.min(block * 2, BLOCK_BYTES_MAX);
    } else {
      end = run + size;
      block = size >> 2;
    }
  }
  while (run < end && a[i - run - 1] === b[j - run - 1]) run++;
  return run;
}
