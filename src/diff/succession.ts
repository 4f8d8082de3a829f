/**
 * A newer state in the place of an older one: the nodes of a snapshot take over the live objects that stand for the same ids.
 *
 * Invariant: a live object goes to a node that can stand for it, and to no other; where there is none, a new one is made.
 */
import type { SessionModel } from '../model/session-model.js';
import type { Limits } from '../wire/limits.js';
import { Binding } from './binding.js';
import { blobCodec } from './blob.js';
import { wrongRoot } from './graph-refusal.js';
import { kindOf } from './live-kind.js';
import { Materialiser } from './materialiser.js';
import type { GraphNode } from './node.js';
import { looksLike } from './likeness.js';
import type { NodeTable } from './node-table.js';
import { decodeSnapshot } from './snapshot.js';

/**
 * Decodes a snapshot and gives its nodes live objects.
 *
 * @param before where live objects are looked for, first to last
 * @param write whether the live objects that are taken over get the snapshot's content
 * @throws {TwinstateError} as `Graph.decode` and `Graph.bind`, or what a constructor or a setter throws
 */
export function succeed(
  snapshot: Uint8Array,
  before: readonly NodeTable[],
  model: SessionModel,
  limits: Limits,
  write: boolean,
): { readonly table: NodeTable; readonly binding: Binding } {
  const table = decodeSnapshot(snapshot, limits, 'instance');
  holdRoot(table, model);
  const binding = Binding.of(model, table.schema, blobCodec);
  const attach = (node: GraphNode, live: object): void => {
    table.link(node, live);
  };
  const kept = keepObjects(table, before, binding, attach);
  const materialiser = new Materialiser(binding, attach);
  for (const node of kept) materialiser.prepare(node);
  materialiser.make([table.root, ...kept]);
  if (write) for (const node of kept) materialiser.fill(node);
  return { table, binding };
}

/** Views come last: they need their buffers. */
function keepObjects(
  next: NodeTable,
  before: readonly NodeTable[],
  binding: Binding,
  attach: (node: GraphNode, live: object) => void,
): GraphNode[] {
  const kept: GraphNode[] = [];
  const keep = (node: GraphNode): void => {
    if (node.kind === 'blob') return;
    for (const { nodes } of before) {
      const live = nodes.get(node.id)?.source;
      if (live === undefined || next.bySource.has(live) || (node.id > 0 && isFixed(node, live))) continue;
      const kind = kindOf(live, binding.kinds);
      if (kind === undefined || !looksLike(node, live, kind, binding)) continue;
      if (node.kind === 'view' && node.buffer!.source !== (live as ArrayBufferView).buffer) continue;
      attach(node, live);
      kept.push(node);
      return;
    }
  };
  const nodes = [...next.nodes.values()];
  for (const node of nodes) if (node.kind !== 'view') keep(node);
  for (const node of nodes) if (node.kind === 'view') keep(node);
  return kept;
}

/** What the application froze may not take its content, and gives way to another object. */
function isFixed({ kind }: GraphNode, live: object): boolean {
  if (kind === 'object' || kind === 'array') return !Object.isExtensible(live);
  return kind === 'instance' && Object.isFrozen(live);
}

/** @throws {TwinstateError} `FINGERPRINT_MISMATCH` where it is a session of another class */
export function holdRoot({ root, schema }: NodeTable, model: SessionModel): void {
  const name = root.kind === 'instance' ? schema.shapes[root.shape]!.name : '';
  if (name !== model.root.name) throw wrongRoot(model, `a session of class ${name}, stored by the model ${schema.fingerprint}`);
}
