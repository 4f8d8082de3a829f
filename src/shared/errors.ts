/**
 * The one error type of Twinstate and its closed list of codes.
 *
 * Invariant: whatever a caller can catch from a public function is a `TwinstateError`. Its message names what was expected, what
 * came and the cure, and for a write its `outcome` is true: `not-stored` is said only when the change can never appear.
 */

/** Every code a `TwinstateError` can carry. The list is closed: adding one is a change of the public API. */
export const ERROR_CODES = [
  // declarations, found before anything runs
  'DECLARATION_INVALID',
  'NOT_A_SESSION',
  'NOT_CONSTRUCTIBLE',
  'OPTION_INVALID',
  // values
  'ATTRIBUTE_MISSING',
  'ATTRIBUTE_UNKNOWN',
  'IMMUTABLE_CHANGED',
  'VALUE_UNSUPPORTED',
  'CLASS_UNKNOWN',
  'LIMIT_EXCEEDED',
  // bytes
  'BYTES_CORRUPT',
  'FORMAT_UNSUPPORTED',
  'DELTA_MISMATCH',
  'FINGERPRINT_MISMATCH',
  'KEY_UNKNOWN',
  // sessions
  'SESSION_EXISTS',
  'SESSION_GONE',
  'SESSION_QUARANTINED',
  'STALE_INSTANCE',
  'NOT_OPEN',
  'CONFLICT',
  // cluster
  'EPOCH_FENCED',
  'NOT_ENOUGH_BACKUPS',
  'UNAVAILABLE',
  'TIMEOUT',
  'ABORTED',
  'CLOSED',
  'CLUSTER_MISMATCH',
  'LOG_LOST',
  'ENGINE_UNSUPPORTED',
  'ENGINE_FAILED',
  // a fault of Twinstate itself
  'INVARIANT_BROKEN',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** What became of a write whose promise rejected. */
export type Outcome = 'not-stored' | 'stored' | 'unknown';

export interface ErrorDetails {
  /** What would have been right. */
  readonly expected?: string | undefined;
  /** What came instead. */
  readonly received?: string | undefined;
  /** What the caller can do about it. */
  readonly cure?: string | undefined;
  /** Where in a session's graph, as people write it: `items[3].qty`. */
  readonly path?: string | undefined;
  /** Only on writes. */
  readonly outcome?: Outcome | undefined;
  /** The version that was stored, where `outcome` is `stored`, or the one that the write met. */
  readonly version?: number | undefined;
  readonly cause?: unknown;
}

/** The error that every Twinstate promise rejects with and every Twinstate function throws. */
export class TwinstateError extends Error {
  override readonly name: string = 'TwinstateError';
  readonly code: ErrorCode;
  readonly outcome: Outcome | undefined;
  readonly expected: string | undefined;
  readonly received: string | undefined;
  readonly cure: string | undefined;
  readonly path: string | undefined;
  readonly version: number | undefined;

  /** Writes the message as `[CODE] what: expected …, received …; cure`. */
  constructor(code: ErrorCode, what: string, details: ErrorDetails = {}) {
    super(compose(code, what, details), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.outcome = details.outcome;
    this.expected = details.expected;
    this.received = details.received;
    this.cure = details.cure;
    this.path = details.path;
    this.version = details.version;
  }
}

/**
 * Runs the part of a write that happens before anything is sent: whatever it throws, nothing was stored.
 *
 * @throws {TwinstateError} what `fn` throws, with its `outcome`
 */
export function beforeSending<T>(fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (error instanceof TwinstateError && error.outcome === undefined)
      Object.defineProperty(error, 'outcome', { value: 'not-stored', enumerable: true });
    throw error;
  }
}

/** A commit met another one that changed the same slots. `update` catches it and runs again. */
export class ConflictError extends TwinstateError {
  override readonly name = 'ConflictError';
  /** The version that the commit was based on. */
  readonly base: number;
  /** The slots that both changed, as people write them, where they are known. */
  readonly slots: readonly string[];

  constructor(what: string, base: number, current: number, slots: readonly string[], cure: string) {
    super('CONFLICT', what, {
      expected: `a base of version ${current}`,
      received: `a base of version ${base}${slots.length > 0 ? ` that also changed ${slots.join(', ')}` : ''}`,
      cure,
      outcome: 'not-stored',
      version: current,
    });
    this.base = base;
    this.slots = slots;
  }
}

function compose(code: ErrorCode, what: string, { expected, received, cure, path }: ErrorDetails): string {
  let message = `[${code}] ${what}`;
  if (path !== undefined) message += ` at ${path}`;
  if (expected !== undefined || received !== undefined) {
    const parts = [];
    if (expected !== undefined) parts.push(`expected ${expected}`);
    if (received !== undefined) parts.push(`received ${received}`);
    message += `: ${parts.join(', ')}`;
  }
  if (cure !== undefined) message += `; ${cure}`;
  return message;
}
