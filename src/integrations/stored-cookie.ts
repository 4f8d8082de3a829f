/**
 * What of a web session's cookie is stored.
 *
 * Invariant: a request that changes nothing stores the same: a date that follows from the cookie's age is not kept, but worked out
 * where somebody reads it.
 */
import type { CookieSettings } from './web-session.js';

/** The cookie's settings, and beside them when the session ends, in milliseconds since 1970. */
export interface StoredCookie extends CookieSettings {
  endsAt?: number | undefined;
}

/** Gives a cookie's settings to a request: one that is renewed runs out so long after it. */
export function cookieAt(now: number, stored: StoredCookie | undefined): CookieSettings {
  const { originalMaxAge, endsAt: _, ...rest }: StoredCookie = stored ?? { originalMaxAge: null };
  const expires = typeof originalMaxAge === 'number' ? new Date(now + originalMaxAge) : rest.expires;
  return { ...rest, originalMaxAge, ...(expires === undefined ? {} : { expires }) };
}

/**
 * express-session takes the age that it renews by from the clock again, and loses a millisecond or a pause of the process each time.
 * HTTP counts the age of cookies in seconds, so what is lost below that is not a change.
 */
const AGE_LOST_MS_MAX = 1_000;

/**
 * Takes what is kept of a request's cookie. express-session's own is a class that gives its settings by `toJSON`.
 *
 * @param before what is kept so far
 */
export function storedCookie(
  cookie: (CookieSettings & { readonly toJSON?: () => CookieSettings }) | undefined,
  before: StoredCookie | undefined,
  endsAt: number | undefined,
): StoredCookie | undefined {
  if (cookie === undefined && endsAt === undefined) return undefined;
  const given: CookieSettings = cookie?.toJSON?.() ?? cookie ?? { originalMaxAge: null };
  const stored: StoredCookie = { originalMaxAge: null };
  for (const [name, value] of Object.entries(given)) {
    // @fastify/session says the date twice
    if (name === 'originalExpires') continue;
    if (value !== undefined && typeof value !== 'function') (stored as unknown as Record<string, unknown>)[name] = value;
  }
  const { expires, originalMaxAge } = given;
  if (typeof originalMaxAge === 'number' || expires === null || expires === undefined) delete stored.expires;
  else stored.expires = new Date(expires);
  const lost = typeof originalMaxAge === 'number' ? (before?.originalMaxAge ?? NaN) - originalMaxAge : NaN;
  if (lost > 0 && lost < AGE_LOST_MS_MAX) stored.originalMaxAge = before!.originalMaxAge;
  if (endsAt !== undefined) stored.endsAt = endsAt;
  return stored;
}

export function isSameCookie(a: StoredCookie | undefined, b: StoredCookie | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
