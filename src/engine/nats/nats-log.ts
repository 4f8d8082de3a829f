/**
 * The log on JetStream: one stream, one subject a partition, appended with *expected last subject sequence*.
 *
 * Invariant: only the server's acknowledgement makes an append `stored`. A read is `undefined` unless it reached the tail that
 * the stream's leader named when the read began.
 *
 * Parts of a large record are stored behind the record that it expects to follow and before its own head. So whatever lies before
 * the first record that stays, and before that record's first part, belongs to nothing that stays: this is what `trim` forgets.
 */
import type { AppendResult, Log, LogEntry, LogRead, Subscription } from '../port.js';
import { bytesEqual, copyBytes } from '../../shared/bytes.js';
import { sequence, type Partition, type Sequence } from '../../shared/ids.js';
import { API_ERROR } from './jetstream-api.js';
import type { JetStreamApi, StoredMessage } from './jetstream-api.js';
import { LogFollower } from './log-follower.js';
import type { Names } from './names.js';
import {
  decodeStored,
  encodeHead,
  encodeWhole,
  joinParts,
  messageBytesMax,
  storeParts,
  type Assembled,
  type Head,
} from './parts.js';
import { PushConsumer } from './push-consumer.js';

/** Up to so many records are read one by one before a consumer is made for the rest. */
const SINGLE_READS = 4;

interface Upload {
  readonly expected: Sequence;
  readonly record: Uint8Array;
  readonly head: Head;
}

export class NatsLog implements Log {
  readonly #api: JetStreamApi;
  readonly #names: Names;
  readonly #followers = new Set<LogFollower>();
  readonly #offEnd: () => void;
  /** The last large record of each partition whose fate is open: to append it again does not store its parts again. */
  readonly #uploads = new Map<Partition, Upload>();
  /** The last of the whole partitions that wait for their turn to be read. */
  #wholeReads: Promise<unknown> = Promise.resolve();

  constructor(api: JetStreamApi, names: Names) {
    this.#api = api;
    this.#names = names;
    this.#offEnd = api.link.onEnd(() => {
      this.#offEnd();
      for (const follower of [...this.#followers]) follower.stop();
    });
  }

