/**
 * How much one session may hold, and one set of bytes may claim to hold.
 *
 * Invariant: what is written within these limits can be read within the same limits, so a session that was accepted is never
 * refused by a backup that was configured alike.
 */
import { TwinstateError } from '../shared/errors.js';

export interface Limits {
  /** The encoded session, in bytes. */
  readonly sessionBytesMax: number;
  /** One delta, in bytes. */
  readonly deltaBytesMax: number;
  /** Objects of one session. */
  readonly objectsMax: number;
  /** Elements of one array, `Map`, `Set` or plain object; also the holes of all sparse arrays of a session together. */
  readonly elementsMax: number;
}

const DEFAULT_LIMITS: Limits = Object.freeze({
  sessionBytesMax: 64 * 1024 * 1024,
  deltaBytesMax: 64 * 1024 * 1024,
  objectsMax: 1_000_000,
  elementsMax: 1_000_000,
});

/** Completes the limits that were given by the defaults. */
export function resolveLimits(given: Partial<Limits> = {}): Limits {
  return {
    sessionBytesMax: given.sessionBytesMax ?? DEFAULT_LIMITS.sessionBytesMax,
    deltaBytesMax: given.deltaBytesMax ?? DEFAULT_LIMITS.deltaBytesMax,
    objectsMax: given.objectsMax ?? DEFAULT_LIMITS.objectsMax,
    elementsMax: given.elementsMax ?? DEFAULT_LIMITS.elementsMax,
  };
}

/** What whoever keeps a session for others holds it to: what was given, and nothing beyond the defaults, by which everybody reads. */
export function stricterLimits(given: Partial<Limits> = {}): Limits {
  const of = (limit: keyof Limits): number => Math.min(given[limit] ?? Infinity, DEFAULT_LIMITS[limit]);
  return {
    sessionBytesMax: of('sessionBytesMax'),
    deltaBytesMax: of('deltaBytesMax'),
    objectsMax: of('objectsMax'),
    elementsMax: of('elementsMax'),
  };
}

/** @throws {TwinstateError} `LIMIT_EXCEEDED` where `received` is over the limit */
export function holdLimit(limits: Limits, limit: keyof Limits, received: number, what: string, path?: string): void {
  if (received > limits[limit]) throw limitExceeded(limits, limit, received, what, path);
}

export function limitExceeded(
  limits: Limits,
  limit: keyof Limits,
  received: number,
  what: string,
  path?: string,
): TwinstateError {
  return new TwinstateError('LIMIT_EXCEEDED', `${what} is over a limit of this session`, {
    expected: `${limit} <= ${limits[limit]}`,
    received: `${received}`,
    cure: `hold less, or raise \`limits.${limit}\` of the session class`,
    path,
  });
}
