/**
 * What is sealed for one cluster, and what it is bound to: the context that everybody must name alike to open it.
 *
 * Invariant: a record opens only in its cluster, generation and partition, and says behind which position it was appended; the
 * epoch, the writer and the predecessor's id stand inside it. A snapshot opens only under its session's key there. A request opens
 * only at the node that it was sent to, and its reply only as the answer to that request. What opens was sealed by somebody who
 * has a key; what does not is never taken for something else, nor for nothing.
 */
import type { NodeId, Partition } from '../../shared/ids.js';
import { TwinstateError } from '../../shared/errors.js';
import { isSealed, Sealer, tagOf } from '../../wire/sealing.js';
import type { Opened, SealingKey } from '../../wire/sealing.js';
import { ByteWriter } from '../../wire/writer.js';

export { KEY_BYTES, KEY_ID_BYTES_MAX } from '../../wire/sealing.js';

/** What becomes of what is not sealed: `refuse` it; `accept` it, and seal what is written; `write` plain, and accept both. */
export type PlainRule = 'refuse' | 'accept' | 'write';

export interface Encryption {
  readonly keys: readonly SealingKey[];
  readonly plain: PlainRule;
}

/** The first bytes of the formats, so that what is ours and plain is told from what is nobody's. */
const PLAIN = { record: 0x54, snapshot: 0x53, message: 0x4d } as const;
export type Sealable = keyof typeof PLAIN;

/** Delivered in place of what must not be read, before the bytes as they came: every decoder refuses it. */
const REFUSED = 0;

export class Seals {
  readonly cluster: string;
  readonly rule: PlainRule;
  readonly #sealer: Sealer;

  /** @param entropy at least 128 random bits, others at each call */
  constructor(cluster: string, { keys, plain }: Encryption, entropy: () => string) {
    this.cluster = cluster;
    this.rule = plain;
    this.#sealer = new Sealer(keys, entropy);
  }

  /** Whether what is written is sealed. */
  get seals(): boolean {
    return this.rule !== 'write';
  }

  seal(context: Uint8Array, place: number, plain: Uint8Array): Uint8Array {
    return this.seals ? this.#sealer.seal(context, place, plain) : plain;
  }

  /** Opens the cluster's mark, sealed under `state()`. @throws as `open`; what is not sealed was changed */
  openMark(mark: Uint8Array, what: string): Opened {
    return this.#sealer.open(this.state(), mark, what);
  }

  /** True where it need not be written again for the key that seals now. */
  isCurrent(bytes: Uint8Array): boolean {
    return this.seals ? this.#sealer.isCurrent(bytes) : !isSealed(bytes);
  }

  /**
   * Opens what was sealed. `undefined`: it is nobody's, as strangers write.
   *
   * @throws {TwinstateError} `KEY_UNKNOWN`; `FORMAT_UNSUPPORTED`; `BYTES_CORRUPT`; `CLUSTER_MISMATCH` for plain bytes of ours where none are accepted
   */
  open(context: Uint8Array, of: Sealable, bytes: Uint8Array, what: string): Opened | undefined {
    if (isSealed(bytes)) return this.#sealer.open(context, bytes, what);
    if (bytes[0] !== PLAIN[of]) return undefined;
    if (this.rule !== 'refuse') return { place: 0, plain: bytes, current: !this.seals };
    throw new TwinstateError('CLUSTER_MISMATCH', `${what} is not sealed`, {
      expected: 'sealed bytes, as `encryption` asks for',
      received: 'plain ones',
      cure: "give all processes the keys; for the change-over use `encryption: { keys, plain: 'accept' }`",
    });
  }

  record(generation: number, partition: Partition): Uint8Array {
    return this.#context('record', generation, partition, '');
  }

  snapshot(generation: number, partition: Partition, key: string): Uint8Array {
    return this.#context('snapshot', generation, partition, key);
  }

  request(to: NodeId): Uint8Array {
    return this.#context('request', 0, 0, to);
  }

  /** @param request as it was sent, sealed or plain */
  reply(from: NodeId, request: Uint8Array): Uint8Array {
    return this.#context('reply', 0, 0, from, isSealed(request) ? tagOf(request) : new Uint8Array(0));
  }

  announcement(): Uint8Array {
    return this.#context('announcement', 0, 0, '');
  }

  state(): Uint8Array {
    return this.#context('state', 0, 0, '');
  }

  /** Every field has its length in front, so no two contexts are the same bytes. */
  #context(kind: string, generation: number, partition: number, name: string, more?: Uint8Array): Uint8Array {
    const out = new ByteWriter(64 + name.length * 3);
    out.string(kind);
    out.string(this.cluster.isWellFormed() ? this.cluster : JSON.stringify(this.cluster));
    out.varint(generation);
    out.varint(partition);
    out.string(JSON.stringify(name));
    if (more !== undefined) out.bytes(more);
    return out.finish();
  }
}

/** Bytes that no decoder takes, the same on every node that read the same. */
export function refused(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.byteLength + 1);
  out[0] = REFUSED;
  out.set(bytes, 1);
  return out;
}
