/**
 * What another release of Twinstate has stored of a session, in a format that this one does not read.
 *
 * Invariant: it is *withheld*: served by nobody here, changed and ended by nobody here, and never written over, because whoever cannot
 * read it cannot know that what he has is newer. What the log says behind it stays in the log until somebody has read both. So a
 * release that is rolled back loses nothing that a later one has stored.
 */
import { TwinstateError } from '../shared/errors.js';
import { sequence } from '../shared/ids.js';
import type { Sequence, SessionId } from '../shared/ids.js';
import { crc32 } from '../wire/checksum.js';
import { ByteReader } from '../wire/reader.js';

/** What every release says of a stored session at the same place: see `encodeStored`. */
export interface StoredStanding {
  /** Of the session's last change. */
  readonly sequence: Sequence;
  /** Every record up to it is contained. */
  readonly trueUpTo: Sequence;
}

/** Reads what a stored session of another format says of itself; `undefined` where it says nothing that can be trusted. */
export function foreignStanding(bytes: Uint8Array, magic: number): StoredStanding | undefined {
  try {
    const body = bytes.subarray(0, Math.max(0, bytes.byteLength - 4));
    const tail = new ByteReader(bytes.subarray(body.byteLength), 'stored session');
    const from = new ByteReader(body, 'stored session');
    if (tail.u32() !== crc32(body) || from.u8() !== magic) return undefined;
    from.u8();
    return { sequence: sequence(from.varint()), trueUpTo: sequence(from.varint()) };
  } catch {
    return undefined;
  }
}

/** Of bytes that are whole, and of a format that this release does not know. */
export function otherFormat(what: string, known: number, received: number): TwinstateError {
  return new TwinstateError('FORMAT_UNSUPPORTED', `${what} was written by another release of Twinstate`, {
    expected: `format ${known}`,
    received: `format ${received}`,
    cure: UPGRADE,
  });
}

/** True of the reason for which a session is not served where another release can serve it. */
export function isWithheld(quarantine: TwinstateError | undefined): boolean {
  return quarantine?.code === 'FORMAT_UNSUPPORTED';
}

/** The error of everybody who asks for such a session. */
export function withheld(id: SessionId, cause: TwinstateError): TwinstateError {
  const { expected, received } = cause;
  const what = `session ${JSON.stringify(id)} was stored by another release of Twinstate, and is kept as it is`;
  return new TwinstateError('FORMAT_UNSUPPORTED', what, { expected, received, cure: UPGRADE, cause });
}

const UPGRADE = 'upgrade this process to the release that wrote it; until then nothing of it is lost';
