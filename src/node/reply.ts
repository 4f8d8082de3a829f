/**
 * What a process answers, and its bytes: the same frame as `message.ts`, the kind of the request.
 *
 * Invariant: a reply that cannot be read counts as lost; the asker asks again.
 */
import { copyBytes } from '../shared/bytes.js';
import { ERROR_CODES } from '../shared/errors.js';
import type { ErrorCode } from '../shared/errors.js';
import { nodeId, partition, sequence, sessionId, version } from '../shared/ids.js';
import type { NodeId, Partition, SessionId } from '../shared/ids.js';
import { END_REASONS } from '../replication/lifetime.js';
import type { EndReason } from '../replication/lifetime.js';
import type { Answer, ReadAnswer } from '../replication/operation.js';
import type { VersionedDelta } from '../replication/session-state.js';
import { ByteReader } from '../wire/reader.js';
import type { ByteWriter } from '../wire/writer.js';
import { BATCH_PARTS_MAX, oneOf, openMessage, readKind } from './message.js';
import { readStatus, writeStatus } from './status.js';
import type { NodeStatus } from './status.js';

export type Reply =
  | { readonly kind: 'operate'; readonly answer: Answer }
  | { readonly kind: 'read'; readonly answer: ReadAnswer }
  /** `undefined`: this node does not lead the partition. */
  | {
      readonly kind: 'list';
      readonly ids: readonly SessionId[] | undefined;
      readonly total: number;
      readonly hint: NodeId | undefined;
    }
  | { readonly kind: 'probe'; readonly leads: readonly Partition[] }
  | { readonly kind: 'status'; readonly status: NodeStatus }
  /** Whether the receiver will try to lead. */
  | { readonly kind: 'invite'; readonly agreed: boolean }
  /** The request was unreadable. */
  | { readonly kind: 'malformed'; readonly why: string }
  /** To each request of a batch, in its order. */
  | { readonly kind: 'batch'; readonly parts: readonly Reply[] }
  /** In a batch: the answer takes longer, or is longer, than the others should wait for; ask once more, and alone. */
  | { readonly kind: 'pending' };

/** Bytes of a batch's reply, about. */
const BATCH_REPLY_BYTES_MAX = 512 * 1024;
const PENDING = openMessage('pending').finish();

const ANSWERS = ['done', 'conflict', 'gone', 'exists', 'refused', 'stored', 'retry'] as const;
const READ_ANSWERS = ['same', 'deltas', 'snapshot', 'gone', 'quarantined', 'retry', 'withheld'] as const;

export function encodeReply(reply: Reply): Uint8Array {
  const out = openMessage(reply.kind);
  switch (reply.kind) {
    case 'operate':
      writeAnswer(out, reply.answer);
      break;
    case 'read':
      writeReadAnswer(out, reply.answer);
      break;
    case 'list':
      out.u8(reply.ids === undefined ? 0 : 1);
      out.varint(reply.ids?.length ?? 0);
      for (const id of reply.ids ?? []) out.string(id);
      out.varint(reply.total);
      out.string(reply.hint ?? '');
      break;
    case 'probe':
      out.varint(reply.leads.length);
      for (const each of reply.leads) out.varint(each);
      break;
    case 'status':
      writeStatus(out, reply.status);
      break;
    case 'invite':
      out.u8(reply.agreed ? 1 : 0);
      break;
    case 'malformed':
      out.string(reply.why);
      break;
    case 'batch':
      writeParts(out, reply.parts);
      break;
    case 'pending':
      break;
  }
  return out.finish();
}

/** What would make the reply longer than one message should be is asked for once more, alone. */
function writeParts(out: ByteWriter, parts: readonly Reply[]): void {
  out.varint(parts.length);
  for (const part of parts) {
    const bytes = out.length < BATCH_REPLY_BYTES_MAX ? encodeReply(part) : PENDING;
    out.bytes(out.length + bytes.byteLength < BATCH_REPLY_BYTES_MAX ? bytes : PENDING);
  }
}

/** @throws {TwinstateError} `BYTES_CORRUPT`, whatever the bytes */
export function decodeReply(bytes: Uint8Array): Reply {
  const from = new ByteReader(bytes, 'reply');
  const kind = readKind(from);
  if (kind === 'batch') return readParts(from);
  let reply: Reply;
  if (kind === 'operate') reply = { kind, answer: readAnswer(from) };
  else if (kind === 'read') reply = { kind, answer: readReadAnswer(from) };
  else if (kind === 'list') {
    const leads = from.u8() === 1;
    const ids: SessionId[] = [];
    const count = from.count();
    for (let i = 0; i < count; i++) ids.push(sessionId(from.string()));
    reply = { kind, ids: leads ? ids : undefined, total: from.varint(), hint: readHint(from) };
  } else if (kind === 'probe') {
    const count = from.count();
    const leads: Partition[] = [];
    for (let i = 0; i < count; i++) leads.push(partition(from.varint()));
    reply = { kind, leads };
  } else if (kind === 'status') reply = { kind, status: readStatus(from) };
  else if (kind === 'invite') reply = { kind, agreed: from.u8() === 1 };
  else if (kind === 'malformed') reply = { kind, why: from.string() };
  else if (kind === 'pending') reply = { kind };
  else reply = from.fail('a reply', `a message of kind ${kind}`);
  from.end();
  return reply;
}

