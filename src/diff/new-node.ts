/**
 * A new node for a live object.
 *
 * Invariant: a new node is loose. A leaf holds its content, a container is filled later.
 */
import { copyBytes } from '../shared/bytes.js';
import type { ClassModel } from '../model/session-model.js';
import { liveBytes } from './likeness.js';
import type { LiveKind } from './live-kind.js';
import {
  ArrayNode,
  BytesNode,
  DateNode,
  DictionaryNode,
  LooseInstance,
  MapNode,
  RegExpNode,
  SetNode,
  UrlNode,
  ViewNode,
  type GraphNode,
} from './node.js';

/** @param shapeOf the number of a class's shape, which it may have to add */
export function newNode(id: number, live: object, kind: LiveKind, shapeOf: (of: ClassModel) => number): GraphNode {
  switch (kind.kind) {
    case 'instance':
      return new LooseInstance(id, shapeOf(kind.of));
    case 'object':
      return new DictionaryNode(id, kind.nullPrototype);
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
