/**
 * Says in people's words what a delta changes.
 *
 * Invariant: nothing that is sensitive is shown. Where it cannot be known whether something is (an object inside the session, no graph
 * to find its place), and the model has sensitive attributes, it is taken to be.
 */
import { isSecretive } from '../model/secrecy.js';
import type { ClassModel, SessionModel } from '../model/session-model.js';
import { parseDelta, referencedIds } from './delta.js';
import type { Graph } from './graph.js';
import type { NodePath } from './graph-path.js';
import { HOLE, isNode, type GraphNode, type Stored } from './node.js';
import type { OrderedMap } from './ordered-entries.js';
import { Fresh, isSchemaOp, Link, type Content, type NodeOp, type WireValue } from './operation.js';
import { attributeStep, entryStep, indexStep, joinPath } from './path.js';

/** One slot that a delta changes. */
export interface Change {
  /** As people write it: `items[0].qty`. */
  readonly path: string;
  /** What was there, where the graph given is the one before. Absent for a slot that is new. */
  readonly from?: unknown;
  /** What is there now. Absent where it was taken away. */
  readonly to?: unknown;
}

const REDACTED = '[redacted]';

/** How deep a new object is shown. */
const DEPTH_MAX = 4;

interface Place extends NodePath {
  /** The path ends at a sensitive attribute; or may, and then the names of attributes are said, and no keys. */
  readonly hidesSteps: boolean | 'keys';
}

interface Slot {
  readonly step: string;
  readonly sensitive: boolean;
}

/** @param graph the graph before or after the delta; without it, objects inside the session are shown by number: `#17.qty` */
export function describeDelta(model: SessionModel, delta: Uint8Array, graph?: Graph): Change[] {
  return new DeltaDescription(model, delta, graph).changes();
}

/** The paths of the slots that a delta changes, each once. */
export function deltaPaths(model: SessionModel, delta: Uint8Array, graph?: Graph): string[] {
  return [...new Set(describeDelta(model, delta, graph).map(({ path }) => path))];
}

class DeltaDescription {
  readonly #model: SessionModel;
  readonly #graph: Graph | undefined;
  readonly #operations: NodeOp[];
  readonly #contents = new Map<number, Content>();
  readonly #places: ReadonlyMap<number, NodePath>;
  readonly #secretive: boolean;