  async append(partition: Partition, expected: Sequence, record: Uint8Array): Promise<AppendResult> {
    let message;
    if (record.byteLength <= messageBytesMax(this.#api.link.payloadBytesMax)) message = encodeWhole(record);
    else {
      const head = await this.#upload(partition, expected, record);
      if ('kind' in head) return head.kind === 'unknown' ? unknown(head.reason) : { outcome: 'refused', reason: head.reason };
      message = encodeHead(head);
    }
    const result = await this.#api.publish(this.#names.log(partition), message, expected);
    if (result.kind === 'unknown') return unknown(result.reason);
    if (result.kind === 'refused') return { outcome: 'refused', reason: result.reason };
    this.#uploads.delete(partition);
    return { outcome: 'stored', sequence: sequence(result.sequence) };
  }

  async read(partition: Partition, after: Sequence, limits?: { readonly bytesMax?: number }): Promise<LogRead | undefined> {
    const stream = this.#names.logStream;
    const subject = this.#names.log(partition);
    const bytesMax = limits?.bytesMax ?? Infinity;
    const tail = await this.#api.message(stream, { last_by_subj: subject });
    if (tail === undefined) return undefined;
    const last = sequence(tail?.sequence ?? 0);
    const entries: LogEntry[] = [];
    let bytes = 0;
    /** @returns whether to go on; `undefined` where nobody answered */
    const take = async (at: number, data: Uint8Array): Promise<boolean | undefined> => {
      const assembled = await this.#content(partition, at, data);
      if (assembled.kind === 'silence') return undefined;
      if (assembled.kind === 'bytes') {
        entries.push({ sequence: sequence(at), record: assembled.bytes });
        bytes += assembled.bytes.byteLength;
      }
      return at < last && bytes < bytesMax;
    };
    const done = (at: number): LogRead => ({ entries, last, truncated: at < last });

    let at: number = after;
    for (let single = 0; at < last; single++) {
      if (single === SINGLE_READS) {
        const bulk = (): Promise<StoredMessage[] | undefined> => this.#bulk(stream, subject, at, last, bytesMax - bytes);
        if (after === 0) {
          // from the beginning again: what is trimmed while it waits would be missing behind what was read before
          at = bytes = entries.length = 0;
        }
        const rest = await (after === 0 ? this.#inTurn(bulk) : bulk());
        if (rest === undefined) return undefined;
        for (const message of rest) {
          at = message.sequence;
          const more = await take(at, message.data);
          if (more === undefined) return undefined;
          if (!more) return done(at);
        }
        return done(at);
      }
      const next: StoredMessage | null | undefined =
        tail !== null && tail?.sequence === at + 1
          ? tail
          : await this.#api.message(stream, { seq: at + 1, next_by_subj: subject });
      // the leader named a tail and now has nothing before it: trimmed meanwhile, or another leader; ask again
      if (next === undefined || next === null) return undefined;
      at = next.sequence;
      if (at > last) return undefined;
      const more = await take(at, next.data);
      if (more === undefined) return undefined;
      if (!more) break;
    }
    return done(Math.max(at, after));
  }

  follow(partition: Partition, after: Sequence, listener: (entry: LogEntry) => void): Subscription {
    const follower = new LogFollower(
      this.#api,
      { stream: this.#names.logStream, subject: this.#names.log(partition), after },
      listener,
      (head, raw, at) => this.#assemble(partition, at, head, raw),
      () => this.#followers.delete(follower),
    );
    if (this.#api.link.closed) {
      follower.stop();
      return follower;
    }
    this.#followers.add(follower);
    follower.start();
    return follower;
  }

  async identity(): Promise<string | null | undefined> {
    const answer = await this.#api.call<{ created?: unknown }>(`STREAM.INFO.${this.#names.logStream}`);
    if (answer.kind === 'error') return answer.errCode === API_ERROR.streamNotFound ? null : undefined;
    const created = answer.kind === 'ok' ? answer.value.created : undefined;
    return typeof created === 'string' ? sortable(created) : undefined;
  }

  async trim(partition: Partition, upTo: Sequence): Promise<void> {
    const stream = this.#names.logStream;
    const subject = this.#names.log(partition);
    const next = await this.#api.message(stream, { seq: upTo + 1, next_by_subj: subject });
    if (next === undefined) return;
    let partsBefore = upTo + 1;
    if (next === null) {
      const tail = await this.#api.message(stream, { last_by_subj: subject });
      if (tail === undefined) return;
      if (tail === null || tail.sequence > upTo) return;
      // parts behind the last record may belong to one that is being appended
      partsBefore = tail.sequence;
    } else {
      const stored = decodeStored(next.data, next.sequence);
      if (stored.kind === 'head') partsBefore = Math.min(partsBefore, stored.head.parts[0]!);
    }
    await this.#api.call(`STREAM.PURGE.${stream}`, { filter: subject, seq: upTo + 1 });
    await this.#api.call(`STREAM.PURGE.${stream}`, { filter: this.#names.logParts(partition), seq: partsBefore });
  }

  async #upload(partition: Partition, expected: Sequence, record: Uint8Array): Promise<Awaited<ReturnType<typeof storeParts>>> {
    const before = this.#uploads.get(partition);
    if (before !== undefined && before.expected === expected && bytesEqual(before.record, record)) return before.head;
    // the caller may use its buffer again while the parts travel
    const copy = copyBytes(record);
    const head = await storeParts(this.#api, () => this.#names.logParts(partition), copy);
    if (!('kind' in head)) this.#uploads.set(partition, { expected, record: copy, head });
    return head;
  }

  async #content(partition: Partition, at: number, data: Uint8Array): Promise<Assembled> {
    const stored = decodeStored(data, at);
    return stored.kind === 'whole' ? { kind: 'bytes', bytes: stored.bytes } : this.#assemble(partition, at, stored.head, data);
  }

  async #assemble(partition: Partition, at: number, head: Head, raw: Uint8Array): Promise<Assembled> {
    const parts = this.#names.logParts(partition);
    const assembled = await joinParts(this.#api, this.#names.logStream, head, (subject) => subject === parts);
    if (assembled.kind !== 'gone') return assembled;
    const still = await this.#api.message(this.#names.logStream, { seq: at });
    if (still === undefined) return { kind: 'silence' };
    // trimmed while its parts were read: gone, and rightly so; otherwise let the caller's decoder refuse it
    return still === null ? { kind: 'gone' } : { kind: 'bytes', bytes: raw };
  }

  /**
   * Whole partitions are read one after the other: for each the server looks through all records of all partitions, and stores
   * nothing meanwhile (10 at once of 60,000 records kept every append of a 2.9.10 waiting for a tenth of a second).
   */
  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const turn = this.#wholeReads.then(read);
    this.#wholeReads = turn.catch(() => undefined);
    return turn;
  }

  /** Reads `(after, last]`, or until `bytesMax` was passed. `undefined` where it could not be read to there. */
  #bulk(stream: string, subject: string, after: number, last: number, bytesMax: number): Promise<StoredMessage[] | undefined> {
    return new Promise((resolve, reject) => {
      const found: StoredMessage[] = [];
      let bytes = 0;
      const offEnd = this.#api.link.onEnd(reject);
      const finish = (result: StoredMessage[] | undefined): void => {
        offEnd();
        consumer.stop();
        resolve(result);
      };
      const consumer = new PushConsumer(
        this.#api,
        { stream, filter: subject, from: after + 1 },
        {
          message: (message) => {
            // a tail that was trimmed meanwhile is never reached
            if (message.sequence > last) return finish(undefined);
            found.push(message);
            bytes += message.data.byteLength;
            if (message.sequence === last || bytes >= bytesMax) finish(found);
          },
          flow: (answer) => answer(),
          idle: () => finish(undefined),
          trouble: () => finish(undefined),
        },
      );
    });
  }
}

/** The server leaves out zeros at the end of a second's fraction, which would sort a shorter one behind a longer one. */
function sortable(created: string): string {
  const [whole = '', fraction = ''] = created.replace(/Z$/, '').split('.');
  return `${whole}.${fraction.padEnd(9, '0')}`;
}

function unknown(reason: string): AppendResult {
  return { outcome: 'unknown', reason };
}
