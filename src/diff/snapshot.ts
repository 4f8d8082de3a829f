/**
 * Decodes a whole graph from bytes; `wire/format.ts` specifies them, `snapshot-writer.ts` writes them.
 *
 * Invariant: decoding checks everything and knows no class.
 */
import { copyBytes } from '../shared/bytes.js';
import { TwinstateError } from '../shared/errors.js';
import { SNAPSHOT_MAGIC, SNAPSHOT_VERSION } from '../wire/format.js';
import { latin1Text } from '../wire/buffer-text.js';
import { holdLimit, type Limits } from '../wire/limits.js';
import { ByteReader } from '../wire/reader.js';
import { readText } from '../wire/value.js';
import { Application } from './apply.js';
import { Draft } from './draft.js';
import { NodeTable } from './node-table.js';
import { Fresh } from './operation.js';
import { OperationReader, readTexts } from './operation-reader.js';
import { Schema } from './schema.js';
import { TableReader } from './table-reader.js';

const HEAD_BYTES = 3;

/**
 * @param rootKind an instance for a session, an array for a blob
 * @throws {TwinstateError} `FORMAT_UNSUPPORTED`, `BYTES_CORRUPT`, `LIMIT_EXCEEDED`
 */
export function decodeSnapshot(bytes: Uint8Array, limits: Limits, rootKind: 'instance' | 'array'): NodeTable {
  if (bytes.byteLength <= limits.sessionBytesMax) {
    try {
      const { byteLength, schema } = headOf(bytes);
      return new TableReader(bytes, byteLength, '', schema, limits).run(rootKind);
    } catch {
      // whatever it was, the strict way meets it too and says what it is
    }
  }
  return decodeStrictly(bytes, limits, rootKind);
}

/** As `decodeSnapshot`, operation by operation: slower, with an error for everything that is wrong. */
export function decodeStrictly(bytes: Uint8Array, limits: Limits, rootKind: 'instance' | 'array'): NodeTable {
  holdLimit(limits, 'sessionBytesMax', bytes.byteLength, 'a snapshot');
  const { reader, section } = openSnapshot(bytes);
  const table = new NodeTable();
  table.schema = decodeSchema(new ByteReader(section, 'snapshot'));
  const nextId = reader.varint();
  const operations = new OperationReader(reader, 'snapshot', limits);
  const application = new Application(new Draft(table), limits);
  try {
    const root = operations.value();
    if (!(root instanceof Fresh) || root.target !== 0 || root.form.kind !== rootKind) {
      return reader.fail(`a root of kind ${rootKind}`, 'something else');
    }
    application.resolve(root);
    for (let operation = operations.next(); operation !== undefined; operation = operations.next()) application.apply(operation);
  } catch (error) {
    if (error instanceof TwinstateError && error.code === 'DELTA_MISMATCH') {
      reader.fail(error.expected ?? 'a graph', error.received ?? 'something else', error);
    }
    throw error;
  }
  if (nextId < table.nextId) reader.fail(`a next id of at least ${table.nextId}`, `${nextId}`);
  table.nextId = nextId;
  table.liveCount = table.size;
  table.garbage = false;
  return table;
}

/**
 * Finds the schema section of a snapshot: fingerprint, class and attribute names, the same bytes for all sessions of a class that
 * the same model wrote. It stands behind its length.
 */
export function schemaSection(snapshot: Uint8Array): { readonly offset: number; readonly lengthBytes: number } {
  const { section } = openSnapshot(snapshot);
  return { offset: section.byteOffset - snapshot.byteOffset, lengthBytes: section.byteLength };
}

/** What stands before the nodes. */
export interface SnapshotHead {
  readonly bytes: Buffer;
  readonly byteLength: number;
  readonly schema: Schema;
}

const HEADS_MAX = 256;
/** A longer head is read again each time. */
export const HEAD_BYTES_MAX = 32_768;
/** By their bytes as text; the oldest first. Most snapshots have the head of the one before. */
const heads = new Map<string, SnapshotHead>();
let lastHead: SnapshotHead | undefined;

/** Reads the head; equal heads are one. @throws {TwinstateError} `FORMAT_UNSUPPORTED`, `BYTES_CORRUPT` */
export function headOf(snapshot: Uint8Array): SnapshotHead {
  // a head says where it ends, so no other one begins with it
  const last = lastHead;
  if (last !== undefined && last.byteLength <= snapshot.byteLength && last.bytes.compare(snapshot, 0, last.byteLength) === 0) {
    return last;
  }
  const { offset, lengthBytes } = schemaSection(snapshot);
  const byteLength = offset + lengthBytes;
  const text = byteLength <= HEAD_BYTES_MAX ? latin1Text(snapshot, 0, byteLength) : '';
  let head = heads.get(text);
  if (head === undefined) {
    const bytes = Buffer.from(copyBytes(snapshot.subarray(0, byteLength)).buffer);
    head = { bytes, byteLength, schema: decodeSchema(new ByteReader(bytes.subarray(offset), 'snapshot')) };
    if (text === '') return head;
    if (heads.size >= HEADS_MAX) heads.delete(heads.keys().next().value!);
    heads.set(text, head);
  }
  lastHead = head;
  return head;
}

function openSnapshot(bytes: Uint8Array): { reader: ByteReader; section: Uint8Array } {
  const reader = new ByteReader(bytes, 'snapshot');
  if (reader.left < HEAD_BYTES || (reader.u8() | (reader.u8() << 8)) !== SNAPSHOT_MAGIC) {
    return reader.fail('a snapshot of Twinstate', 'other bytes');
  }
  const version = reader.u8();
  if (version !== SNAPSHOT_VERSION) {
    throw new TwinstateError('FORMAT_UNSUPPORTED', 'this snapshot has another format', {
      expected: `version ${SNAPSHOT_VERSION}`,
      received: `version ${version}`,
      cure: 'read it with the release of Twinstate that wrote it',
    });
  }
  return { reader, section: reader.bytes() };
}

function decodeSchema(reader: ByteReader): Schema {
  const fingerprint = readText(reader);
  const names = new Set<string>();
  const shapes = Array.from({ length: reader.count(2) }, () => {
    const shape = { name: readText(reader), attributes: readTexts(reader) };
    if (names.has(shape.name) || new Set(shape.attributes).size < shape.attributes.length)
      reader.fail('names once each', shape.name);
    names.add(shape.name);
    return shape;
  });
  reader.end();
  return new Schema(shapes, fingerprint);
}
