/**
 * Seals bytes with AES-256-GCM, and opens what others sealed under a key that is known here.
 *
 * Invariant: a nonce is never used twice under one key. Nothing is encrypted under a user's key itself: every `Sealer` (one a process
 * and connection) draws a salt of 128 random bits and derives a key of its own, HKDF-SHA-256(key, salt), under which it counts its
 * nonces from 0. So restarts, processes and nodes share no nonce unless they share a salt: after 2^48 starts the odds are below
 * 2^-33, the bound of NIST SP 800-38D. Random nonces under the user's key would allow 2^32 messages for its whole life instead. A
 * salt is left behind after 2^32 messages or 64 GiB, far below what GCM allows one key. What this cannot see is a process image
 * that is restored twice: start processes, do not clone them.
 *
 * Bytes: magic `0xe5`, format 1, the key's id, its check (8 bytes), salt (16), counter and place (varints), then the ciphertext and
 * its tag (16). All that stands before the ciphertext is authenticated with it, and so is the context: what it is, and where.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto';
import { TwinstateError } from '../shared/errors.js';
import { ByteReader } from './reader.js';
import { ByteWriter } from './writer.js';

const SEALED_MAGIC = 0xe5;
const FORMAT = 1;
export const KEY_BYTES = 32;
export const KEY_ID_BYTES_MAX = 64;
const CHECK_BYTES = 8;
const SALT_BYTES = 16;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
/** What sealing adds to bytes, at most. */
export const SEALED_BYTES_MORE = 2 + 1 + KEY_ID_BYTES_MAX + CHECK_BYTES + SALT_BYTES + 8 + 8 + TAG_BYTES;
const MESSAGES_MAX = 2 ** 32;
const MESSAGE_BYTES_MAX = 2 ** 36;
/** Keys of other processes that are kept derived. */
const DERIVED_MAX = 1_024;

export interface SealingKey {
  /** Travels with everything that is sealed, in plain. */
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

export interface Opened {
  /** The number that was sealed with it. */
  readonly place: number;
  readonly plain: Uint8Array;
  /** Sealed under the first of the keys. */
  readonly current: boolean;
}

interface KnownKey extends SealingKey {
  /** Tells whether two keys of one id are the same, and nothing else about them. */
  readonly check: Uint8Array;
}

/** Under which this process seals for now. */
interface Own {
  readonly head: Uint8Array;
  readonly key: Uint8Array;
  messages: number;
  bytes: number;
}

/** True where bytes claim to be sealed. */
export function isSealed(bytes: Uint8Array): boolean {
  return bytes[0] === SEALED_MAGIC;
}

/** The id of the key under which bytes were sealed; `undefined` where they are not. */
export function sealedUnder(bytes: Uint8Array): string | undefined {
  try {
    const from = new ByteReader(bytes, 'sealed bytes');
    return from.u8() === SEALED_MAGIC && from.u8() === FORMAT ? from.string() : undefined;
  } catch {
    return undefined;
  }
}

/** What stands at the end of sealed bytes and belongs to no others. */
export function tagOf(sealed: Uint8Array): Uint8Array {
  return sealed.subarray(Math.max(0, sealed.byteLength - TAG_BYTES));
}

export class Sealer {
  readonly #keys: readonly KnownKey[];
  readonly #entropy: () => string;
  /** By check and salt, the least lately made first. */
  readonly #derived = new Map<string, Uint8Array>();
  #own: Own;

  /** @param keys the first one seals, all of them open  @param entropy at least 128 random bits, others at each call */
  constructor(keys: readonly SealingKey[], entropy: () => string) {
    this.#keys = keys.map(({ id, key }) => ({ id, key, check: derive(key, new Uint8Array(0), 'check', CHECK_BYTES) }));
    this.#entropy = entropy;
    this.#own = this.#begin();
  }

