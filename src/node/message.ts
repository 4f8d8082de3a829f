/**
 * What processes of one cluster say to each other over the bus, and its bytes.
 *
 * Invariant: a message that cannot be read is refused with `BYTES_CORRUPT` before anything is done. No message decides anything
 * that the log decides; every one may be lost, late or repeated.
 *
 * Bytes: magic `0x4D`, format, kind, body. Integers are varints, strings UTF-8 with their length in front. A reply has the kind of
 * its request. A batch is a count and that many requests, each with its length; only operations and reads travel so, never batches.
 */
import { copyBytes } from '../shared/bytes.js';
import { epoch, nodeId, partition, sequence, sessionId, version } from '../shared/ids.js';
import type { Epoch, NodeId, Partition, Sequence, Version } from '../shared/ids.js';
import type { Heartbeat } from '../replication/membership.js';
import { readLifetime, NO_LIFETIME, writeLifetime } from '../replication/lifetime.js';
import type { Recall } from '../replication/seed-choice.js';
import type { Consistency, Operation, OperationKind, Read } from '../replication/operation.js';
import { ByteReader } from '../wire/reader.js';
import { ByteWriter } from '../wire/writer.js';

/** One partition's term, as somebody believes it. */
export interface Term {
  readonly partition: Partition;
  readonly epoch: Epoch;
}

export type Message =
  | { readonly kind: 'heartbeat'; readonly heartbeat: Heartbeat }
  /** `attempt` counts the sendings of one operation. */
  | { readonly kind: 'operate'; readonly partition: Partition; readonly operation: Operation; readonly attempt: number }
  /** `waitMs`: while the asker's version is the newest, the answer may wait for a newer one for so long. */
  | { readonly kind: 'read'; readonly partition: Partition; readonly read: Read; readonly waitMs: number }
  | {
      readonly kind: 'list';
      readonly partition: Partition;
      readonly className: string;
      readonly after: string;
      readonly limit: number;
    }
  | { readonly kind: 'probe'; readonly terms: readonly Term[] }
  /** What do you know of yourself? */
  | { readonly kind: 'status' }
  | { readonly kind: 'recall'; readonly partition: Partition; readonly recall: Recall }
  | { readonly kind: 'report'; readonly term: Term; readonly from: NodeId; readonly position: Sequence }
  /** The primary `from` has stopped at `position` and asks the receiver to lead. */
  | { readonly kind: 'invite'; readonly term: Term; readonly from: NodeId; readonly position: Sequence }
  /** The primary `from` says that those who should hold the partition do: others may give it up. */
  | { readonly kind: 'release'; readonly term: Term; readonly from: NodeId }
  /** Several requests in one message. */
  | { readonly kind: 'batch'; readonly parts: readonly BatchPart[] };

export type SingleMessage = Exclude<Message, { kind: 'batch' }>;
export type BatchPart = Extract<Message, { kind: 'operate' | 'read' }>;
/** Requests in one batch, at most. */
export const BATCH_PARTS_MAX = 256;

/** Of a node's id, a client's name, and the like. */
export const NAME_CHARS_MAX = 512;

const MAGIC = 0x4d;
const FORMAT = 1;
const KINDS = [
  'heartbeat',
  'operate',
  'read',
  'list',
  'probe',
  'report',
  'malformed',
  'batch',
  'pending',
  'recall',
  'invite',
  'release',
  'status',
] as const;
export type MessageKind = (typeof KINDS)[number];
/** Flags of a heartbeat. */
const CLIENT = 1;
const LEAVING = 2;
const DRAINING = 4;
const OPERATIONS: readonly OperationKind[] = ['create', 'commit', 'touch', 'destroy', 'adopt', 'forget'];
const RECALLS: readonly Recall['state'][] = ['none', 'claiming', 'lost', 'seeding', 'here'];
const CONSISTENCIES: readonly Consistency[] = ['strong', 'primary', 'local'];

