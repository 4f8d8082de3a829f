/**
 * Compares what immutable attributes hold with what was replicated of it: deeply, and only where somebody asks for it, because a
 * comparison never looks there.
 *
 * Invariant: nothing is changed, and no object is looked at twice. What can also be reached through a mutable attribute was compared
 * and replicated before this looks at it, so it is no finding.
 */
import { bytesEqual } from '../shared/bytes.js';
import { readAttribute } from '../model/attribute-access.js';
import type { AttributeModel } from '../model/session-model.js';
import { blobCodec } from './blob.js';
import type { Graph } from './graph.js';
import type { OrderedMap } from './ordered-entries.js';
import { HOLE, isNode, type BytesNode, type GraphNode, type InstanceNode, type Stored } from './node.js';
import { liveBytes } from './likeness.js';
import { attributeStep, entryStep, indexStep, joinPath, keyObjectStep, memberStep } from './path.js';

/**
 * Finds the first thing inside an immutable attribute that is not as it was replicated. Compare before: the graph must equal the live
 * objects in all that is mutable.
 *
 * @param graph bound to live objects
 * @returns its path, which ends where something sensitive begins; undefined where all is as it was
 */
export function changedImmutable(graph: Graph): string | undefined {
  const audit = new ImmutableAudit(graph);
  for (const id of graph.reachable()) {
    const node = graph.node(id);
    if (node?.kind !== 'instance' || node.source === undefined) continue;
    const found = audit.immutablesOf(node, node.source);
    if (found !== undefined) return joinPath([`.${graph.pathOf(id) ?? ''}`, found]);
  }
  return undefined;
}

class ImmutableAudit {
  readonly #graph: Graph;
  readonly #seen = new Set<GraphNode>();

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  immutablesOf(node: InstanceNode, live: object): string | undefined {
    return this.#attributes(node, live, ({ mutable }) => !mutable);
  }

  #attributes(node: InstanceNode, live: object, chosen: (attribute: AttributeModel) => boolean): string | undefined {
    for (let slot = 0; slot < node.slotCount; slot++) {
      const attribute = this.#graph.attributeAt(node.id, slot);
      const stored = node.get(slot);
      // what was never given has its initialiser
      if (attribute === undefined || stored === HOLE || !chosen(attribute)) continue;
      const now = readAttribute(attribute, live);
      const step = attributeStep(attribute.property);
      const isBlob = isNode(stored) && stored.kind === 'blob';
      const found = isBlob ? this.#blob(now, stored, attribute) : this.#value(now, stored);
      if (found !== undefined) return attribute.sensitive ? step : `${step}${found}`;
    }
    return undefined;
  }

  #blob(live: unknown, { bytes }: BytesNode, { codec }: AttributeModel): string | undefined {
    const now = codec === undefined ? blobCodec.encode(live, this.#graph.model!) : codec.encode(live);
    return bytesEqual(now, bytes) ? undefined : '';
  }

  /** The steps to what differs; undefined where nothing does. */
  #value(live: unknown, stored: Stored | undefined): string | undefined {
    if (!isNode(stored)) return Object.is(live, stored) ? undefined : '';
    if (typeof live !== 'object' || live === null) return '';
    if (this.#seen.has(stored)) return undefined;
    this.#seen.add(stored);
    return this.#object(live, stored);
  }

  #object(live: object, node: GraphNode): string | undefined {
    const unless = (same: boolean): string | undefined => (same ? undefined : '');
    switch (node.kind) {
      case 'date':
        return unless(live instanceof Date && Object.is(live.getTime(), node.time));
      case 'url':
        return unless(live instanceof URL && live.href === node.href);
      case 'regexp':
        return unless(live instanceof RegExp && live.source === node.pattern && live.flags === node.flags);
      case 'buffer':
      case 'arrayBuffer':
        return unless((Buffer.isBuffer(live) || live instanceof ArrayBuffer) && bytesEqual(liveBytes(live), node.bytes));
      case 'view':
        return ArrayBuffer.isView(live) ? this.#value(live.buffer, node.buffer) : '';
      case 'array': {
        if (!Array.isArray(live)) return '';
        const same = (stored: Stored, i: number): string | undefined =>
          stored === HOLE ? unless(!Object.hasOwn(live, i)) : this.#value(live[i], stored);
        const found = firstOf(node.elements, (stored, i) => prefixed(indexStep(i), same(stored, i)));
        return found ?? unless(live.length === node.elements.length);
      }
      case 'map': {
        if (!(live instanceof Map)) return '';
        const entries = [...(live as Map<unknown, unknown>)];
        const found = firstOf([...node.entries], ([key, value], i) => {
          const step = isNode(key) ? keyObjectStep(i) : entryStep(key);
          if (i >= entries.length || this.#value(entries[i]![0], key) !== undefined) return step;
          return prefixed(isNode(key) ? `.values()[${i}]` : step, this.#value(entries[i]![1], value));
        });
        return found ?? unless(entries.length === node.entries.size);
      }
      case 'set': {
        if (!(live instanceof Set)) return '';
        const members = [...(live as Set<unknown>)];
        const found = firstOf([...node.members], (member, i) => prefixed(memberStep(i), this.#value(members[i], member)));
        return found ?? unless(members.length === node.members.size);
      }
      case 'object':
        return this.#keys(live, node.keys);
      case 'instance':
        return this.#attributes(node, live, () => true);
      case 'blob':
        return undefined;
    }
  }

  #keys(live: object, keys: OrderedMap<string, Stored>): string | undefined {
    const found = firstOf([...keys], ([key, stored]) => {
      const step = attributeStep(key);
      if (!Object.hasOwn(live, key)) return step;
      return prefixed(step, this.#value((live as Record<string, unknown>)[key], stored));
    });
    const added = Object.keys(live).find((key) => !keys.has(key));
    return found ?? (added === undefined ? undefined : attributeStep(added));
  }
}

function firstOf<T>(values: readonly T[], find: (value: T, index: number) => string | undefined): string | undefined {
  for (let i = 0; i < values.length; i++) {
    const found = find(values[i]!, i);
    if (found !== undefined) return found;
  }
  return undefined;
}

function prefixed(step: string, found: string | undefined): string | undefined {
  return found === undefined ? undefined : `${step}${found}`;
}
