/**
 * How much one session may hold, and one set of bytes may claim to hold.
 *
 * Invariant: what is written within these limits can be read within the same limits, so a session that was accepted is never
 * refused by a backup, however that was configured: keepers read by the defaults, and in a cluster nobody may have more.
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

const LIMITS = Object.keys(DEFAULT_LIMITS) as readonly (keyof Limits)[];

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

/** @throws {TwinstateError} `OPTION_INVALID` where limits of a class go beyond the defaults, by which everybody else in its cluster reads */
export function checkCeilings(given: Partial<Limits>, className: string): void {
  for (const limit of LIMITS) {
    if ((given[limit] ?? 0) <= DEFAULT_LIMITS[limit]) continue;
    throw new TwinstateError('OPTION_INVALID', `limits.${limit} of the class ${className} is more than a cluster takes`, {
      expected: `at most ${DEFAULT_LIMITS[limit]}, the default`,
      received: `${given[limit]}`,
      cure: `leave it out, or make it less; ${HOLD_LESS}`,
    });
  }
}

/** A class's limits are those of the process that leads its session, and of the one that writes, whichever is less. */
function limitCure(limits: Limits, limit: keyof Limits): string {
  if (limits[limit] >= DEFAULT_LIMITS[limit]) return HOLD_LESS;
  return `hold less, or raise \`limits.${limit}\` of the session class in every process, to at most ${DEFAULT_LIMITS[limit]}`;
}

const HOLD_LESS = 'keep bulk data elsewhere and its address in the session';

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
    cure: limitCure(limits, limit),
    path,
  });
}
