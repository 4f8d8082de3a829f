import { TwinstateError } from './errors.js';

/** States what must hold if Twinstate itself is right. @throws {TwinstateError} `INVARIANT_BROKEN` */
export function invariant(condition: unknown, what: string): asserts condition {
  if (!condition) throw new TwinstateError('INVARIANT_BROKEN', what, { cure: 'please report this with the trace' });
}

/** Makes the compiler prove that a union was handled whole. */
export function unreachable(value: never): never {
  throw new TwinstateError('INVARIANT_BROKEN', `unhandled case ${String(value)}`, { cure: 'please report this' });
}
