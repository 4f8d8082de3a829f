/**
 * One value as bytes of its own, for attributes that are compared portion by portion.
 *
 * Invariant: a blob is a snapshot of an array around the value, with its own ids and schema: identities inside it are kept, those
 * across its border are not. Blobs do not nest: within one, every attribute without a codec is part of the graph.
 */
import type { SessionModel } from '../model/session-model.js';
import { resolveLimits } from '../wire/limits.js';
import { Binding, type BlobCodec } from './binding.js';
import { Comparison } from './comparison.js';
import { Draft } from './draft.js';
import { Materialiser } from './materialiser.js';
import { NodeTable } from './node-table.js';
import { decodeSnapshot } from './snapshot.js';
import { encodeSnapshot } from './snapshot-writer.js';

export const blobCodec: BlobCodec = {
  encode(value, model, pathOf) {
    const table = new NodeTable();
    new Comparison(new Draft(table), Binding.of(model, table.schema, undefined), [value], pathOf).run();
    return encodeSnapshot(table);
  },

  decode(bytes, model: SessionModel) {
    const table = decodeSnapshot(bytes, resolveLimits(model.limits), 'array');
    const { root } = table;
    new Materialiser(Binding.of(model, table.schema, undefined), (node, live) => (node.source = live)).make([root]);
    return (root.source as unknown as unknown[])[0];
  },
};
