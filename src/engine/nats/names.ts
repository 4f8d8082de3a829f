/**
 * Turns names with any characters into tokens that subjects, stream names and keys may hold.
 *
 * Invariant: two different names never share a token. A name of `a-z`, `0-9` and `-` stays readable; another short one is base32
 * behind `_b` and can be read back; a long or ill-formed one is a SHA-256 behind `_h`. `_` starts no readable token.
 */
import { createHash } from 'node:crypto';
import type { NodeId, Partition } from '../../shared/ids.js';

const READABLE = /^[a-z0-9-]{1,48}$/;
/** So many bytes of UTF-8 are still written out; a stream's name becomes the name of a folder. */
const WRITTEN_BYTES_MAX = 40;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

export function token(name: string): string {
  if (READABLE.test(name)) return name;
  const utf8 = Buffer.from(name, 'utf8');
  // lone surrogates all become one replacement character in UTF-8
  const wellFormed = utf8.toString('utf8') === name;
  if (wellFormed && utf8.byteLength <= WRITTEN_BYTES_MAX) return `_b${base32(utf8)}`;
  const bytes = wellFormed ? utf8 : Buffer.from(name, 'utf16le');
  return `${wellFormed ? '_h' : '_s'}${base32(createHash('sha256').update(bytes).digest())}`;
}

/** Reads a name back from its token; `undefined` where it was hashed, or is no token. */
export function nameOf(of: string): string | undefined {
  if (READABLE.test(of)) return of;
  if (!of.startsWith('_b')) return undefined;
  const name = unbase32(of.slice(2));
  return name !== undefined && token(name) === of ? name : undefined;
}

/** Every name that one generation of one cluster uses on the server. */
export class Names {
  readonly cluster: string;
  readonly generation: number;
  readonly logStream: string;
  readonly snapshotStream: string;
  readonly #log: string;
  readonly #snapshots: string;
  readonly #cluster: string;

  constructor(cluster: string, generation: number) {
    this.cluster = cluster;
    this.generation = generation;
    const name = token(cluster);
    this.logStream = `TWIN_${name}_${generation}`;
    this.snapshotStream = `KV_TWIN_${name}_${generation}`;
    this.#log = `twin.${name}.${generation}`;
    this.#snapshots = `$KV.TWIN_${name}_${generation}`;
    this.#cluster = `twin.${name}`;
  }

  /** Reads the generation from the name of a log's stream; `undefined` where it is none of this cluster's. */
  generationOf(stream: string): number | undefined {
    const prefix = `TWIN_${token(this.cluster)}_`;
    const tail = stream.startsWith(prefix) ? stream.slice(prefix.length) : '';
    return /^[1-9][0-9]{0,8}$/.test(tail) ? Number(tail) : undefined;
  }

  get logSubjects(): string[] {
    return [`${this.#log}.log.*`, `${this.#log}.part.*`];
  }

  log(partition: Partition): string {
    return `${this.#log}.log.${partition}`;
  }

  /** Where the parts of records that are larger than a message are kept. */
  logParts(partition: Partition): string {
    return `${this.#log}.part.${partition}`;
  }

  get snapshotSubjects(): string[] {
    return [`${this.#snapshots}.>`];
  }

  snapshot(partition: Partition | undefined, key: string): string {
    return `${this.#snapshots}.${group(partition)}.k.${token(key)}`;
  }

  /** All keys of a partition, and its barrier. */
  snapshotsOf(partition: Partition): string {
    return `${this.#snapshots}.${group(partition)}.>`;
  }

  /** A key that readers of a whole partition write first, so that they see how far they have read. */
  barrier(partition: Partition): string {
    return `${this.#snapshots}.${group(partition)}.barrier`;
  }

  /** Where the parts of one key's values are kept, each under a name of its own: the bucket keeps one message a subject. */
  snapshotParts(partition: Partition | undefined, key: string): string {
    return `${this.#snapshots}.parts.${group(partition)}.${token(key)}`;
  }

  /** Tells of which of these partitions a subject is a key; `undefined`: it is something else. */
  partitionOfSnapshot(partitions: ReadonlySet<Partition>): (subject: string) => Partition | undefined {
    const byGroup = new Map([...partitions].map((partition) => [group(partition), partition]));
    const from = this.#snapshots.length + 1;
    return (subject) => {
      const end = subject.indexOf('.', from);
      return subject.startsWith('.k.', end) ? byGroup.get(subject.slice(from, end)) : undefined;
    };
  }

  /** Nodes of every generation hear each other: they must agree on the next one. */
  node(node: NodeId): string {
    return `${this.#cluster}.bus.${token(node)}`;
  }

  /** Where those ask who may only look: a subject of its own, so that the server can permit no more. */
  look(node: NodeId): string {
    return `${this.#cluster}.look.${token(node)}`;
  }

  get presence(): string {
    return `${this.#cluster}.presence`;
  }
}

function group(partition: Partition | undefined): string {
  return partition === undefined ? 'cluster' : `p${partition}`;
}

function unbase32(text: string): string | undefined {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const letter of text) {
    const five = ALPHABET.indexOf(letter);
    if (five < 0) return undefined;
    value = ((value << 5) | five) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >>> bits) & 0xff);
  }
  return Buffer.from(bytes).toString('utf8');
}

/** RFC 4648 base32 in lower case, without padding. */
function base32(bytes: Uint8Array): string {
  let out = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += ALPHABET[(value >>> bits) & 31];
    }
  }
  return bits > 0 ? out + ALPHABET[(value << (5 - bits)) & 31]! : out;
}
