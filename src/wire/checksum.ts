/** CRC-32 (IEEE 802.3), as `node:zlib` computes it: finds damage, proves nothing against an attacker. */
import { crc32 as zlibCrc32 } from 'node:zlib';

export function crc32(bytes: Uint8Array): number {
  return zlibCrc32(bytes) >>> 0;
}
