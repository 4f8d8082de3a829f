/**
 * The engine of a process of a later release: its records have a format that this release does not know, and it reads both.
 *
 * Invariant: every record is turned into the format of whoever reads or writes it, on its way between the log and the process. Nothing
 * else of a later release is different here, so whatever goes wrong is what records of another release do.
 */
import { RECORD_FORMAT } from '../../src/replication/record.js';
import { crc32 } from '../../src/wire/checksum.js';
import type { Engine, EngineConnection, Log, LogEntry, StoredGeneration } from '../../src/engine/port.js';

const LATER_FORMAT = RECORD_FORMAT + 1;
/** Where a record has its format, in every release. */
const FORMAT_AT = 1;
const CHECKSUM_BYTES = 4;

export function ofLaterRelease(engine: Engine): Engine {
  return {
    name: engine.name,
    connect: async (request) => {
      const inner = await engine.connect(request);
      const { bus, messageBytesMax, link } = inner;
      const connection: EngineConnection = {
        ...translated(inner),
        bus,
        messageBytesMax,
        link,
        open: async (generation) => translated(await inner.open(generation)),
        generations: () => inner.generations(),
        close: () => inner.close(),
      };
      return connection;
    },
  };
}

function translated({ generation, log, snapshots }: StoredGeneration): StoredGeneration {
  const later: Log = {
    append: (at, expected, record) => log.append(at, expected, turned(record, RECORD_FORMAT, LATER_FORMAT)),
    read: async (at, after, limits) => {
      const read = await log.read(at, after, limits);
      return read && { ...read, entries: read.entries.map(received) };
    },
    follow: (at, after, listener) => log.follow(at, after, (entry) => listener(received(entry))),
    identity: () => log.identity(),
    trim: (at, upTo) => log.trim(at, upTo),
  };
  return { generation, log: later, snapshots };
}

function received({ sequence, record }: LogEntry): LogEntry {
  return { sequence, record: turned(record, LATER_FORMAT, RECORD_FORMAT) };
}

/** A copy in another format, where the record is whole and of this one. */
function turned(record: Uint8Array, from: number, to: number): Uint8Array {
  const bytes = Buffer.from(record);
  const end = bytes.byteLength - CHECKSUM_BYTES;
  if (end <= FORMAT_AT || bytes[FORMAT_AT] !== from || bytes.readUInt32LE(end) !== crc32(bytes.subarray(0, end))) return record;
  bytes[FORMAT_AT] = to;
  bytes.writeUInt32LE(crc32(bytes.subarray(0, end)), end);
  return bytes;
}
