/** Turns an `AbortSignal` into the typed error that every call rejects with. */
import { TwinstateError } from './errors.js';
import type { Outcome } from './errors.js';

export function aborted(signal: AbortSignal, outcome?: Outcome): TwinstateError {
  return new TwinstateError('ABORTED', 'the caller aborted this call', { outcome, cause: signal.reason });
}
