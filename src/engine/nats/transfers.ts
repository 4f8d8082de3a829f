/**
 * Messages of the bus that are larger than the server's limit: sent as chunks, joined where they arrive.
 *
 * Invariant: a receiver holds at most a fixed number of unfinished transfers and of bytes, for a fixed time; it allocates only for
 * what has come, never for what is claimed. Chunks of one sender arrive in order, so one that is out of order ends its transfer.
 *
 * A message begins with a marker byte: 0 whole; 1 chunk, then id, index, count and the chunk's bytes.
 */
import { copyBytes } from '../../shared/bytes.js';
import type { Clock } from '../../shared/clock.js';
import { ByteReader } from '../../wire/reader.js';
import { ByteWriter } from '../../wire/writer.js';

const WHOLE = 0;
const CHUNK = 1;
/** Larger messages are not sent: the server cuts off receivers that fall behind by 64 MiB. */
export const TRANSFER_BYTES_MAX = 32 * 1024 * 1024;
const HELD_BYTES_MAX = 2 * TRANSFER_BYTES_MAX;
const TRANSFERS_MAX = 256;
const TRANSFER_MS_MAX = 15_000;
const ID_BYTES_MAX = 64;

/** Splits a message, or frames it whole. @param bytesMax how large one message may become, about */
export function split(body: Uint8Array, id: string, bytesMax: number): Uint8Array[] {
  if (body.byteLength <= bytesMax) {
    const writer = new ByteWriter(body.byteLength + 1);
    writer.u8(WHOLE);
    writer.raw(body);
    return [writer.finish()];
  }
  const count = Math.ceil(body.byteLength / bytesMax);
  return Array.from({ length: count }, (_, index) => {
    const writer = new ByteWriter(bytesMax + 128);
    writer.u8(CHUNK);
    writer.string(id);
    writer.varint(index);
    writer.varint(count);
    writer.raw(body.subarray(index * bytesMax, (index + 1) * bytesMax));
    return writer.finish();
  });
}

interface Transfer {
  readonly count: number;
  readonly startedMs: number;
  readonly chunks: Uint8Array[];
  bytes: number;
}

/** Joins chunks. */
export class Transfers {
  readonly #clock: Clock;
  /** In the order in which they began, so that the oldest goes first. */
  readonly #open = new Map<string, Transfer>();
  #heldBytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many transfers are unfinished. */
  get open(): number {
    return this.#open.size;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @returns the whole message, where this completes one; `undefined` for a chunk, and for what cannot be understood */
  take(message: Uint8Array): Uint8Array | undefined {
    if (message[0] === WHOLE) return message.subarray(1);
    if (message[0] !== CHUNK) return undefined;
    try {
      const reader = new ByteReader(message, 'chunk');
      reader.u8();
      const idBytes = reader.bytes();
      const index = reader.varint();
      const count = reader.varint();
      if (idBytes.byteLength > ID_BYTES_MAX || index >= count || reader.left === 0) return undefined;
      return this.#add(Buffer.from(idBytes).toString('latin1'), index, count, reader.raw(reader.left));
    } catch {
      return undefined;
    }
  }

  #add(id: string, index: number, count: number, chunk: Uint8Array): Uint8Array | undefined {
    const now = this.#clock.now();
    for (const [other, { startedMs }] of this.#open) {
      if (now - startedMs <= TRANSFER_MS_MAX) break;
      this.#drop(other);
    }
    let transfer = this.#open.get(id);
    if (transfer !== undefined && (transfer.count !== count || transfer.chunks.length !== index)) {
      this.#drop(id);
      transfer = undefined;
    }
    if (transfer === undefined) {
      if (index !== 0) return undefined;
      transfer = { count, startedMs: now, chunks: [], bytes: 0 };
      this.#open.set(id, transfer);
    }
    if (transfer.bytes + chunk.byteLength > TRANSFER_BYTES_MAX) {
      this.#drop(id);
      return undefined;
    }
    // a copy, because a view would hold the whole buffer of the socket
    transfer.chunks.push(copyBytes(chunk));
    transfer.bytes += chunk.byteLength;
    this.#heldBytes += chunk.byteLength;
    if (transfer.chunks.length === count) {
      this.#drop(id);
      return new Uint8Array(Buffer.concat(transfer.chunks));
    }
    while (this.#heldBytes > HELD_BYTES_MAX || this.#open.size > TRANSFERS_MAX) this.#drop(this.#open.keys().next().value!);
    return undefined;
  }

  #drop(id: string): void {
    this.#heldBytes -= this.#open.get(id)?.bytes ?? 0;
    this.#open.delete(id);
  }
}