  constructor(model: SessionModel, delta: Uint8Array, graph: Graph | undefined) {
    this.#model = model;
    this.#graph = graph;
    this.#operations = parseDelta(delta).filter((operation) => !isSchemaOp(operation));
    for (const operation of this.#operations)
      if (operation.op === 'fill') this.#contents.set(operation.target, operation.content);
    this.#places = graph?.pathsOf(referencedIds(delta), model) ?? new Map<number, NodePath>();
    this.#secretive = isSecretive(model);
  }

  changes(): Change[] {
    const changes: Change[] = [];
    for (const operation of this.#operations) {
      if (operation.op === 'fill' || operation.target < 0) continue;
      const place = this.#placeOf(operation.target);
      this.#describe(operation, (step, to, from, sensitive = false) => {
        const hides = place.hidesSteps === 'keys' ? operation.op !== 'slot' : place.hidesSteps;
        const path = joinPath([`.${place.path}`, hides ? '' : step]);
        changes.push(show(path, to, from, place.sensitive || sensitive));
      });
    }
    return changes;
  }

  #placeOf(id: number): Place {
    const place = this.#places.get(id);
    if (place !== undefined) return { ...place, hidesSteps: place.sensitive };
    if (id === 0) return { path: '', sensitive: false, hidesSteps: false };
    return { path: `#${id}`, sensitive: this.#secretive, hidesSteps: this.#secretive && 'keys' };
  }

  #describe(operation: NodeOp, say: (step: string, to: Shown, from: Shown, sensitive?: boolean) => void): void {
    const node = this.#graph?.node(operation.target);
    const before = (stored: Stored | undefined, to: WireValue | undefined): Shown => this.#before(stored, to);
    switch (operation.op) {
      case 'slot': {
        const { step, sensitive } = this.#slot(operation.target, operation.slot);
        const stored = node?.kind === 'instance' ? node.get(operation.slot) : undefined;
        return say(step, this.#value(operation.value), before(stored, operation.value), sensitive);
      }
      case 'keySet':
        return say(
          attributeStep(operation.key),
          this.#value(operation.value),
          before(keysOf(node)?.get(operation.key), operation.value),
        );
      case 'keyDelete':
        return say(attributeStep(operation.key), NOTHING, before(keysOf(node)?.get(operation.key), undefined));
      case 'index': {
        const stored = node?.kind === 'array' ? node.elements[operation.index] : undefined;
        return say(indexStep(operation.index), this.#value(operation.value), before(stored, operation.value));
      }
      case 'edit': {
        // places in the array as it becomes; what was only removed has its place in the array as it was
        let now = 0;
        for (const { kept, removed, inserted } of operation.hunks) {
          now += kept;
          for (const value of inserted) say(indexStep(now++), this.#value(value), NOTHING);
          if (inserted.length < removed) say(`${indexStep(now)} (${removed - inserted.length} removed)`, NOTHING, NOTHING);
        }
        return;
      }
      case 'mapSet': {
        const stored = node?.kind === 'map' ? node.entries.get(this.#keyIn(operation.key)) : undefined;
        return say(this.#entry(operation.key), this.#value(operation.value), before(stored, operation.value));
      }
      case 'mapDelete': {
        const stored = node?.kind === 'map' ? node.entries.get(this.#keyIn(operation.key)) : undefined;
        return say(this.#entry(operation.key), NOTHING, before(stored, undefined));
      }
      case 'setAdd':
        return say('.add()', this.#value(operation.value), NOTHING);
      case 'setDelete':
        return say('.delete()', NOTHING, this.#value(operation.value));
      case 'clear':
        return say('.clear()', NOTHING, NOTHING);
      case 'date':
        return say(
          '',
          { value: new Date(operation.time) },
          node?.kind === 'date' && !Object.is(node.time, operation.time) ? { value: new Date(node.time) } : NOTHING,
        );
      case 'regexp':
        return say('', { value: `/${operation.pattern}/${operation.flags} at ${operation.lastIndex}` }, NOTHING);
      case 'url':
        return say(
          '',
          { value: operation.href },
          node?.kind === 'url' && node.href !== operation.href ? { value: node.href } : NOTHING,
        );
      case 'bytes':
        return say('', { value: `${operation.bytes.byteLength} bytes` }, NOTHING);
      case 'patch': {
        const sum = operation.patches.reduce((bytes, { inserted }) => bytes + inserted.byteLength, 0);
        return say('', { value: `${sum} bytes in ${operation.patches.length} portions` }, NOTHING);
      }
      case 'fill':
    }
  }

  #slot(target: number, slot: number): Slot {
    const known = this.#graph?.describeSlot(target, slot, this.#model);
    if (known !== undefined) return known;
    if (target === 0) return slotOf([this.#model.root], slot);
    const nested = [...this.#model.classes.values()].filter((of) => of !== this.#model.root && of.attributes.length > slot);
    return slotOf(nested.length > 0 ? nested : [this.#model.root], slot);
  }

  #entry(key: WireValue): string {
    if (key instanceof Link) return key.target < 0 ? '.get(new)' : `.get(#${key.target})`;
    return key instanceof Fresh || key === HOLE ? '.get(new)' : entryStep(key);
  }

  #keyIn(key: WireValue): Stored | undefined {
    if (key instanceof Link) return this.#graph?.node(key.target);
    return key instanceof Fresh ? undefined : key;
  }

  /** What the graph has, unless it is what the delta brings: then the graph is the one after it. */
  #before(stored: Stored | undefined, to: WireValue | undefined): Shown {
    if (this.#graph === undefined || stored === HOLE) return NOTHING;
    if (!isNode(stored)) return to instanceof Link || to instanceof Fresh || !Object.is(stored, to) ? { value: stored } : NOTHING;
    if (to instanceof Fresh) return stored.id >= this.#graph.nextId ? NOTHING : { value: this.#reference(stored.id) };
    return to instanceof Link && to.target === stored.id ? NOTHING : { value: this.#reference(stored.id) };
  }

  /** Which object, where a slot refers to one that is in the session already. */
  #reference(id: number): string {
    const place = this.#places.get(id);
    return place === undefined || place.sensitive ? `#${id}` : `→ ${place.path === '' ? 'the session' : place.path}`;
  }

  #value(value: WireValue, depth = 0): Shown {
    if (value === HOLE) return { value: undefined };
    if (value instanceof Link)
      return { value: value.target < 0 ? this.#object(value.target, depth) : this.#reference(value.target) };
    if (!(value instanceof Fresh)) return { value };
    const { form } = value;
    switch (form.kind) {
      case 'date':
        return { value: new Date(form.time) };
      case 'regexp':
        return { value: `/${form.pattern}/${form.flags}` };
      case 'url':
        return { value: form.href };
      case 'buffer':
      case 'arrayBuffer':
      case 'blob':
        return { value: `${form.bytes.byteLength} bytes` };
      case 'instance':
        return { value: this.#object(value.target, depth, form.shape) };
      default:
        return { value: this.#object(value.target, depth) };
    }
  }

  #object(target: number, depth: number, shape?: number): unknown {
    const content = this.#contents.get(target);
    if (content === undefined || depth >= DEPTH_MAX) return '…';
    const show = (value: WireValue): unknown => this.#value(value, depth + 1).value;
    switch (content.kind) {
      case 'array':
        return content.values.map(show);
      case 'set':
        return new Set(content.values.map(show));
      case 'map':
        return new Map(content.entries.map(([key, value]) => [show(key), show(value)]));
      case 'object':
        return entriesOf(content.entries.map(([key, value]) => [key, show(value)]));
      case 'instance': {
        const slots = content.values.map((value, slot): [string, unknown] => {
          const { step, sensitive } = this.#shapeSlot(shape, slot);
          return [joinPath([step]), sensitive ? REDACTED : show(value)];
        });
        return entriesOf(slots);
      }
      case 'view':
        return `a view of ${content.length} elements`;
    }
  }

  #shapeSlot(shape: number | undefined, slot: number): Slot {
    if (shape !== undefined && this.#graph !== undefined) return this.#graph.describeShape(shape, slot, this.#model);
    // a graph that this model began has its classes in this order
    const classes = [...new Set([this.#model.root, ...this.#model.classes.values()])];
    const of = shape === undefined ? undefined : classes[shape];
    return slotOf(of === undefined ? classes : [of], slot);
  }
}

/** A value to show, or nothing. */
type Shown = { readonly value?: unknown };
const NOTHING: Shown = Object.freeze({});

function show(path: string, to: Shown, from: Shown, sensitive: boolean): Change {
  const shown: { path: string; from?: unknown; to?: unknown } = { path };
  if ('value' in from) shown.from = sensitive ? REDACTED : from.value;
  if ('value' in to) shown.to = sensitive ? REDACTED : to.value;
  return shown;
}

/** The name of a slot where only candidates for its class are known. */
function slotOf(classes: readonly ClassModel[], slot: number): Slot {
  const attributes = classes.flatMap(({ attributes: all }) => all[slot] ?? []);
  const names = [...new Set(attributes.map(({ property }) => property))];
  const sensitive = attributes.some((attribute) => attribute.sensitive);
  return {
    step: names.length === 0 ? `.slot ${slot}` : names.length === 1 ? attributeStep(names[0]!) : `.${names.join('|')}`,
    sensitive,
  };
}

function keysOf(node: GraphNode | undefined): OrderedMap<string, Stored> | undefined {
  return node?.kind === 'object' || node?.kind === 'instance' ? node.keys : undefined;
}

function entriesOf(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [key, value] of entries)
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  return object;
}
