/**
 * What `connect` is told of keys, checked before anything is started.
 *
 * Invariant: no error, log or description ever holds a key; only its id.
 */
import type { Encryption } from '../engine/sealed/seals.js';
import { KEY_BYTES, KEY_ID_BYTES_MAX } from '../engine/sealed/seals.js';
import type { EncryptionKey, EncryptionOptions } from './encryption-options.js';
import { choice, invalid, show } from './options.js';

const SHAPE = "{ keys: [{ id, key }], plain?: 'refuse' | 'accept' | 'write' }";

/** @throws {TwinstateError} `OPTION_INVALID` */
export function resolveEncryption(given: EncryptionOptions | undefined): Encryption | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== 'object' || given === null) throw invalid('encryption', SHAPE, typeof given);
  for (const name of Object.keys(given)) {
    if (name !== 'keys' && name !== 'plain') throw invalid(`encryption.${name}`, SHAPE, 'an option of that name');
  }
  const plain = choice('encryption.plain', given.plain, ['refuse', 'accept', 'write']) ?? 'refuse';
  if (!Array.isArray(given.keys) || given.keys.length === 0) {
    throw invalid(
      'encryption.keys',
      'a list of at least one key',
      Array.isArray(given.keys) ? 'an empty list' : typeof given.keys,
    );
  }
  const ids = new Set<string>();
  const keys = (given.keys as readonly Partial<EncryptionKey>[]).map((each, i) => {
    const id: unknown = each?.id;
    if (typeof id !== 'string' || id === '' || !id.isWellFormed() || Buffer.byteLength(id) > KEY_ID_BYTES_MAX) {
      throw invalid(`encryption.keys[${i}].id`, `a text of 1 to ${KEY_ID_BYTES_MAX} bytes`, show(id));
    }
    if (ids.has(id)) throw invalid(`encryption.keys[${i}].id`, 'an id of its own for each key', show(id));
    ids.add(id);
    return { id, key: bytesOf(each.key, i) };
  });
  return { keys, plain };
}

function bytesOf(key: unknown, i: number): Uint8Array {
  const bytes = typeof key === 'string' ? Buffer.from(key, 'base64') : key;
  const received =
    bytes instanceof Uint8Array
      ? `${bytes.byteLength} bytes${typeof key === 'string' ? ' as base64' : ''}`
      : `something of type ${typeof key}`;
  if (bytes instanceof Uint8Array && bytes.byteLength === KEY_BYTES) return new Uint8Array(bytes);
  throw invalid(
    `encryption.keys[${i}].key`,
    `${KEY_BYTES} bytes, or their base64`,
    received,
    'make one with `openssl rand -base64 32`; a passphrase is no key',
  );
}