function readParts(from: ByteReader): Reply {
  const count = from.count();
  if (count > BATCH_PARTS_MAX) from.fail(`at most ${BATCH_PARTS_MAX} replies in a batch`, `${count}`);
  const parts: Reply[] = [];
  for (let i = 0; i < count; i++) {
    const part = from.bytes();
    if (isBatch(part)) from.fail('a reply to one request', 'a batch within a batch');
    parts.push(decodeReply(part));
  }
  from.end();
  return { kind: 'batch', parts };
}

function isBatch(bytes: Uint8Array): boolean {
  return readKind(new ByteReader(bytes, 'reply in a batch')) === 'batch';
}

function writeAnswer(out: ByteWriter, answer: Answer): void {
  out.u8(ANSWERS.indexOf(answer.kind));
  switch (answer.kind) {
    case 'done':
      out.varint(answer.version);
      out.varint(answer.incarnation);
      out.u8(answer.merged ? 1 : 0);
      writeDeltas(out, answer.others);
      out.u8(answer.rewritten === undefined ? 0 : 1);
      if (answer.rewritten !== undefined) out.bytes(answer.rewritten);
      break;
    case 'conflict':
      out.varint(answer.version);
      out.varint(answer.slots.length);
      for (const slot of answer.slots) out.string(slot);
      out.string(answer.why);
      break;
    case 'refused':
      // by name: two versions of the library may count their codes differently
      out.string(answer.code);
      out.string(answer.why);
      break;
    case 'stored':
      out.varint(answer.version);
      break;
    case 'retry':
      out.u8(answer.clean ? 1 : 0);
      out.string(answer.hint ?? '');
      out.string(answer.why);
      break;
    case 'gone':
      writeEnd(out, answer.ended);
      break;
    case 'exists':
      break;
  }
}

function readAnswer(from: ByteReader): Answer {
  const kind = oneOf(from, ANSWERS);
  switch (kind) {
    case 'done': {
      const at = version(from.varint());
      const incarnation = sequence(from.varint());
      const merged = from.u8() === 1;
      const others = readDeltas(from);
      const rewritten = from.u8() === 1 ? copyBytes(from.bytes()) : undefined;
      return { kind, version: at, incarnation, merged, others, rewritten };
    }
    case 'conflict': {
      const at = version(from.varint());
      const slots: string[] = [];
      const count = from.count();
      for (let i = 0; i < count; i++) slots.push(from.string());
      return { kind, version: at, slots, why: from.string() };
    }
    case 'refused': {
      const name = from.string();
      const code: ErrorCode | undefined = ERROR_CODES.find((each) => each === name);
      const why = from.string();
      // a newer version may have more of them; refused is refused
      return code === undefined ? { kind, code: 'ENGINE_FAILED', why: `${name}: ${why}` } : { kind, code, why };
    }
    case 'stored':
      return { kind, version: version(from.varint()) };
    case 'retry':
      return { kind, clean: from.u8() === 1, hint: readHint(from), why: from.string() };
    case 'gone':
      return { kind, ended: readEnd(from) };
    default:
      return { kind };
  }
}

function writeReadAnswer(out: ByteWriter, answer: ReadAnswer): void {
  out.u8(READ_ANSWERS.indexOf(answer.kind));
  if (answer.kind === 'same' || answer.kind === 'deltas' || answer.kind === 'snapshot') {
    out.varint(answer.version);
    out.varint(answer.incarnation);
  }
  if (answer.kind === 'deltas') writeDeltas(out, answer.deltas);
  if (answer.kind === 'snapshot') {
    out.string(answer.className);
    out.bytes(answer.snapshot);
  }
  if (answer.kind === 'gone') writeEnd(out, answer.ended);
  if (answer.kind === 'quarantined' || answer.kind === 'withheld') out.string(answer.why);
  if (answer.kind === 'retry') {
    out.string(answer.hint ?? '');
    out.string(answer.why);
  }
}

function readReadAnswer(from: ByteReader): ReadAnswer {
  const kind = oneOf(from, READ_ANSWERS);
  if (kind === 'gone') return { kind, ended: readEnd(from) };
  if (kind === 'quarantined' || kind === 'withheld') return { kind, why: from.string() };
  if (kind === 'retry') return { kind, hint: readHint(from), why: from.string() };
  const at = version(from.varint());
  const incarnation = sequence(from.varint());
  if (kind === 'same') return { kind, version: at, incarnation };
  if (kind === 'deltas') return { kind, version: at, incarnation, deltas: readDeltas(from) };
  return { kind, version: at, incarnation, className: from.string(), snapshot: copyBytes(from.bytes()) };
}

function writeDeltas(out: ByteWriter, deltas: readonly VersionedDelta[]): void {
  out.varint(deltas.length);
  for (const each of deltas) {
    out.varint(each.version);
    out.bytes(each.delta);
  }
}

function readDeltas(from: ByteReader): VersionedDelta[] {
  const count = from.count(2);
  const deltas: VersionedDelta[] = [];
  for (let i = 0; i < count; i++) deltas.push({ version: version(from.varint()), delta: copyBytes(from.bytes()) });
  return deltas;
}

function writeEnd(out: ByteWriter, ended: EndReason | undefined): void {
  out.u8(ended === undefined ? 0 : END_REASONS.indexOf(ended) + 1);
}

function readEnd(from: ByteReader): EndReason | undefined {
  const code = from.u8();
  return code === 0 ? undefined : (END_REASONS[code - 1] ?? from.fail('a reason from 0 to 3', `${code}`));
}

function readHint(from: ByteReader): NodeId | undefined {
  const hint = from.string();
  return hint === '' ? undefined : nodeId(hint);
}
