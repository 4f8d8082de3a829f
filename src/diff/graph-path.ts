/**
 * Finds how the nodes of a graph are reached, as people write it.
 *
 * Invariant: the path is the shortest there is. Behind an attribute that is `sensitive` nothing more is said, not even a key.
 */
import type { AttributeModel, SessionModel } from '../model/session-model.js';
import { isNode, type GraphNode, type Stored } from './node.js';
import type { NodeTable } from './node-table.js';
import { attributeStep, entryStep, indexStep, joinPath, keyObjectStep, memberStep } from './path.js';

export interface NodePath {
  readonly path: string;
  /** It leads through a sensitive attribute, at which `path` ends. */
  readonly sensitive: boolean;
}

interface Place {
  readonly node: GraphNode;
  readonly from: Place | undefined;
  readonly step: string;
  readonly sensitive: boolean;
}

/** The attribute that stands in a slot, where the model knows it. */
export function attributeAt(
  table: NodeTable,
  model: SessionModel | undefined,
  shape: number,
  slot: number,
): AttributeModel | undefined {
  const { name, attributes } = table.schema.shapes[shape] ?? { name: '', attributes: [] };
  return model?.classes.get(name)?.attributes.find(({ wireName }) => wireName === attributes[slot]);
}

/** A slot as people write it: the property, or the name on the wire where the model does not know it. */
export function slotStep(table: NodeTable, model: SessionModel | undefined, shape: number, slot: number): string {
  const property = attributeAt(table, model, shape, slot)?.property;
  return attributeStep(property ?? table.schema.shapes[shape]?.attributes[slot] ?? `slot ${slot}`);
}

/** Walks breadth first until every sought id was met. Ids that cannot be reached are absent. */
export function pathsOf(table: NodeTable, sought: Iterable<number>, model?: SessionModel): Map<number, NodePath> {
  const missing = new Set(sought);
  const found = new Map<number, NodePath>();
  const seen = new Set<GraphNode>([table.root]);
  const queue: Place[] = [{ node: table.root, from: undefined, step: '', sensitive: false }];
  for (let i = 0; i < queue.length && missing.size > 0; i++) {
    const place = queue[i]!;
    if (missing.delete(place.node.id)) found.set(place.node.id, { path: pathTo(place), sensitive: place.sensitive });
    eachStep(table, model, place.node, (step, value, sensitive) => {
      if (!isNode(value) || seen.has(value)) return;
      seen.add(value);
      queue.push({ node: value, from: place, step: place.sensitive ? '' : step, sensitive: place.sensitive || sensitive });
    });
  }
  return found;
}

function pathTo(place: Place): string {
  const steps: string[] = [];
  for (let at: Place | undefined = place; at !== undefined; at = at.from) steps.push(at.step);
  return joinPath(steps.toReversed());
}

function eachStep(
  table: NodeTable,
  model: SessionModel | undefined,
  node: GraphNode,
  visit: (step: string, value: Stored | undefined, sensitive: boolean) => void,
): void {
  switch (node.kind) {
    case 'instance':
      for (let slot = 0; slot < node.slotCount; slot++) {
        const value = node.get(slot);
        if (!isNode(value)) continue;
        visit(slotStep(table, model, node.shape, slot), value, attributeAt(table, model, node.shape, slot)?.sensitive === true);
      }
      for (const [key, value] of node.keys) visit(attributeStep(key), value, false);
      return;
    case 'object':
      for (const [key, value] of node.keys) visit(attributeStep(key), value, false);
      return;
    case 'array':
      node.elements.forEach((value, index) => visit(indexStep(index), value, false));
      return;
    case 'map': {
      let position = 0;
      for (const [key, value] of node.entries) {
        visit(keyObjectStep(position), key, false);
        visit(isNode(key) ? `.values()[${position}]` : entryStep(key), value, false);
        position++;
      }
      return;
    }
    case 'set': {
      let position = 0;
      for (const member of node.members) visit(memberStep(position++), member, false);
      return;
    }
    case 'view':
      visit('.buffer', node.buffer, false);
      return;
    default:
  }
}
