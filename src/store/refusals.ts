/** What a store says when it cannot do what it was asked: the errors of more than one of its files. */
import { ConflictError, TwinstateError } from '../shared/errors.js';
import type { Outcome } from '../shared/errors.js';
import type { SessionId } from '../shared/ids.js';
import type { EndReason } from '../node/cluster-node.js';
import { show } from './options.js';

const GONE_CURES: Readonly<Record<EndReason | 'unknown', string>> = {
  unknown: 'it was destroyed, or never created; create a new one',
  destroyed: 'it was destroyed; create a new one',
  idle: 'it expired, as nobody used it for its `ttl`; create a new one',
  age: 'it expired, as it reached its `maxAge`; create a new one',
};

const named = (id: SessionId): string => `session ${JSON.stringify(id)}`;

/** Destroying or creating it anew would lose it, and is refused, too. */
const UPGRADE = 'upgrade the nodes to the release that wrote it; until then it is kept as it is, and nothing of it is lost';

export function closed(outcome: Outcome | undefined): TwinstateError {
  return new TwinstateError('CLOSED', 'this store is closed', { outcome, cure: 'connect again' });
}

/** Of a call that ends or touches whatever is there. */
const STRAY =
  'an earlier try of this call may still arrive, and meet one that is created now: look at it again before relying on it';

/** @param ended why it is gone, where that is known */
export function gone(id: SessionId, outcome?: Outcome, ended?: EndReason): TwinstateError {
  const cure = outcome === 'unknown' ? STRAY : GONE_CURES[ended ?? 'unknown'];
  return new TwinstateError('SESSION_GONE', `there is no ${named(id)}`, { outcome, cure });
}

export function conflict(id: SessionId, base: number, current: number, slots: readonly string[], why: string): ConflictError {
  const met =
    slots.length > 0 || why === '' ? `another commit changed the same part of ${named(id)}` : `${named(id)} has changed`;
  const what = why === '' ? met : `${met}: ${why}`;
  return new ConflictError(
    what,
    base,
    current,
    slots,
    'use `update`, which runs its function again, or refresh and repeat the change',
  );
}

export function stale(id: SessionId, cause: TwinstateError | undefined): TwinstateError {
  return new TwinstateError('STALE_INSTANCE', `this instance of ${named(id)} is behind: a commit of it did not succeed`, {
    received: cause?.message,
    cure: 'call `refresh`, then make the change again',
    outcome: 'not-stored',
    cause,
  });
}

export function quarantined(id: SessionId, why: string): TwinstateError {
  return new TwinstateError('SESSION_QUARANTINED', `${named(id)} cannot be read`, {
    received: why,
    cure: 'destroy it and create it anew; all other sessions go on',
  });
}

/** A session that another release has stored, in a format that its primary, or who was asked, does not read. */
export function withheld(id: SessionId, format: string, outcome?: Outcome): TwinstateError {
  return new TwinstateError('FORMAT_UNSUPPORTED', `${named(id)} was written by another release of Twinstate`, {
    expected: 'a format that this release knows',
    received: format,
    outcome,
    cure: UPGRADE,
  });
}

export function unavailable(
  id: SessionId | undefined,
  why: string,
  outcome: Outcome | undefined,
  timeoutMs: number,
): TwinstateError {
  const what = id === undefined ? 'this call found no primary' : `no primary answered for ${named(id)}`;
  return new TwinstateError('UNAVAILABLE', what, {
    expected: `an answer within ${timeoutMs} ms`,
    received: why,
    outcome,
    cure: outcome === 'unknown' ? 'the change may have been stored: refresh before repeating it' : 'try again',
  });
}

export function forgotten(id: SessionId): TwinstateError {
  return new TwinstateError('UNAVAILABLE', `what became of this change of ${named(id)} is not known any more`, {
    expected: 'an answer to the first try',
    received: 'more commits of others since than are remembered',
    outcome: 'unknown',
    cure: 'the change may have been stored: refresh before repeating it',
  });
}

export function timedOut(doing: string, timeoutMs: number, outcome: Outcome | undefined): TwinstateError {
  return new TwinstateError('TIMEOUT', `the time of this call went by ${doing}`, {
    expected: `an end within ${timeoutMs} ms`,
    outcome,
    cure: 'give it more `timeoutMs`, or do less at once',
  });
}

export function notOpen(received: unknown): TwinstateError {
  return new TwinstateError('NOT_OPEN', 'this object is not a session of this store', {
    expected: 'an instance from `create`, `open` or `update`',
    received: show(received),
    cure: 'open it by its id; a copy of a session is not the session',
    outcome: 'not-stored',
  });
}

export function otherClass(id: SessionId, expected: string, received: string): TwinstateError {
  return new TwinstateError('CLASS_UNKNOWN', `${named(id)} is of another class`, {
    expected,
    received,
    cure: 'open it as what it is',
  });
}

export function unexpected(kind: string): TwinstateError {
  return new TwinstateError('INVARIANT_BROKEN', `a read was answered with ${kind}`, { cure: 'please report this' });
}
