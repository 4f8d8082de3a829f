/**
 * Splits what is larger than a message: its parts are stored first, then a small *head* that lists their sequences.
 *
 * Invariant: a head is stored only after all of its parts were acknowledged, and only the head is conditional, so the arbiter
 * stays one message. Stored messages begin with a marker byte: 0 whole, 1 head. What cannot be understood is handed to the caller
 * as it is, whose own decoder refuses it; nothing here throws for hostile bytes, and nothing is allocated by what they claim.
 */
import { ByteReader } from '../../wire/reader.js';
import { ByteWriter } from '../../wire/writer.js';
import { TwinstateError } from '../../shared/errors.js';
import type { JetStreamApi, Published } from './jetstream-api.js';

const WHOLE = 0;
const HEAD = 1;
/** A head that claims more is not believed. */
const SPLIT_BYTES_MAX = 256 * 1024 * 1024;
/** Parts on their way at once; a server's buffer for one client is finite. */
const PARTS_IN_FLIGHT = 4;

/** The sequences of the parts, in order, and the bytes that they make together. */
export interface Head {
  readonly totalBytes: number;
  readonly parts: readonly number[];
}

export type Stored = { readonly kind: 'whole'; readonly bytes: Uint8Array } | { readonly kind: 'head'; readonly head: Head };

/** What became of a stored message's content; `gone`: a part is missing. */
export type Assembled =
  { readonly kind: 'bytes'; readonly bytes: Uint8Array } | { readonly kind: 'gone' } | { readonly kind: 'silence' };

/** How many bytes of a payload are kept free for headers and framing. */
export function messageBytesMax(payloadBytesMax: number): number {
  return payloadBytesMax - Math.min(2048, payloadBytesMax >>> 2);
}

export function encodeWhole(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(1 + bytes.byteLength);
  out[0] = WHOLE;
  out.set(bytes, 1);
  return out;
}

export function encodeHead({ totalBytes, parts }: Head): Uint8Array {
  const writer = new ByteWriter(16 + parts.length * 4);
  writer.u8(HEAD);
  writer.varint(totalBytes);
  writer.varint(parts.length);
  let before = 0;
  for (const part of parts) {
    writer.varint(part - before);
    before = part;
  }
  return writer.finish();
}

/** Reads a stored message. Whatever is not understood is `whole`, as it came. @param sequence where it is stored */
export function decodeStored(data: Uint8Array, sequence: number): Stored {
  if (data[0] === WHOLE) return { kind: 'whole', bytes: data.subarray(1) };
  const head = data[0] === HEAD ? decodeHead(data, sequence) : undefined;
  return head === undefined ? { kind: 'whole', bytes: data } : { kind: 'head', head };
}

function decodeHead(data: Uint8Array, sequence: number): Head | undefined {
  try {
    const reader = new ByteReader(data, 'head of a split record');
    reader.u8();
    const totalBytes = reader.varint();
    const count = reader.count();
    const parts: number[] = [];
    let at = 0;
    for (let i = 0; i < count; i++) {
      const step = reader.varint();
      at += step;
      if (step === 0 || at >= sequence) return undefined;
      parts.push(at);
    }
    reader.end();
    return totalBytes > SPLIT_BYTES_MAX || totalBytes < count || count === 0 ? undefined : { totalBytes, parts };
  } catch {
    return undefined;
  }
}

/** Stores the parts of `bytes`. @param subjectOf the subject of the part with that number */
export async function storeParts(
  api: JetStreamApi,
  subjectOf: (index: number) => string,
  bytes: Uint8Array,
): Promise<Head | Exclude<Published, { kind: 'stored' }>> {
  if (bytes.byteLength > SPLIT_BYTES_MAX) {
    throw new TwinstateError('LIMIT_EXCEEDED', 'this is too large to be stored', {
      expected: `at most ${SPLIT_BYTES_MAX} bytes`,
      received: `${bytes.byteLength}`,
      cure: 'keep bulk data elsewhere and its address in the session',
      outcome: 'not-stored',
    });
  }
  const partBytes = messageBytesMax(api.link.payloadBytesMax);
  const count = Math.ceil(bytes.byteLength / partBytes);
  const parts: number[] = [];
  for (let first = 0; first < count; first += PARTS_IN_FLIGHT) {
    const batch: Promise<Published>[] = [];
    for (let i = first; i < Math.min(count, first + PARTS_IN_FLIGHT); i++) {
      batch.push(api.publish(subjectOf(i), bytes.subarray(i * partBytes, (i + 1) * partBytes)));
    }
    for (const result of await Promise.all(batch)) {
      if (result.kind !== 'stored') return result;
      parts.push(result.sequence);
    }
  }
  // one connection's messages are stored in order; were they not, the head could not be written
  for (let i = 1; i < parts.length; i++) {
    if (parts[i]! <= parts[i - 1]!) return { kind: 'unknown', reason: 'the parts were stored out of order' };
  }
  return { totalBytes: bytes.byteLength, parts };
}

/** Reads parts and joins them. @param isPart whether a message of that subject may be a part of this */
export async function joinParts(
  api: JetStreamApi,
  stream: string,
  head: Head,
  isPart: (subject: string) => boolean,
): Promise<Assembled> {
  const found: Uint8Array[] = [];
  let length = 0;
  for (let first = 0; first < head.parts.length; first += PARTS_IN_FLIGHT) {
    const batch = head.parts.slice(first, first + PARTS_IN_FLIGHT).map((seq) => api.message(stream, { seq }));
    const messages = await Promise.all(batch);
    for (const message of messages) {
      if (message === undefined) return { kind: 'silence' };
      if (message === null || !isPart(message.subject)) return { kind: 'gone' };
      found.push(message.data);
      length += message.data.byteLength;
      if (length > head.totalBytes) return { kind: 'gone' };
    }
  }
  return length === head.totalBytes ? { kind: 'bytes', bytes: new Uint8Array(Buffer.concat(found)) } : { kind: 'gone' };
}
