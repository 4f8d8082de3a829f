/**
 * The session classes of web applications.
 *
 * Invariant: a web session holds its cookie's settings beside its data. When the cookie runs out is worked out where somebody reads
 * it, so that a request that changes nothing changes nothing.
 */
import { defineSession, Mutable } from '../index.js';

/** What a cookie is set with; the names are those of express-session and @fastify/session. */
export interface CookieSettings {
  /** Milliseconds, or null for a cookie that ends with the browser. */
  originalMaxAge: number | null;
  expires?: Date | null | undefined;
  secure?: boolean | 'auto' | undefined;
  httpOnly?: boolean | undefined;
  path?: string | undefined;
  domain?: string | undefined;
  sameSite?: boolean | 'lax' | 'strict' | 'none' | 'auto' | undefined;
  partitioned?: boolean | undefined;
  priority?: 'low' | 'medium' | 'high' | undefined;
}

/** To be extended by classes that describe a web session: `@Session() class UserSession extends WebSession { … }`. */
export class WebSession {
  @Mutable({ merge: 'last' }) cookie?: CookieSettings;
}

/**
 * A session of any data: each key is an attribute. What requests in parallel change is kept of all of them; of the same value, the
 * last one's.
 */
export class HttpSession extends WebSession {
  [key: string]: unknown;
}
// `[key: string]` has no keys that could be listed
defineSession(HttpSession, { name: 'http-session', ttl: '1d', mutable: { '*': { merge: 'last' } } });