export function encodeMessage(message: Message): Uint8Array {
  if (message.kind === 'batch') return encodeBatch(message.parts.map(encodeMessage));
  const out = openMessage(message.kind);
  switch (message.kind) {
    case 'heartbeat': {
      const { node, role, leaving, draining, count, leads } = message.heartbeat;
      out.string(node);
      out.u8((role === 'client' ? CLIENT : 0) | (leaving ? LEAVING : 0) | (draining ? DRAINING : 0));
      out.varint(count);
      writeTerms(out, leads);
      break;
    }
    case 'operate': {
      const { kind, session, op, base, className, payload, backups, waitMs, rebased } = message.operation;
      out.varint(message.partition);
      out.u8(OPERATIONS.indexOf(kind));
      out.string(session);
      out.string(op.client);
      out.varint(op.counter);
      writeBase(out, base);
      out.string(className);
      out.bytes(payload);
      out.varint(backups);
      out.varint(Math.max(0, Math.floor(waitMs)));
      out.u8(rebased ? 1 : 0);
      if (kind === 'create') writeLifetime(out, message.operation.lifetime ?? NO_LIFETIME);
      out.varint(message.attempt);
      break;
    }
    case 'read': {
      const { session, consistency, known, atLeast, use } = message.read;
      out.varint(message.partition);
      out.string(session);
      out.u8(CONSISTENCIES.indexOf(consistency));
      writeBase(out, known);
      out.varint(atLeast ?? 0);
      out.u8(use === true ? 1 : 0);
      out.varint(Math.floor(message.waitMs));
      break;
    }
    case 'list':
      out.varint(message.partition);
      out.string(message.className);
      out.string(message.after);
      out.varint(message.limit);
      break;
    case 'probe':
      writeTerms(out, message.terms);
      break;
    case 'status':
      break;
    case 'recall': {
      const { node, state, generation, epoch: term, position, identity } = message.recall;
      out.varint(message.partition);
      out.string(node);
      out.u8(RECALLS.indexOf(state));
      out.varint(generation);
      out.varint(term);
      out.varint(position);
      out.string(identity);
      break;
    }
    case 'report':
    case 'invite':
      writeTerms(out, [message.term]);
      out.string(message.from);
      out.varint(message.position);
      break;
    case 'release':
      writeTerms(out, [message.term]);
      out.string(message.from);
      break;
  }
  return out.finish();
}

/** @param parts messages as `encodeMessage` made them, at most `BATCH_PARTS_MAX` */
export function encodeBatch(parts: readonly Uint8Array[]): Uint8Array {
  const out = openMessage('batch');
  out.varint(parts.length);
  for (const part of parts) out.bytes(part);
  return out.finish();
}

/** @throws {TwinstateError} `BYTES_CORRUPT`, whatever the bytes */
export function decodeMessage(bytes: Uint8Array): Message {
  const from = new ByteReader(bytes, 'message');
  const kind = readKind(from);
  const message = readMessage(from, kind);
  from.end();
  return message;
}

