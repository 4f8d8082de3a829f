/**
 * What the processes of `npm run start:nats` say to each other.
 *
 * Invariant: a server process reports an attempt before it begins it and its result once it has one, so whatever a killed process
 * did not report is known to be unknown, and nothing is counted as acknowledged that was not.
 */

/** Milliseconds on a clock that all processes of this machine share. */
export const nowMs = (): number => performance.timeOrigin + performance.now();

export type ToServer =
  | { readonly type: 'create'; readonly sessions: number }
  /** Changes sessions, so many at a time, until told to stop. */
  | { readonly type: 'load'; readonly ids: readonly string[]; readonly workers: number }
  /** Changes each of these once, all at the same time. */
  | { readonly type: 'change'; readonly ids: readonly string[] }
  | { readonly type: 'stop' }
  /** Reads sessions back. */
  | { readonly type: 'read'; readonly ids: readonly string[] }
  | { readonly type: 'leave' };

export type FromServer =
  | { readonly type: 'ready'; readonly node: string }
  | { readonly type: 'role'; readonly partition: number; readonly leads: boolean }
  | { readonly type: 'created'; readonly ids: readonly string[] }
  | { readonly type: 'attempt'; readonly op: string; readonly id: string; readonly atMs: number }
  | {
      readonly type: 'result';
      readonly op: string;
      readonly outcome: 'acknowledged' | 'not-stored' | 'unknown';
      readonly atMs: number;
      readonly why?: string;
    }
  | { readonly type: 'stopped' }
  | { readonly type: 'state'; readonly states: readonly SessionFound[] }
  | { readonly type: 'failed'; readonly message: string };

export interface SessionFound {
  readonly id: string;
  /** Absent where there is no such session. */
  readonly version?: number;
  /** The operations that it holds, in order. */
  readonly ops: readonly string[];
  /** Each operation added one. */
  readonly sum: number;
  /** Its shared reference is one object still, its dates are dates. */
  readonly intact: boolean;
}
