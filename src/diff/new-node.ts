/**
 * A new node: for a live object, or a container that a delta makes.
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
import type { ContainerForm } from './operation.js';

/** @param shapeOf the number of a class's shape, which it may have to add */
export function newNode(id: number, live: object, kind: LiveKind, shapeOf: (of: ClassModel) => number): GraphNode {
  switch (kind.kind) {
    case 'instance':
      return new LooseInstance(id, shapeOf(kind.of));
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
    default:
      return newContainer(id, kind);
  }
}

/** A container without anything in it. */
export function newContainer(id: number, form: ContainerForm): GraphNode {
  switch (form.kind) {
    case 'object':
      return new DictionaryNode(id, form.nullPrototype);
    case 'array':
      return new ArrayNode(id);
    case 'map':
      return new MapNode(id);
    case 'set':
      return new SetNode(id);
    case 'view':
      return new ViewNode(id, form.view);
  }
}
