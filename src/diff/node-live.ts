/**
 * The correspondence of nodes and live objects: which kind fits which, and a new node for an object.
 *
 * Invariant: where `looksLike` says yes, the node can take every content that the object may have, so that it can stand for it.
 */
import { copyBytes } from '../shared/bytes.js';
import type { ClassModel } from '../model/session-model.js';
import type { Binding } from './binding.js';
import type { LiveKind } from './live-kind.js';
import {
  ArrayNode,
  BytesNode,
  DateNode,
  InstanceNode,
  MapNode,
  ObjectNode,
  RegExpNode,
  SetNode,
  UrlNode,
  ViewNode,
} from './node.js';
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

/** @param shapeOf the number of a class's shape, which it may have to add */
export function newNode(id: number, live: object, kind: LiveKind, shapeOf: (of: ClassModel) => number): GraphNode {
  switch (kind.kind) {
    case 'instance':
      return new InstanceNode(id, shapeOf(kind.of));
    case 'object':
      return new ObjectNode(id, kind.nullPrototype);
    case 'array':
      return new ArrayNode(id);
    case 'map':
      return new MapNode(id);
    case 'set':
      return new SetNode(id);
    case 'view':
      return new ViewNode(id, kind.view);
    case 'date':
      return new DateNode(id, (live as Date).getTime());
    case 'regexp': {
      const { source, flags, lastIndex } = live as RegExp;
      return new RegExpNode(id, source, flags, lastIndex);
    }
    case 'url':
      return new UrlNode(id, (live as URL).href);
    case 'buffer':
    case 'arrayBuffer':
      return new BytesNode(id, kind.kind, copyBytes(liveBytes(live as Buffer | ArrayBuffer)));
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
