/** Waits for a promise to reject, and insists that what it rejects with is a `TwinstateError` that teaches. */
import { expect } from 'chai';
import { TwinstateError } from '../../src/shared/errors.js';
import type { ErrorCode, Outcome } from '../../src/shared/errors.js';

/** @param outcome what became of the write; leave it out for what is not a write */
export async function refused(promise: Promise<unknown>, code: ErrorCode, outcome?: Outcome): Promise<TwinstateError> {
  let error: unknown;
  try {
    await promise;
  } catch (caught) {
    error = caught;
  }
  expect(error, `nothing was refused with ${code}`).to.be.instanceOf(TwinstateError);
  const known = error as TwinstateError;
  expect(known.code, known.message).to.equal(code);
  if (outcome !== undefined) expect(known.outcome, known.message).to.equal(outcome);
  expect(known.message).to.match(new RegExp(`^\\[${code}\\] `));
  return known;
}
