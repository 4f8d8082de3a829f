/**
 * How long a session lives, and what counts: the rules of expiry, without any state.
 *
 * Invariant: a session whose last acknowledged use was less than `ttlMs` ago is never over, whichever node looks, as long as the
 * wall clocks of the nodes differ by at most `clockSkewMs`. A use is recorded only if the recorded one is older than a sixteenth of
 * `ttlMs`, and every replica grants that sixteenth to everybody; so nothing that only one node knows matters after a takeover. What
 * an earlier primary has stamped is granted the clocks' difference, too. Jitter, by the id's hash, makes a session later, never
 * earlier.
 */
import type { Epoch, Sequence } from '../shared/ids.js';
import type { ByteReader } from '../wire/reader.js';
import type { ByteWriter } from '../wire/writer.js';

/** How long sessions of one class live, in milliseconds; 0: without end. Fixed when a session is created. */
export interface Lifetime {
  /** Without being used. */
  readonly ttlMs: number;
  /** Since it was created, however much it is used. */
  readonly maxAgeMs: number;
}

export const NO_LIFETIME: Lifetime = { ttlMs: 0, maxAgeMs: 0 };

/** Why a session is over: somebody destroyed it, nobody used it for its `ttl`, or it reached its `maxAge`. */
export type EndReason = 'destroyed' | 'idle' | 'age';
/** Their numbers on the wire, from 1; 0 is a session that lives. */
export const END_REASONS: readonly EndReason[] = ['destroyed', 'idle', 'age'];

/** Where a session stands in its life, by wall-clock milliseconds of the primaries that wrote it. */
export interface Life {
  readonly lifetime: Lifetime;
  readonly createdAtMs: number;
  /** Its last recorded use. */
  readonly touchedAtMs: number;
  /** The record that created it, and the one that changed it last: in whose terms the two times were stamped. */
  readonly incarnation: Sequence;
  readonly sequence: Sequence;
}

/** Whose clock looks. */
export interface Watch {
  readonly wallMs: number;
  /** The term that this clock stamps; what was stamped before it, another clock may have stamped. */
  readonly term: Epoch;
  /** How much two clocks may differ. */
  readonly clockSkewMs: number;
}

/** The part of `ttlMs` that passes before a use is recorded again. */
const UNRECORDED_SHARE = 1 / 16;
/** The part over which sessions that fall due together are spread. */
const JITTER_SHARE = 1 / 16;

/** Whether a use at this moment has to be recorded, or the recorded one stands for it. */
export function useIsDue({ lifetime, touchedAtMs }: Pick<Life, 'lifetime' | 'touchedAtMs'>, wallMs: number): boolean {
  return lifetime.ttlMs > 0 && wallMs - touchedAtMs >= lifetime.ttlMs * UNRECORDED_SHARE;
}

/** When a session of this hash is over at the earliest, if it is not used before; `Infinity` where it has no end. */
export function deadlineMs({ lifetime: { ttlMs, maxAgeMs }, createdAtMs, touchedAtMs }: Life, hash: number): number {
  return Math.min(idleDeadlineMs(touchedAtMs, ttlMs, hash), ageDeadlineMs(createdAtMs, maxAgeMs, hash));
}

/** Why a session of this hash is over by this clock, if it is. */
export function endOf(life: Life, hash: number, watch: Watch): Exclude<EndReason, 'destroyed'> | undefined {
  const { lifetime, createdAtMs, touchedAtMs, incarnation, sequence } = life;
  if (watch.wallMs >= ageDeadlineMs(createdAtMs, lifetime.maxAgeMs, hash) + graceMs(incarnation, watch)) return 'age';
  return watch.wallMs >= idleDeadlineMs(touchedAtMs, lifetime.ttlMs, hash) + graceMs(sequence, watch) ? 'idle' : undefined;
}

function graceMs(stampedAt: Sequence, { term, clockSkewMs }: Watch): number {
  return stampedAt > term ? 0 : clockSkewMs;
}

function idleDeadlineMs(touchedAtMs: number, ttlMs: number, hash: number): number {
  return ttlMs === 0 ? Infinity : touchedAtMs + ttlMs * (1 + UNRECORDED_SHARE + JITTER_SHARE * spread(hash));
}

function ageDeadlineMs(createdAtMs: number, maxAgeMs: number, hash: number): number {
  return maxAgeMs === 0 ? Infinity : createdAtMs + maxAgeMs * (1 + JITTER_SHARE * spread(hash));
}

/** In [0, 1), the same for the same id everywhere. All ids of a partition agree in their hash's remainder: upper bits decide. */
function spread(hash: number): number {
  return (hash >>> 0) / 2 ** 32;
}

export function writeLifetime(out: ByteWriter, { ttlMs, maxAgeMs }: Lifetime): void {
  out.varint(ttlMs);
  out.varint(maxAgeMs);
}

export function readLifetime(from: ByteReader): Lifetime {
  const ttlMs = from.varint();
  const maxAgeMs = from.varint();
  return ttlMs === 0 && maxAgeMs === 0 ? NO_LIFETIME : { ttlMs, maxAgeMs };
}
