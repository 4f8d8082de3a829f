/**
 * A whole graph as bytes, and back; `wire/format.ts` specifies them.
 *
 * Invariant: a snapshot holds the nodes that can be reached and nothing else, in breadth-first order, so two graphs that are equal,
 * ids included, give the same bytes. Decoding checks everything and knows no class.
 */
import { TwinstateError } from '../shared/errors.js';
import { SNAPSHOT_MAGIC, SNAPSHOT_VERSION, Tag } from '../wire/format.js';
import { holdLimit, type Limits } from '../wire/limits.js';
import { ByteReader } from '../wire/reader.js';
import { readText, writeText } from '../wire/value.js';
import { ByteWriter } from '../wire/writer.js';
import { Application } from './apply.js';
import { Draft } from './draft.js';
import { isContainer, type ContainerNode } from './node.js';
import { NodeTable } from './node-table.js';
import { Fresh } from './operation.js';
import { OperationReader, readTexts } from './operation-reader.js';
import { writeFill, writeNew, writeTexts, type WriteNode } from './operation-writer.js';
import { Schema } from './schema.js';

const HEAD_BYTES = 3;

export function encodeSnapshot(table: NodeTable): Uint8Array {
  const writer = new ByteWriter(512);
  writer.u8(SNAPSHOT_MAGIC & 0xff);
  writer.u8(SNAPSHOT_MAGIC >> 8);
  writer.u8(SNAPSHOT_VERSION);
  writer.bytes(encodeSchema(table.schema));
  writer.varint(table.nextId);

  const walk = table.nextWalk();
  const queue: ContainerNode[] = [];
  let previousId = -1;
  const write: WriteNode = (to, node) => {
    if (node.mark === walk) {
      to.u8(Tag.ref);
      to.varint(node.id);
      return;
    }
    node.mark = walk;
    if (node.id !== previousId + 1) {
      to.u8(Tag.at);
      to.varint(node.id);
    }
    previousId = node.id;
    writeNew(to, node);
    if (isContainer(node)) queue.push(node);
  };
  write(writer, table.root);
  for (let i = 0; i < queue.length; i++) writeFill(writer, queue[i]!, write);
  return writer.finish();
}

/**
 * @param rootKind an instance for a session, an array for a blob
 * @throws {TwinstateError} `FORMAT_UNSUPPORTED`, `BYTES_CORRUPT`, `LIMIT_EXCEEDED`
 */
export function decodeSnapshot(bytes: Uint8Array, limits: Limits, rootKind: 'instance' | 'array'): NodeTable {
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

/** Reads the fingerprint of the model that wrote the snapshot's schema. */
export function fingerprintOf(snapshot: Uint8Array): string {
  return readText(new ByteReader(openSnapshot(snapshot).section, 'snapshot'));
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

function encodeSchema(schema: Schema): Uint8Array {
  const writer = new ByteWriter();
  writeText(writer, schema.fingerprint);
  writer.varint(schema.shapes.length);
  for (const { name, attributes } of schema.shapes) {
    writeText(writer, name);
    writeTexts(writer, attributes);
  }
  return writer.finish();
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
