/**
 * Merges an attribute by the application's own function.
 *
 * Invariant: the function gets whole values, three that share nothing with each other or with anybody's instance, and what it returns
 * is what the attribute holds then. Objects of the session that are in its result are the same objects afterwards; a class instance
 * among them keeps what its own attributes were merged to.
 */
import { composeDeltas } from '../diff/delta-composition.js';
import type { Graph } from '../diff/graph.js';
import { writeKey } from '../diff/live-write.js';
import type { Slot } from '../diff/slot.js';
import { readAttribute } from '../model/attribute-access.js';
import { isSecretive, thrown } from '../model/secrecy.js';
import type { SessionModel } from '../model/session-model.js';
import type { Unit } from './attribute-owner.js';
import { MergeConflict } from './merge-conflict.js';
import type { Sides } from './resolution.js';

/**
 * @param merged makes the state in which all else is merged
 * @returns what must follow on it, or undefined where nothing must
 * @throws {MergeConflict} where the function throws, or what it returns cannot be stored
 */
export function mergeByFunction(
  { holder, attribute }: Unit,
  slots: readonly Slot[],
  model: SessionModel,
  sides: Sides,
  merged: () => Graph,
): Uint8Array | undefined {
  const valueIn = (graph: Graph): unknown => {
    if (graph.instance === undefined) graph.bind(model);
    const source = graph.node(holder)?.source;
    if (source === undefined) throw new MergeConflict(slots, 'its object is not in both');
    return readAttribute(attribute, source);
  };
  const rule = attribute.merge as (base: unknown, mine: unknown, theirs: unknown) => unknown;
  try {
    const result = rule(valueIn(sides.base), valueIn(sides.mine), valueIn(sides.theirs));
    const graph = merged();
    const { nextId } = graph;
    const instance = graph.bind(model);
    // what an older release left for this one to add is not this function's doing, but it belongs in front of it
    const first = graph.diff();
    const value = new Transplant(sides, graph).value(result);
    const source = graph.node(holder)?.source ?? instance;
    if (attribute.accessor) (source as Record<string, unknown>)[attribute.property] = value;
    else writeKey(source, attribute.property, value);
    const parts = [first, graph.diff()].filter((part) => part !== null);
    return parts.length === 0 ? undefined : composeDeltas(parts, nextId);
  } catch (error) {
    if (error instanceof MergeConflict) throw error;
    const why = error instanceof Error && !isSecretive(model) ? error.message : thrown(error, isSecretive(model)).received;
    throw new MergeConflict(slots, `its merge function failed: ${why}`);
  }
}

/** Carries values over into another graph: objects of the session by what they stand for, all others as they are. */
class Transplant {
  readonly #sides: Sides;
  readonly #into: Graph;
  readonly #done = new Map<object, unknown>();

  constructor(sides: Sides, into: Graph) {
    this.#sides = sides;
    this.#into = into;
  }

  value(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    const done = this.#done.get(value);
    if (done !== undefined) return done;
    const target = this.#counterpart(value) ?? emptyLike(value);
    // new, and neither a container nor known here: it comes as it is
    if (target === undefined) return value;
    this.#done.set(value, target);
    if (isContainer(value)) this.#fill(target, value);
    else if (value instanceof Date) (target as Date).setTime(value.getTime());
    return target;
  }

  #counterpart(live: object): object | undefined {
    const { base, mine, theirs } = this.#sides;
    let id = theirs.idOf(live) ?? base.idOf(live);
    if (id === undefined) {
      id = mine.idOf(live);
      // mine's own new nodes come behind theirs
      if (id !== undefined && id >= base.nextId) id += theirs.nextId - base.nextId;
    }
    return id === undefined ? undefined : this.#into.node(id)?.source;
  }

  #fill(target: object, from: object): void {
    if (Array.isArray(from)) {
      const array = target as unknown[];
      array.length = 0;
      from.forEach((element, i) => (array[i] = this.value(element)));
      array.length = from.length;
    } else if (from instanceof Map) {
      const map = target as Map<unknown, unknown>;
      map.clear();
      for (const [key, value] of from) map.set(this.value(key), this.value(value));
    } else if (from instanceof Set) {
      const set = target as Set<unknown>;
      set.clear();
      for (const member of from) set.add(this.value(member));
    } else {
      for (const key of Object.keys(target)) Reflect.deleteProperty(target, key);
      for (const [key, value] of Object.entries(from)) writeKey(target, key, this.value(value));
    }
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isContainer(value: object): boolean {
  return Array.isArray(value) || value instanceof Map || value instanceof Set || isPlain(value);
}

function emptyLike(value: object): object | undefined {
  if (Array.isArray(value)) return [];
  if (value instanceof Map) return new Map();
  if (value instanceof Set) return new Set();
  return isPlain(value) ? (Object.create(Object.getPrototypeOf(value) as object | null) as object) : undefined;
}