function readMessage(from: ByteReader, kind: MessageKind): Message {
  switch (kind) {
    case 'heartbeat': {
      const node = nodeId(shortString(from));
      const flags = from.u8();
      const count = from.varint();
      const leads = readTerms(from);
      const role = (flags & CLIENT) !== 0 ? 'client' : 'node';
      const leaving = (flags & LEAVING) !== 0;
      return { kind, heartbeat: { node, role, leaving, draining: (flags & DRAINING) !== 0, count, leads } };
    }
    case 'operate': {
      const at = partition(from.varint());
      const operation: Operation = {
        kind: oneOf(from, OPERATIONS),
        session: sessionId(from.string()),
        op: { client: shortString(from), counter: from.varint() },
        base: readBase(from),
        className: from.string(),
        payload: copyBytes(from.bytes()),
        backups: from.varint(),
        waitMs: from.varint(),
        rebased: from.u8() === 1,
      };
      const whole = operation.kind === 'create' ? { ...operation, lifetime: readLifetime(from) } : operation;
      return { kind, partition: at, operation: whole, attempt: from.varint() };
    }
    case 'read': {
      const at = partition(from.varint());
      const session = sessionId(from.string());
      const consistency = oneOf(from, CONSISTENCIES);
      const known = readBase(from);
      const atLeast = from.varint();
      return {
        kind,
        partition: at,
        read: { session, consistency, known, atLeast: atLeast === 0 ? undefined : version(atLeast), use: from.u8() === 1 },
        waitMs: from.varint(),
      };
    }
    case 'list':
      return { kind, partition: partition(from.varint()), className: from.string(), after: from.string(), limit: from.varint() };
    case 'probe':
      return { kind, terms: readTerms(from) };
    case 'status':
      return { kind };
    case 'recall': {
      const at = partition(from.varint());
      const recall: Recall = {
        node: nodeId(shortString(from)),
        state: oneOf(from, RECALLS),
        generation: from.varint(),
        epoch: epoch(from.varint()),
        position: sequence(from.varint()),
        identity: shortString(from),
      };
      return { kind, partition: at, recall };
    }
    case 'report':
    case 'invite':
      return { kind, term: readTerm(from), from: nodeId(shortString(from)), position: sequence(from.varint()) };
    case 'release':
      return { kind, term: readTerm(from), from: nodeId(shortString(from)) };
    case 'batch': {
      const count = from.count();
      if (count === 0 || count > BATCH_PARTS_MAX) from.fail(`1 to ${BATCH_PARTS_MAX} requests in a batch`, `${count}`);
      const parts: BatchPart[] = [];
      for (let i = 0; i < count; i++) parts.push(readPart(from.bytes()));
      return { kind, parts };
    }
    default:
      return from.fail('a request', `a message of kind ${kind}`);
  }
}

/** No batch within a batch: what strangers nest is refused at the first level. */
function readPart(bytes: Uint8Array): BatchPart {
  const from = new ByteReader(bytes, 'message in a batch');
  const kind = readKind(from);
  if (kind !== 'operate' && kind !== 'read') return from.fail('an operation or a read', `a message of kind ${kind}`);
  const message = readMessage(from, kind) as BatchPart;
  from.end();
  return message;
}

/** Begins a message or a reply. */
export function openMessage(kind: MessageKind): ByteWriter {
  const out = new ByteWriter(128);
  out.u8(MAGIC);
  out.u8(FORMAT);
  out.u8(KINDS.indexOf(kind));
  return out;
}

/** Reads what `openMessage` wrote. */
export function readKind(from: ByteReader): MessageKind {
  const magic = from.u8();
  const format = from.u8();
  if (magic !== MAGIC || format !== FORMAT) from.fail(`magic ${MAGIC} and format ${FORMAT}`, `${magic} and ${format}`);
  return oneOf(from, KINDS);
}

export function oneOf<T>(from: ByteReader, values: readonly T[]): T {
  const code = from.u8();
  return values[code] ?? from.fail(`a code below ${values.length}`, `${code}`);
}

/** Names that are remembered for a while: strangers choose how many there are, but not how long they are. */
function shortString(from: ByteReader): string {
  const text = from.string();
  return text.length <= NAME_CHARS_MAX ? text : from.fail(`a name of at most ${NAME_CHARS_MAX} characters`, `${text.length}`);
}

function writeTerms(out: ByteWriter, terms: readonly Term[]): void {
  out.varint(terms.length);
  for (const term of terms) {
    out.varint(term.partition);
    out.varint(term.epoch);
  }
}

function readTerm(from: ByteReader): Term {
  const [term] = readTerms(from);
  return term ?? from.fail('one term', 'none');
}

function readTerms(from: ByteReader): Term[] {
  const count = from.count(2);
  const terms: Term[] = [];
  for (let i = 0; i < count; i++) terms.push({ partition: partition(from.varint()), epoch: epoch(from.varint()) });
  return terms;
}

/** 0 for none, else version + 1 and the incarnation. */
function writeBase(out: ByteWriter, base: { readonly version: Version; readonly incarnation: Sequence } | undefined): void {
  out.varint(base === undefined ? 0 : base.version + 1);
  if (base !== undefined) out.varint(base.incarnation);
}

function readBase(from: ByteReader): { readonly version: Version; readonly incarnation: Sequence } | undefined {
  const code = from.varint();
  return code === 0 ? undefined : { version: version(code - 1), incarnation: sequence(from.varint()) };
}
