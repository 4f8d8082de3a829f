/**
 * Turns the text of generated readers and writers into functions.
 *
 * Invariant: text becomes code in `compile` only, and every name of the application in it went through `JSON.stringify`.
 */
import { TwinstateError } from '../shared/errors.js';

/**
 * @param source the body of a function of `given`, by name
 * @returns what the body returns
 * @throws {TwinstateError} `INVARIANT_BROKEN` with the text where it is no valid code
 */
export function compile(source: string, given: Readonly<Record<string, unknown>>): unknown {
  try {
    // oxlint-disable-next-line typescript/no-implied-eval
    const make = new Function(...Object.keys(given), source) as (...values: unknown[]) => unknown;
    return make(...Object.values(given));
  } catch (cause) {
    throw new TwinstateError('INVARIANT_BROKEN', 'a generated reader is no valid code', {
      received: source,
      cure: 'please report this with the trace',
      cause,
    });
  }
}

/** Within a line of comment; a name may hold a line's end. */
export function comment(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replaceAll(/[\u2028\u2029]/g, ' ');
}
