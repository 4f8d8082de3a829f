/**
 * Records that nobody of this cluster wrote, or that do not stand where their writer put them.
 *
 * Invariant: every replica takes the same ones for foreign, and remembers them under the same id, so that the chain goes on over them. As
 * they say nothing of the record before them, they are taken only where that was read together with them.
 * What may be ours and cannot be read here, because its key or its release is not, is none of them: whoever went over it would claim
 * over commits that it does not know.
 */
import { TwinstateError } from '../shared/errors.js';
import type { Sequence } from '../shared/ids.js';
import { crc32 } from '../wire/checksum.js';
import { isSealed, keyUnknown, sealedUnder } from '../wire/sealing.js';
import type { Gap } from './applied.js';
import { decodeRecord } from './record.js';
import type { LogRecord, RecordId } from './record.js';

/** Says why a record is not applied that no conditional append can have put where it stands. */
export function outOfPlace(at: Sequence, claimed: Sequence, follows: Sequence): TwinstateError {
  return new TwinstateError('BYTES_CORRUPT', `record ${at} stands where no node can have put it`, {
    expected: `one that follows record ${follows}`,
    received: `one that follows record ${claimed}`,
    cure: 'find out who else publishes into the log; nothing of it was applied',
  });
}

/** Says that a record names none before it that could be believed: alone it may hide what stood between it and the one applied last. */
export function unplaced(at: Sequence, applied: Sequence): Gap {
  return { kind: 'unplaced', why: `nothing says that record ${at} stands right behind ${applied}` };
}

/** Reads a record, or says why it is none of ours, or may be one of ours that cannot be read here: see `mayBeOurs`. */
export function tryDecode(bytes: Uint8Array): LogRecord | TwinstateError {
  try {
    return decodeRecord(bytes);
  } catch (error) {
    if (isSealed(bytes)) return keyUnknown('a record', sealedUnder(bytes), 'no keys at all');
    if (error instanceof TwinstateError) return error;
    throw error;
  }
}

/** Says whether a record that cannot be read here may be one of ours: then nothing behind it may be said. */
export function mayBeOurs(error: TwinstateError): boolean {
  return error.code === 'KEY_UNKNOWN' || error.code === 'FORMAT_UNSUPPORTED';
}

/** Says whether a replica that remembers this id has met these bytes; what a stranger has copied has the id of a record in its place. */
export function isKnownBy(id: RecordId, bytes: Uint8Array): boolean {
  if (id === foreignId(bytes)) return true;
  const record = tryDecode(bytes);
  return !(record instanceof TwinstateError) && record.id === id;
}

/** Of a record that is none of ours. */
export function foreignId(bytes: Uint8Array): RecordId {
  return `?${crc32(bytes).toString(36)}.${bytes.byteLength}`;
}
