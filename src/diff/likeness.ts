/**
 * Which nodes can stand for which live objects.
 *
 * Invariant: where `looksLike` says yes, the node can take every content that the object may have, so that it can stand for it.
 */
import type { ClassModel } from '../model/session-model.js';
import type { Binding } from './binding.js';
import type { LiveKind } from './live-kind.js';
import type { GraphNode } from './node.js';

export function looksLike(node: GraphNode, live: object, kind: LiveKind, binding: Binding): boolean {
  if (node.kind !== kind.kind) return false;
  switch (node.kind) {
    case 'instance':
      return binding.ofShape(node.shape)?.of === (kind as { of: ClassModel }).of;
    case 'object':
      return node.nullPrototype === (kind as { nullPrototype: boolean }).nullPrototype;
    case 'view': {
      const view = live as ArrayBufferView;
      return (
        node.view === (kind as { view: number }).view &&
        node.offsetBytes === view.byteOffset &&
        node.length === viewLength(view) &&
        node.buffer!.bytes.byteLength === view.buffer.byteLength &&
        (node.source !== live || node.buffer!.source === view.buffer)
      );
    }
    case 'regexp':
      return node.source === live || (node.pattern === (live as RegExp).source && node.flags === (live as RegExp).flags);
    case 'buffer':
    case 'arrayBuffer':
      return node.bytes.byteLength === (live as ArrayBuffer | Buffer).byteLength;
    default:
      return true;
  }
}

/** A view of the object's bytes, not a copy. Never a `Buffer`: its `slice` would not copy. */
export function liveBytes(live: Buffer | ArrayBuffer): Uint8Array {
  return live instanceof ArrayBuffer ? new Uint8Array(live) : new Uint8Array(live.buffer, live.byteOffset, live.byteLength);
}

/** In elements; a `DataView` has bytes. */
export function viewLength(view: ArrayBufferView): number {
  return view instanceof DataView ? view.byteLength : (view as Uint8Array).length;
}
