/**
 * Carries what a draft did to a bound graph over to the live objects, slot by slot.
 *
 * Invariant: a live slot that still holds what the graph held before the draft gets what the graph holds now. One that does not
 * (a local change that was not compared yet) is left alone and reported, so that the next comparison sees it as a change.
 */
import { bytesEqual } from '../shared/bytes.js';
import { readAttribute } from '../model/attribute-access.js';
import { writeKey } from './live-write.js';
import type { Binding } from './binding.js';
import type { Draft } from './draft.js';
import {
  HOLE,
  isNode,
  type ArrayNode,
  type BytesNode,
  type GraphNode,
  type InstanceNode,
  type KeyedNode,
  type Stored,
} from './node.js';
import { liveBytes } from './likeness.js';
import type { OrderedMap, OrderedSet } from './ordered-entries.js';
import type { Materialiser } from './materialiser.js';
import { attributeStep, entryStep, memberStep } from './path.js';

/** A slot that both a delta and an uncompared local change touched; the live one was left as it is. */
export interface Clash {
  /** The node. */
  readonly id: number;
  /** Within the node, as people write it; empty where the node is one slot. */
  readonly slot: string;
}

export class Mirror {
  readonly #binding: Binding;
  readonly #materialiser: Materialiser;
  readonly #clashes: Clash[] = [];

  constructor(binding: Binding, materialiser: Materialiser) {
    this.#binding = binding;
    this.#materialiser = materialiser;
  }

  carry(draft: Draft): Clash[] {
    const touched = [...draft.before].filter(([node]) => node.source !== undefined || node.kind === 'blob');
    for (const [node] of touched) this.#materialiser.prepare(node.kind === 'blob' ? (node.holder ?? node) : node);
    this.#materialiser.make(touched.map(([node]) => node).filter((node) => node.kind !== 'blob'));
    // before anything is written, because half of a delta would be left behind
    for (const [node, before] of touched) if (node.source !== undefined) holdWritable(node.source, node, before);
    for (const [node, before] of touched) this.#carry(node, before);
    return this.#clashes;
  }

  #carry(node: GraphNode, before: GraphNode): void {
    if (node.kind === 'instance' && before.kind === 'instance') return this.#instance(node, before);
    if (node.kind === 'blob') return this.#blob(node, (before as BytesNode).bytes);
    if (holds(node.source!, before)) return this.#materialiser.fill(node);
    switch (node.kind) {
      case 'object':
        return this.#keys(node, before as KeyedNode);
      case 'map':
        return this.#entries(node.id, node.source as Map<unknown, unknown>, (before as typeof node).entries, node.entries);
      case 'set':
        return this.#members(node.id, node.source as Set<unknown>, (before as typeof node).members, node.members);
      default:
        this.#clash(node, '');
    }
  }

  #instance(node: InstanceNode, before: InstanceNode): void {
    const { attributes, of } = this.#materialiser.boundClass(node);
    attributes.forEach((attribute, slot) => {
      const now = node.get(slot);
      const old = before.get(slot);
      if (attribute === undefined || Object.is(now, old)) return;
      if (this.#attributeHolds(readAttribute(attribute, node.source!), old, attribute)) this.#materialiser.writeSlot(node, slot);
      else this.#clash(node, attributeStep(attribute.property));
    });
    if (of.open) this.#keys(node, before);
  }

  /** True where the live value is what was stored. What was never given has its initialiser, which gives way. */
  #attributeHolds(live: unknown, stored: Stored, attribute: Parameters<Materialiser['attributeValue']>[0]): boolean {
    if (stored === HOLE) return true;
    if (!isNode(stored) || stored.kind !== 'blob') return is(live, stored);
    return this.#encodesTo(live, stored.bytes, attribute);
  }

  #encodesTo(live: unknown, bytes: Uint8Array, attribute: Parameters<Materialiser['attributeValue']>[0]): boolean {
    if (live === undefined || live === null) return false;
    const { blobs, model } = this.#binding;
    const now = attribute.codec === undefined ? blobs?.encode(live, model) : attribute.codec.encode(live);
    return now !== undefined && bytesEqual(now, bytes);
  }

  #blob(node: BytesNode, before: Uint8Array): void {
    const { holder } = node;
    if (holder?.source === undefined) return;
    const { attributes } = this.#materialiser.boundClass(holder);
    const slot = attributes.findIndex((_, at) => holder.get(at) === node);
    const attribute = attributes[slot];
    if (attribute === undefined) return;
    if (this.#encodesTo(readAttribute(attribute, holder.source), before, attribute)) this.#materialiser.writeSlot(holder, slot);
    else this.#clash(holder, attributeStep(attribute.property));
  }

  #keys(node: KeyedNode, { keys: old }: KeyedNode): void {
    const { keys } = node;
    const live = node.source as Record<string, unknown>;
    for (const key of new Set([...old.keys(), ...keys.keys()])) {
      const now = keys.get(key);
      if (old.has(key) === keys.has(key) && Object.is(old.get(key), now)) continue;
      const untouched = Object.hasOwn(live, key) ? old.has(key) && is(live[key], old.get(key)) : !old.has(key);
      if (!untouched) this.#clash(node, attributeStep(key));
      else if (keys.has(key)) writeKey(live, key, this.#materialiser.value(now));
      else Reflect.deleteProperty(live, key);
    }
  }

  #entries(id: number, live: Map<unknown, unknown>, old: OrderedMap<Stored, Stored>, now: OrderedMap<Stored, Stored>): void {
    for (const stored of new Set([...old.keys(), ...now.keys()])) {
      if (old.has(stored) === now.has(stored) && Object.is(old.get(stored), now.get(stored))) continue;
      const key = this.#materialiser.value(stored);
      const untouched = live.has(key) ? old.has(stored) && is(live.get(key), old.get(stored)) : !old.has(stored);
      if (!untouched) this.#clashes.push({ id, slot: entryStep(isNode(stored) ? `#${stored.id}` : stored) });
      else if (now.has(stored)) live.set(key, this.#materialiser.value(now.get(stored)));
      else live.delete(key);
    }
  }

  #members(id: number, live: Set<unknown>, old: OrderedSet<Stored>, now: OrderedSet<Stored>): void {
    let position = 0;
    for (const stored of new Set([...old, ...now])) {
      position++;
      if (old.has(stored) === now.has(stored)) continue;
      const member = this.#materialiser.value(stored);
      // a member has no value to differ in: both sides did the same, or only one did
      if (live.has(member) !== old.has(stored)) this.#clashes.push({ id, slot: memberStep(position - 1) });
      else if (now.has(stored)) live.add(member);
      else live.delete(member);
    }
  }

  #clash(node: GraphNode, slot: string): void {
    this.#clashes.push({ id: node.id, slot });
  }
}

