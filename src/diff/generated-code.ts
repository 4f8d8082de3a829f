/**
 * Turns generated text into code.
 *
 * Invariant: text becomes code in this file only, and every name of the application in it went through `JSON.stringify`.
 */
import { TwinstateError } from '../shared/errors.js';

/**
 * @param what the text is, for people
 * @param source the body of a function of `given`, by name
 * @returns what the body returns
 * @throws {TwinstateError} `INVARIANT_BROKEN` with the text where it is no valid code
 */
export function compile(what: string, source: string, given: Readonly<Record<string, unknown>>): unknown {
  try {
    // oxlint-disable-next-line typescript/no-implied-eval
    const make = new Function(...Object.keys(given), source) as (...values: unknown[]) => unknown;
    return make(...Object.values(given));
  } catch (cause) {
    throw new TwinstateError('INVARIANT_BROKEN', `a generated ${what} is no valid code`, {
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

let allowed: boolean | undefined;

/** False where the process runs with `--disallow-code-generation-from-strings`. */
export function canGenerate(): boolean {
  if (allowed === undefined) {
    try {
      // oxlint-disable-next-line typescript/no-implied-eval
      allowed = (new Function('return true') as () => boolean)();
    } catch {
      allowed = false;
    }
  }
  return allowed;
}
