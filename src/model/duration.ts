/** Durations as people write them, `'30m'`; always whole, positive and exact in milliseconds. */
import { TwinstateError } from '../shared/errors.js';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads a duration.
 *
 * @param where what it was given for, for the message
 * @returns milliseconds
 * @throws {TwinstateError} `OPTION_INVALID` for anything but a positive whole number and a unit
 */
export function durationMs(where: string, text: unknown): number {
  const match = typeof text === 'string' ? /^([1-9]\d*)(ms|s|m|h|d)$/.exec(text) : null;
  const ms = match === null ? NaN : Number(match[1]) * UNIT_MS[match[2]!]!;
  if (Number.isSafeInteger(ms)) return ms;
  throw new TwinstateError('OPTION_INVALID', `${where} is no duration`, {
    expected: "a positive whole number and one of ms, s, m, h, d, such as '30m'",
    received: typeof text === 'string' ? `'${text}'` : typeof text === 'number' ? `the number ${text}` : typeof text,
    cure: typeof text === 'number' ? `write '${text}ms' if milliseconds were meant` : "write '90m' for one and a half hours",
  });
}
