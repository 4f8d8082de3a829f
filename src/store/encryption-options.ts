/** What people write as `encryption`; checked in `encryption.ts`. */
import type { PlainRule } from '../engine/sealed/seals.js';

export interface EncryptionKey {
  /** Travels in plain with everything that is sealed under the key: a month, a number; at most 64 bytes. */
  readonly id: string;
  /** 32 random bytes, or their base64: `openssl rand -base64 32`. */
  readonly key: Uint8Array | string;
}

export interface EncryptionOptions {
  /** The first one seals, all of them open. */
  readonly keys: readonly EncryptionKey[];
  /**
   * What becomes of plain records, snapshots and messages, for the change-over of a running cluster: `refuse` them (default), `accept`
   * them and seal what is written, or `write` plain and accept both.
   */
  readonly plain?: PlainRule | undefined;
}
