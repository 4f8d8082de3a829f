/**
 * Compiles what opens the instances of a class.
 *
 * Invariant: a class with rules of its own about how it is made or written has no opener. The first instance that is made shows what
 * its constructor leaves, and decides.
 */
import type { AttributeModel } from '../model/session-model.js';
import { UNUSUAL, unusual } from '../wire/terse-reader.js';
import type { Binding, BoundClass } from './binding.js';
import { compile } from './generated-code.js';
import { isIndexKey } from './key-order.js';
import { writeKey } from './live-write.js';
import type { ClassOpener } from './opening-reader.js';
import { openingSource, type OpeningSlot, type Renewal } from './opening-source.js';
import { strategyOf } from './strategy.js';

/** To take away a key and add it again costs a tenth of sealing it in its place, or a third where it is sealed. */
const TAKEN_PER_SEALED_MAX = 4;

/** @returns undefined for a class with rules of its own about how it is made or written */
export function classOpener(bound: BoundClass, binding: Binding, openers: (ClassOpener | undefined)[]): ClassOpener | undefined {
  const { of, attributes, properties, shape } = bound;
  const prototype = of.type.prototype as object;
  if (of.makes || !attributes.every((attribute) => attribute !== undefined && !attribute.accessor)) return undefined;
  const slots = (attributes as readonly AttributeModel[]).map((attribute): OpeningSlot => {
    const { property, mutable } = attribute;
    const blob = attribute.codec !== undefined || strategyOf(attribute).strategy === 'binary';
    return { property, by: !mutable ? 'seal' : property in prototype ? 'define' : 'assign', blob };
  });
  const given = { ...GIVEN, type: of.type, prototype, attributes, properties };
  const { elementsMax } = binding.limits;
  const about = { name: `class ${of.name}`, slots, open: of.open, elementsMax };
  const opener = compile('reader', openingSource(about), given) as ClassOpener;
  return {
    make() {
      const live = opener.make();
      openers[shape] = undefined;
      if (!slots.every(({ property }) => isPlain(live, property))) return unusual();
      const renewal = renewalOf(live, slots);
      openers[shape] =
        renewal === undefined ? opener : (compile('reader', openingSource({ ...about, renewal }), given) as ClassOpener);
      return live;
    },
    fill: opener.fill,
  };
}

/** True where the property is not there, or can be assigned. */
function isPlain(live: object, property: string): boolean {
  const own = Object.getOwnPropertyDescriptor(live, property);
  return own === undefined || (own.writable === true && own.enumerable === true && own.configurable === true);
}

/** @returns undefined where it would not pay, or would change the order of the keys */
function renewalOf(live: object, slots: readonly OpeningSlot[]): Renewal | undefined {
  const keys = Object.getOwnPropertyNames(live);
  const from = keys.findIndex((key) => slots.some(({ property, by }) => by === 'seal' && property === key));
  if (from < 0 || keys.some(isIndexKey) || !keys.every((key) => isPlain(live, key))) return undefined;
  const properties = slots.map(({ property }) => property);
  const taken = keys.slice(from);
  // all attributes are there, in the order in which they are written
  if (keys.filter((key) => properties.includes(key)).join('\n') !== properties.join('\n')) return undefined;
  const sealed = slots.filter(({ by, property }) => by === 'seal' && taken.includes(property)).length;
  return taken.length < TAKEN_PER_SEALED_MAX * sealed && !hasPrivate(live) ? { keys, from } : undefined;
}

/** A `#private` field has its place among the keys, and what stands before it cannot be taken away cheaply. */
function hasPrivate(live: object): boolean {
  for (let at = live; ;) {
    const prototype = Object.getPrototypeOf(at) as { constructor: unknown } | null;
    if (prototype === null || prototype === Object.prototype) return false;
    if (String(prototype.constructor).includes('#')) return true;
    at = prototype;
  }
}

function hasKeys(live: object, keys: readonly string[]): boolean {
  const held = Object.keys(live);
  for (let i = 0; i < keys.length; i++) if (held[i] !== keys[i]) return false;
  return held.length === keys.length;
}

/** One descriptor for all: what it takes to make one is as much as the rest. Configurable, because a refresh may replace the value. */
const SEALED: PropertyDescriptor = { value: undefined, writable: false, enumerable: true, configurable: true };

function seal(live: object, property: string, value: unknown): void {
  SEALED.value = value;
  Object.defineProperty(live, property, SEALED);
}

/** Forgets the value that was sealed last. */
export function forgetSealed(): void {
  SEALED.value = undefined;
}

const GIVEN = { getPrototypeOf: Object.getPrototypeOf, hasOwn: Object.hasOwn, hasKeys, seal, writeKey, UNUSUAL };
