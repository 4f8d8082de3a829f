/**
 * A copy of a node, and putting a node back to what its copy says.
 *
 * Invariant: a copy shares no container with its node; only its values are the same. What is put back is as it was in every way that
 * a comparison or an encoding can see.
 */
import { DictionaryNode, type GraphNode } from './node.js';

export function copyNode<N extends GraphNode>(node: N): N {
  const copy = Object.assign(Object.create(Object.getPrototypeOf(node) as object) as N, node);
  switch (copy.kind) {
    case 'instance':
      if (Object.hasOwn(copy, 'keys')) copy.keys = copy.keys.copy();
      if (Object.hasOwn(copy, 'slots')) own(copy, 'slots');
      if (Object.hasOwn(copy, 'more')) own(copy, 'more');
      break;
    case 'object':
      if (copy instanceof DictionaryNode) copy.entries = copy.entries.copy();
      break;
    case 'array':
      copy.elements = copy.elements.slice();
      break;
    case 'map':
      copy.entries = copy.entries.copy();
      break;
    case 'set':
      copy.members = copy.members.copy();
      break;
    default:
  }
  return copy;
}

function own(copy: object, property: 'slots' | 'more'): void {
  const holder = copy as Record<'slots' | 'more', unknown[] | undefined>;
  holder[property] = holder[property]?.slice();
}

/** Its source and whether it is shared are left as they are. */
export function putBack(node: GraphNode, copy: GraphNode): void {
  const prototype = Object.getPrototypeOf(copy) as object;
  if (Object.getPrototypeOf(node) !== prototype) Object.setPrototypeOf(node, prototype);
  for (const property of Object.keys(node)) if (!Object.hasOwn(copy, property)) Reflect.deleteProperty(node, property);
  Object.assign(node, copy, { source: node.source, shared: node.shared, mark: 0 });
}
