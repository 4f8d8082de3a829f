/** What a test expects of an error: its code, and a pattern that its cure must match. */
import { expect } from 'chai';
import { type ErrorCode, TwinstateError } from '../../src/shared/errors.js';

/** Runs `fn`, which must throw a `TwinstateError`, and returns it. */
export function refusal(fn: () => unknown, code: ErrorCode, cure: RegExp): TwinstateError {
  let thrown: unknown;
  try {
    fn();
  } catch (error) {
    thrown = error;
  }
  expect(thrown, 'nothing was refused').to.be.instanceOf(TwinstateError);
  const error = thrown as TwinstateError;
  expect(error.code, error.message).to.equal(code);
  expect(error.cure, error.message).to.match(cure);
  return error;
}
