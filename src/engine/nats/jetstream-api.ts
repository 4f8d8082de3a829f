/**
 * Calls the JetStream API of the server and reads its answers; only what Twinstate uses.
 *
 * Invariant: every answer becomes `ok`, `error` with the server's own code, or `silence`. Whether silence means "no" is for the
 * caller to know; here it never does. Messages are read through `STREAM.MSG.GET`, which the stream's leader answers, and never by
 * direct get, which any replica may answer with the past.
 */
import { headers } from 'nats';
import type { NatsLink } from './nats-link.js';

/** The server's `err_code`s that mean something here (nats-server, errors.json). */
export const API_ERROR = {
  streamNotFound: 10059,
  invalidConfig: 10052,
  noMessage: 10037,
  wrongLastSequence: 10071,
  /** The same refusal without the number, from 2.11 on. */
  wrongLastSequenceConstant: 10164,
  storeFailed: 10077,
  accountResources: 10002,
  insufficientResources: 10023,
  memoryResources: 10028,
  storageResources: 10047,
  replicasNeedCluster: 10074,
  noSuitablePeers: 10005,
  notEnabledForAccount: 10039,
  notEnabled: 10076,
} as const;

const FULL_CODES: readonly number[] = [
  API_ERROR.accountResources,
  API_ERROR.insufficientResources,
  API_ERROR.memoryResources,
  API_ERROR.storageResources,
];

export interface ApiError {
  readonly kind: 'error';
  readonly errCode: number;
  readonly description: string;
  /** Set by a caller that knows that a moment may mend it. */
  readonly transient?: boolean;
}

export interface Silence {
  readonly kind: 'silence';
  readonly reason: string;
  /** Nobody at all listens there: no JetStream, or no leader at the moment. */
  readonly noResponders: boolean;
}

export type ApiAnswer<T> = { readonly kind: 'ok'; readonly value: T } | ApiError | Silence;

export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
}

export type Published =
  | { readonly kind: 'stored'; readonly sequence: number }
  | { readonly kind: 'refused'; readonly reason: 'position' | 'full' }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Which message to read: an exact sequence, the last of a subject, or the next of a subject from a sequence on. */
export type MessageQuery =
  { readonly seq: number } | { readonly last_by_subj: string } | { readonly seq: number; readonly next_by_subj: string };

export class JetStreamApi {
  readonly link: NatsLink;

  constructor(link: NatsLink) {
    this.link = link;
  }

  async call<T>(name: string, body?: unknown): Promise<ApiAnswer<T>> {
    const data = body === undefined ? new Uint8Array(0) : Buffer.from(JSON.stringify(body));
    const answer = await this.link.request(`$JS.API.${name}`, data, { timeoutMs: this.link.timeoutMs });
    if (answer.kind === 'no-responders') return { kind: 'silence', reason: 'no JetStream leader answers', noResponders: true };
    if (answer.kind === 'silence') return { ...answer, noResponders: false };
    return parse<T>(answer.message.data);
  }

  /** `null`: the leader has no such message. `undefined`: it is not known. */
  async message(stream: string, query: MessageQuery): Promise<StoredMessage | null | undefined> {
    const answer = await this.call<{ message?: { subject?: unknown; seq?: unknown; data?: unknown } }>(
      `STREAM.MSG.GET.${stream}`,
      query,
    );
    if (answer.kind === 'error') return answer.errCode === API_ERROR.noMessage ? null : undefined;
    if (answer.kind === 'silence') return undefined;
    const { subject, seq, data = '' } = answer.value.message ?? {};
    if (typeof subject !== 'string' || typeof seq !== 'number' || typeof data !== 'string') return undefined;
    return { subject, sequence: seq, data: Buffer.from(data, 'base64') };
  }

  /** Stores a message. @param expected the last sequence that its subject must have; `undefined`: any */
  async publish(subject: string, data: Uint8Array, expected?: number): Promise<Published> {
    let conditions;
    if (expected !== undefined) {
      conditions = headers();
      conditions.set('Nats-Expected-Last-Subject-Sequence', String(expected));
    }
    const answer = await this.link.request(subject, data, { timeoutMs: this.link.timeoutMs, headers: conditions });
    if (answer.kind === 'no-responders') return { kind: 'unknown', reason: 'no JetStream leader answers' };
    if (answer.kind === 'silence') return { kind: 'unknown', reason: answer.reason };
    const ack = parse<{ stream?: unknown; seq?: unknown }>(answer.message.data);
    if (ack.kind === 'silence') return { kind: 'unknown', reason: ack.reason };
    if (ack.kind === 'error') return refusal(ack);
    const { stream, seq } = ack.value;
    if (typeof stream === 'string' && stream !== '' && Number.isSafeInteger(seq) && (seq as number) > 0) {
      return { kind: 'stored', sequence: seq as number };
    }
    return { kind: 'unknown', reason: 'an answer that is no acknowledgement' };
  }
}

function refusal({ errCode, description }: ApiError): Published {
  if (errCode === API_ERROR.wrongLastSequence || errCode === API_ERROR.wrongLastSequenceConstant) {
    return { kind: 'refused', reason: 'position' };
  }
  const limit = errCode === API_ERROR.storeFailed && /maximum (bytes|messages)/.test(description);
  if (limit || FULL_CODES.includes(errCode)) return { kind: 'refused', reason: 'full' };
  return { kind: 'unknown', reason: `${description} (${errCode})` };
}

function parse<T>(data: Uint8Array): ApiAnswer<T> {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8'));
  } catch {
    return { kind: 'silence', reason: 'an answer that is no JSON', noResponders: false };
  }
  if (typeof value !== 'object' || value === null)
    return { kind: 'silence', reason: 'an answer that is no object', noResponders: false };
  const error = (value as { error?: { err_code?: unknown; code?: unknown; description?: unknown } }).error;
  if (error === undefined || error === null) return { kind: 'ok', value: value as T };
  return {
    kind: 'error',
    errCode: Number(error.err_code ?? error.code ?? 0),
    description: typeof error.description === 'string' ? error.description : 'no description',
  };
}