  /**
   * @param context what this is and where it belongs; nobody opens it as anything else
   * @param place a number that is authenticated and can be read by whoever opens it
   */
  seal(context: Uint8Array, place: number, plain: Uint8Array): Uint8Array {
    if (this.#own.messages >= MESSAGES_MAX || this.#own.bytes + plain.byteLength > MESSAGE_BYTES_MAX) this.#own = this.#begin();
    const own = this.#own;
    const counter = own.messages++;
    own.bytes += plain.byteLength;
    const out = new ByteWriter(own.head.byteLength + 16 + plain.byteLength + TAG_BYTES);
    out.raw(own.head);
    out.varint(counter);
    out.varint(place);
    const cipher = createCipheriv('aes-256-gcm', own.key, nonceOf(counter), { authTagLength: TAG_BYTES });
    cipher.setAAD(joined(context, out.view()));
    out.raw(cipher.update(plain));
    cipher.final();
    out.raw(cipher.getAuthTag());
    return out.finish();
  }

  /**
   * @param what for messages: `record 17 of partition 3`
   * @throws {TwinstateError} `KEY_UNKNOWN` where the key is not here, or is another one of the same id; `FORMAT_UNSUPPORTED` where
   *   another release sealed it; `BYTES_CORRUPT` where the bytes were changed, or belong elsewhere
   */
  open(context: Uint8Array, sealed: Uint8Array, what: string): Opened {
    const from = new ByteReader(sealed, what);
    const magic = from.u8();
    const format = from.u8();
    if (magic !== SEALED_MAGIC) from.fail(`the magic byte ${SEALED_MAGIC}`, `${magic}`);
    // of another release: like a key that is not here, no damage
    if (format !== FORMAT) {
      throw new TwinstateError('FORMAT_UNSUPPORTED', `${what} was sealed by another release of Twinstate`, {
        expected: `format ${FORMAT}`,
        received: `format ${format}`,
        cure: 'upgrade this process to the release that wrote it; nothing was changed',
      });
    }
    const id = from.string();
    const check = from.raw(CHECK_BYTES);
    const salt = from.raw(SALT_BYTES);
    const counter = from.varint();
    const place = from.varint();
    const known = this.#known(id, check, what);
    const cached = `${text(check)}${text(salt)}`;
    const key = this.#derived.get(cached) ?? derive(known.key, salt, 'seal', KEY_BYTES);
    const headBytes = from.offset;
    if (from.left < TAG_BYTES) from.fail(`a tag of ${TAG_BYTES} bytes`, `${from.left} bytes`);
    const body = from.raw(from.left - TAG_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(counter), { authTagLength: TAG_BYTES });
    decipher.setAAD(joined(context, sealed.subarray(0, headBytes)));
    decipher.setAuthTag(from.raw(TAG_BYTES));
    const plain = decipher.update(body);
    try {
      decipher.final();
    } catch (cause) {
      throw new TwinstateError('BYTES_CORRUPT', `${what} does not open`, {
        expected: `what was sealed there under the key ${JSON.stringify(id)}`,
        received: 'bytes that were changed, or were sealed for another place',
        cure: 'find out who else writes there; nothing of it was applied',
        cause,
      });
    }
    // remembered only now, so that strangers fill nothing
    if (!this.#derived.has(cached)) this.#remember(cached, key);
    return { place, plain: new Uint8Array(plain.buffer, plain.byteOffset, plain.byteLength), current: known === this.#keys[0] };
  }

  /** True where these bytes are sealed under the key that seals now. */
  isCurrent(bytes: Uint8Array): boolean {
    return sealedUnder(bytes) === this.#keys[0]!.id;
  }

  #known(id: string, check: Uint8Array, what: string): KnownKey {
    const known = this.#keys.find((each) => each.id === id);
    if (known !== undefined && Buffer.compare(known.check, check) === 0) return known;
    throw keyUnknown(
      what,
      id,
      known === undefined ? `keys ${this.#keys.map((each) => JSON.stringify(each.id)).join(', ')}` : 'another key of that id',
    );
  }

  #remember(cached: string, key: Uint8Array): void {
    if (this.#derived.size >= DERIVED_MAX) this.#derived.delete(this.#derived.keys().next().value!);
    this.#derived.set(cached, key);
  }

  #begin(): Own {
    const { id, key, check } = this.#keys[0]!;
    const salt = new Uint8Array(createHash('sha256').update(this.#entropy()).digest().subarray(0, SALT_BYTES));
    const head = new ByteWriter(128);
    head.u8(SEALED_MAGIC);
    head.u8(FORMAT);
    head.string(id);
    head.raw(check);
    head.raw(salt);
    return { head: head.finish(), key: derive(key, salt, 'seal', KEY_BYTES), messages: 0, bytes: 0 };
  }
}

/** @param received which keys are here */
export function keyUnknown(what: string, id: string | undefined, received: string): TwinstateError {
  return new TwinstateError('KEY_UNKNOWN', `${what} is sealed under a key that is not known here`, {
    expected: `the key ${JSON.stringify(id ?? '?')}`,
    received,
    cure: 'add it to `encryption: { keys }` behind the first one, and start again; nothing was changed',
  });
}

function derive(key: Uint8Array, salt: Uint8Array, purpose: string, bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, salt, `twinstate ${purpose} ${FORMAT}`, bytes));
}

function nonceOf(counter: number): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  const view = new DataView(nonce.buffer);
  view.setUint32(4, Math.floor(counter / 2 ** 32));
  view.setUint32(8, counter >>> 0);
  return nonce;
}

function joined(context: Uint8Array, head: Uint8Array): Uint8Array {
  const out = new Uint8Array(context.byteLength + head.byteLength);
  out.set(context);
  out.set(head, context.byteLength);
  return out;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
