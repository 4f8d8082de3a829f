/**
 * An engine as a later release of Twinstate would use it: what it stores of sessions is of the next format, which this release does
 * not read, and it reads both. Everything else is as it is.
 */
import type { Engine, EngineConnection, SnapshotEntry, Snapshots, StoredGeneration } from '../../src/engine/port.js';
import { crc32 } from '../../src/wire/checksum.js';

const FORMAT_AT = 1;
const LATER = 4;
const NOW = 3;
/** Magic, format and two positions, of which the tests use small ones, stay where they are in every release; see `encodeStored`. */
const STAYS_BYTES_MAX = 2 + 2 * 8;

/** What a later release makes of a stored session of this one, and back: nothing but what stays is readable in it. */
export function otherFormatOf(value: Uint8Array, from: number, to: number): Uint8Array {
  if (value[FORMAT_AT] !== from) return value;
  const bytes = Uint8Array.from(value);
  bytes[FORMAT_AT] = to;
  for (let i = endOfStanding(bytes); i < bytes.byteLength - 4; i++) bytes[i]! ^= 0xa5;
  new DataView(bytes.buffer).setUint32(bytes.byteLength - 4, crc32(bytes.subarray(0, -4)), true);
  return bytes;
}

export const asLater = (value: Uint8Array): Uint8Array => otherFormatOf(value, NOW, LATER);
export const isLater = (value: Uint8Array): boolean => value[FORMAT_AT] === LATER;

/** Behind two variable-length numbers. */
function endOfStanding(bytes: Uint8Array): number {
  let numbers = 2;
  let at = FORMAT_AT + 1;
  for (; numbers > 0 && at < STAYS_BYTES_MAX; at++) if (bytes[at]! < 0x80) numbers--;
  return at;
}

export function laterRelease(engine: Engine): Engine {
  return {
    name: engine.name,
    async connect(request) {
      const connection = await engine.connect(request);
      const later: EngineConnection = Object.create(connection, {
        snapshots: { value: laterSnapshots(connection.snapshots) },
        open: {
          value: async (generation: number): Promise<StoredGeneration> => {
            const { log, snapshots } = await connection.open(generation);
            return { generation, log, snapshots: laterSnapshots(snapshots) };
          },
        },
        generations: { value: () => connection.generations() },
        close: { value: () => connection.close() },
        link: { get: () => connection.link },
      });
      return later;
    },
  };
}

function laterSnapshots(inner: Snapshots): Snapshots {
  const opened = (entry: SnapshotEntry): SnapshotEntry => ({ ...entry, value: otherFormatOf(entry.value, LATER, NOW) });
  const scan = inner.scan?.bind(inner);
  return {
    put: (partition, key, value, expected) =>
      inner.put(partition, key, partition === undefined ? value : otherFormatOf(value, NOW, LATER), expected),
    get: async (partition, key) => {
      const found = await inner.get(partition, key);
      return found && (partition === undefined ? found : opened(found));
    },
    list: async (partition) => {
      const listing = await inner.list(partition);
      return listing && { ...listing, entries: listing.entries.map(opened) };
    },
    remove: (partition, key, expected) => inner.remove(partition, key, expected),
    ...(scan && {
      scan: (partitions, take) => scan(partitions, (partition, entries) => take(partition, entries.map(opened))),
    }),
  };
}
