/**
 * The snapshots on a JetStream key-value bucket: one subject a key, replaced by *expected last subject sequence*.
 *
 * Invariant: a revision is a sequence of the bucket's stream, so revisions rise over all keys. A listing is complete up to a
 * *barrier* that was written when it began: the listing has seen the barrier, and then everything that was waiting.
 *
 * A key is removed by deleting the message with exactly its revision: whatever replaced it has another one and is not touched.
 */
import { createInbox } from 'nats';
import type { PutResult, SnapshotEntry, Snapshots } from '../port.js';
import { revision, type Partition, type Revision } from '../../shared/ids.js';
import { ByteReader } from '../../wire/reader.js';
import { ByteWriter } from '../../wire/writer.js';
import type { JetStreamApi } from './jetstream-api.js';
import { nameOf, type Names } from './names.js';
import { decodeStored, encodeHead, encodeWhole, joinParts, messageBytesMax, storeParts, type Assembled } from './parts.js';
import { PushConsumer, type ConsumedMessage } from './push-consumer.js';
import { SnapshotScan } from './snapshot-scan.js';

type Listing = { readonly entries: readonly SnapshotEntry[]; readonly highest: Revision };

/** A value may be replaced while its parts are read; then it is read again, so often. */
const READ_ATTEMPTS = 5;
const LARGE_READS_AT_ONCE = 4;

export class NatsSnapshots implements Snapshots {
  readonly #api: JetStreamApi;
  readonly #names: Names;
  /** Subjects whose value is known to be split: only these have parts to clear away. */
  readonly #split = new Set<string>();

  constructor(api: JetStreamApi, names: Names) {
    this.#api = api;
    this.#names = names;
  }

  async put(partition: Partition | undefined, key: string, value: Uint8Array, expected: Revision): Promise<PutResult> {
    const subject = this.#names.snapshot(partition, key);
    const content = encodeKeyed(key, value);
    const small = content.byteLength <= messageBytesMax(this.#api.link.payloadBytesMax);
    let message;
    let firstPart = Infinity;
    let ownParts = '';
    if (small) message = encodeWhole(content);
    else {
      ownParts = `${this.#names.snapshotParts(partition, key)}.${uploadName()}`;
      const head = await storeParts(this.#api, (index) => `${ownParts}.${index}`, content);
      if ('kind' in head)
        return { outcome: 'unknown', reason: head.kind === 'unknown' ? head.reason : `the bucket is ${head.reason}` };
      message = encodeHead(head);
      firstPart = head.parts[0]!;
    }
    const result = await this.#api.publish(subject, message, expected);
    if (result.kind === 'unknown') return { outcome: 'unknown', reason: result.reason };
    if (result.kind === 'refused') {
      if (ownParts !== '') await this.#purge(`${ownParts}.*`);
      return result.reason === 'position' ? { outcome: 'refused' } : { outcome: 'unknown', reason: 'the bucket is full' };
    }
    if (this.#split.has(subject) || !small)
      await this.#purge(this.#partsOf(partition, key), Math.min(firstPart, result.sequence));
    if (small) this.#split.delete(subject);
    else this.#split.add(subject);
    return { outcome: 'stored', revision: revision(result.sequence) };
  }

  async get(partition: Partition | undefined, key: string): Promise<SnapshotEntry | null | undefined> {
    const subject = this.#names.snapshot(partition, key);
    for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
      const message = await this.#api.message(this.#names.snapshotStream, { last_by_subj: subject });
      if (message === undefined || message === null) return message;
      const content = await this.#content(partition, subject, message.sequence, message.data);
      if (content.kind === 'silence') return undefined;
      if (content.kind === 'gone') continue;
      // bytes that are not ours are handed on, so that the caller refuses them and may replace them
      const value = decodeKeyed(content.bytes)?.value ?? content.bytes;
      return { key, value, revision: revision(message.sequence) };
    }
    return undefined;
  }

  async list(partition: Partition): Promise<Listing | undefined> {
    const barrier = await this.#api.publish(this.#names.barrier(partition), new Uint8Array(0));
    if (barrier.kind !== 'stored') return undefined;
    const messages = await this.#collect(partition, barrier.sequence);
    if (messages === undefined) return undefined;
    let highest = barrier.sequence;
    const entries: SnapshotEntry[] = [];
    const found = [...messages.values()];
    for (let first = 0; first < found.length; first += LARGE_READS_AT_ONCE) {
      const batch = found.slice(first, first + LARGE_READS_AT_ONCE).map((message) => this.#entry(partition, message));
      for (const entry of await Promise.all(batch)) {
        if (entry === undefined) return undefined;
        if (entry === null) continue;
        entries.push(entry);
        highest = Math.max(highest, entry.revision);
      }
    }
    return { entries, highest: revision(highest) };
  }

  async scan(
    partitions: ReadonlySet<Partition>,
    take: (partition: Partition, entries: readonly SnapshotEntry[]) => Promise<boolean>,
  ): Promise<Revision | undefined> {
    const [first] = partitions;
    if (first === undefined) return undefined;
    const barrier = await this.#api.publish(this.#names.barrier(first), new Uint8Array(0));
    if (barrier.kind !== 'stored') return undefined;
    const scan = new SnapshotScan({
      api: this.#api,
      stream: this.#names.snapshotStream,
      barrier: barrier.sequence,
      partitionOf: this.#names.partitionOfSnapshot(partitions),
      entryOf: (partition, message) => this.#entry(partition, message),
      take,
    });
    return scan.run();
  }

  async remove(partition: Partition | undefined, key: string, expected: Revision): Promise<void> {
    const stream = this.#names.snapshotStream;
    const subject = this.#names.snapshot(partition, key);
    const message = await this.#api.message(stream, { seq: expected });
    if (message?.subject !== subject) return;
    const deleted = await this.#api.call(`STREAM.MSG.DELETE.${stream}`, { seq: expected, no_erase: true });
    if (deleted.kind !== 'ok') return;
    if (decodeStored(message.data, expected).kind === 'head') await this.#purge(this.#partsOf(partition, key), expected);
    this.#split.delete(subject);
  }

  /** `null`: gone meanwhile, or of a name that nobody can tell. */
  async #entry(partition: Partition, message: ConsumedMessage): Promise<SnapshotEntry | null | undefined> {
    const content = await this.#content(partition, message.subject, message.sequence, message.data);
    if (content.kind === 'silence') return undefined;
    const keyed = content.kind === 'bytes' ? decodeKeyed(content.bytes) : undefined;
    if (keyed !== undefined && this.#names.snapshot(partition, keyed.key) === message.subject) {
      return { ...keyed, revision: revision(message.sequence) };
    }
    if (content.kind === 'bytes') return this.#broken(partition, message);
    // its parts went while they were read: it was replaced or removed
    const now = await this.#api.message(this.#names.snapshotStream, { last_by_subj: message.subject });
    if (now === undefined || now === null) return now;
    if (now.sequence !== message.sequence) return this.#entry(partition, { ...now, pending: 0 });
    return this.#broken(partition, message);
  }

  /**
   * What cannot be understood is handed on as it is, under the name that its subject tells, so that the caller's decoder refuses it
   * by name. `null` where the subject tells none: long names stand there hashed.
   */
  #broken(partition: Partition, { subject, sequence, data }: ConsumedMessage): SnapshotEntry | null {
    const key = nameOf(subject.slice(subject.lastIndexOf('.') + 1));
    if (key === undefined || this.#names.snapshot(partition, key) !== subject) return null;
    return { key, value: data, revision: revision(sequence) };
  }

  async #content(partition: Partition | undefined, subject: string, at: number, data: Uint8Array): Promise<Assembled> {
    const stored = decodeStored(data, at);
    if (stored.kind === 'whole') return { kind: 'bytes', bytes: stored.bytes };
    this.#split.add(subject);
    const name = subject.slice(subject.lastIndexOf('.') + 1);
    const parts = this.#names.snapshotParts(partition, '');
    const prefix = `${parts.slice(0, parts.lastIndexOf('.') + 1)}${name}.`;
    return joinParts(this.#api, this.#names.snapshotStream, stored.head, (part) => part.startsWith(prefix));
  }

  #partsOf(partition: Partition | undefined, key: string): string {
    return `${this.#names.snapshotParts(partition, key)}.*.*`;
  }

  /** Forgets messages, best effort. @param before only those with a lower sequence */
  async #purge(filter: string, before?: number): Promise<void> {
    const limit = before === undefined ? {} : { seq: before };
    await this.#api.call(`STREAM.PURGE.${this.#names.snapshotStream}`, { filter, ...limit });
  }