/** Throws where the application froze or sealed what has to change. */
function holdWritable(live: object, node: GraphNode, before: GraphNode): void {
  if (Object.isExtensible(live)) return;
  const isFixed =
    (node.kind === 'object' && (Object.isFrozen(live) || !sameKeys(node.keys, (before as KeyedNode).keys))) ||
    (node.kind === 'array' && (Object.isFrozen(live) || node.elements.length !== (before as ArrayNode).elements.length)) ||
    (node.kind === 'instance' && Object.isFrozen(live));
  if (isFixed) throw new TypeError('an object that has to change is frozen or sealed');
}

function sameKeys(a: OrderedMap<string, Stored>, b: OrderedMap<string, Stored>): boolean {
  return a.size === b.size && [...a.keys()].every((key) => b.has(key));
}

/** True where the live value is what was stored, by identity. */
function is(live: unknown, stored: Stored | undefined): boolean {
  return isNode(stored) ? stored.source === live : Object.is(live, stored);
}

/** True where the whole live object is as the graph had it. */
function holds(live: object, before: GraphNode): boolean {
  switch (before.kind) {
    case 'object': {
      const held = before.keys;
      const keys = Object.keys(live);
      return (
        keys.length === held.size &&
        keys.every((key) => held.has(key) && is((live as Record<string, unknown>)[key], held.get(key)))
      );
    }
    case 'array':
      return holdsElements(live as unknown[], before);
    case 'map': {
      const map = live as Map<unknown, unknown>;
      const entries = [...before.entries];
      return (
        map.size === entries.length && [...map].every(([key, value], i) => is(key, entries[i]![0]) && is(value, entries[i]![1]))
      );
    }
    case 'set': {
      const members = [...before.members];
      return (
        (live as Set<unknown>).size === members.length && [...(live as Set<unknown>)].every((member, i) => is(member, members[i]))
      );
    }
    case 'date':
      return Object.is((live as Date).getTime(), before.time);
    case 'regexp': {
      const { source, flags, lastIndex } = live as RegExp;
      return source === before.pattern && flags === before.flags && Object.is(lastIndex, before.lastIndex);
    }
    case 'url':
      return (live as URL).href === before.href;
    case 'buffer':
    case 'arrayBuffer':
      return bytesEqual(liveBytes(live as Buffer | ArrayBuffer), before.bytes);
    default:
      return true;
  }
}

function holdsElements(live: readonly unknown[], { elements }: ArrayNode): boolean {
  if (live.length !== elements.length) return false;
  return elements.every((stored, i) =>
    stored === HOLE ? !Object.hasOwn(live, i) : Object.hasOwn(live, i) && is(live[i], stored),
  );
}
