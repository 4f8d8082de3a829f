import { TwinstateError } from './errors.js';

/** States what must hold if Twinstate itself is right. @throws {TwinstateError} `INVARIANT_BROKEN` */
export function invariant(condition: unknown, what: string): asserts condition {
  if (!condition) throw new TwinstateError('INVARIANT_BROKEN', what, { cure: 'please report this with the trace' });
}