  /** The last message of every key, by subject. `undefined` where they could not all be read. */
  #collect(partition: Partition, barrier: number): Promise<Map<string, ConsumedMessage> | undefined> {
    return new Promise((resolve, reject) => {
      const found = new Map<string, ConsumedMessage>();
      const barrierSubject = this.#names.barrier(partition);
      let passed = false;
      const offEnd = this.#api.link.onEnd(reject);
      const finish = (result: Map<string, ConsumedMessage> | undefined): void => {
        offEnd();
        consumer.stop();
        resolve(result);
      };
      const consumer = new PushConsumer(
        this.#api,
        { stream: this.#names.snapshotStream, filter: this.#names.snapshotsOf(partition), from: 'last-per-subject' },
        {
          message: (message) => {
            if (message.subject !== barrierSubject) found.set(message.subject, message);
            passed ||= message.sequence >= barrier;
            if (passed && message.pending === 0) finish(found);
          },
          flow: (answer) => answer(),
          idle: () => finish(passed ? found : undefined),
          trouble: () => finish(undefined),
        },
      );
    });
  }
}

/** A name for one upload's parts; it only must differ from other uploads of the same key. */
function uploadName(): string {
  const inbox = createInbox();
  return inbox.slice(inbox.lastIndexOf('.') + 1);
}

/** The key travels with its value, because long keys stand hashed in the subject. JSON, because it escapes lone surrogates. */
function encodeKeyed(key: string, value: Uint8Array): Uint8Array {
  const writer = new ByteWriter(key.length * 3 + value.byteLength + 16);
  writer.string(JSON.stringify(key));
  writer.raw(value);
  return writer.finish();
}

function decodeKeyed(bytes: Uint8Array): { key: string; value: Uint8Array } | undefined {
  try {
    const reader = new ByteReader(bytes, 'snapshot');
    const key: unknown = JSON.parse(reader.string());
    return typeof key === 'string' ? { key, value: reader.raw(reader.left) } : undefined;
  } catch {
    return undefined;
  }
}
