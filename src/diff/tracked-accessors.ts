/**
 * Puts accessors that note each write in the place of an object's own attributes.
 *
 * Invariant: an object is tracked wholly or not at all, and is otherwise as before: its keys and their order, its values, its
 * prototype, whether it can be extended. Its accessors cannot be deleted or redefined, so no write goes round them, and a frozen
 * object refuses writes as before. An object that does not allow this is left alone.
 */
import { types } from 'node:util';
import { TwinstateError } from '../shared/errors.js';
import type { ClassModel } from '../model/session-model.js';
import { canGenerate, comment, compile } from './generated-code.js';
import { isIndexKey } from './key-order.js';
import { MARKS, TrackedState } from './tracked-state.js';

const STATE: unique symbol = Symbol('tracked attributes');

type Tracked = Record<string, unknown> & { [STATE]?: TrackedState };

/** The accessors of a class, shared by all objects of it, so that they share their layout too. */
class ClassAccessors {
  /** The mutable attributes, in their order. */
  readonly properties: readonly string[];
  readonly #descriptors: ReadonlyMap<string, PropertyDescriptor>;

  constructor(name: string, properties: readonly string[]) {
    this.properties = properties;
    this.#descriptors = generate(name, properties);
  }

  /** @returns undefined where the object cannot be tracked */
  install(live: object): TrackedState | undefined {
    if (!Object.isExtensible(live) || types.isProxy(live)) return undefined;
    const descriptors = this.#descriptors;
    const keys: string[] = [];
    const held: PropertyDescriptor[] = [];
    let found = 0;
    for (const key of Object.getOwnPropertyNames(live)) {
      const isAttribute = descriptors.has(key);
      // what stands before the first attribute, or has its place by number, stays where it is
      if ((found === 0 && !isAttribute) || isIndexKey(key)) continue;
      const descriptor = Object.getOwnPropertyDescriptor(live, key)!;
      if (descriptor.configurable !== true) return undefined;
      if (isAttribute) {
        if (descriptor.writable !== true || descriptor.enumerable !== true) return undefined;
        found++;
      }
      keys.push(key);
      held.push(descriptor);
    }
    // one that is not there yet could come without being noticed
    if (found !== this.properties.length) return undefined;
    const state = new TrackedState(live, this.properties.map((property) => (live as Tracked)[property])); // prettier-ignore
    // from the last to the first: so V8 goes back to the layout that the object had before, and need not make it a dictionary
    for (let i = keys.length - 1; i >= 0; i--) Reflect.deleteProperty(live, keys[i]!);
    Object.defineProperty(live, STATE, { value: state, writable: true, enumerable: false, configurable: false });
    keys.forEach((key, i) => Object.defineProperty(live, key, descriptors.get(key) ?? held[i]!));
    if (keys.length > FAST_KEYS_MAX) leaveDictionary(live);
    return state;
  }
}

/** V8 makes a dictionary of an object that gets more properties than this one by one. */
const FAST_KEYS_MAX = 100;
const LOADS = 100;

/** What others inherit from, V8 takes care to lay out well, once it was asked for through them. It changes nothing that can be seen. */
function leaveDictionary(live: object): void {
  const heir = Object.create(live) as { nothing?: unknown };
  const load = (): unknown => heir.nothing;
  for (let i = 0; i < LOADS; i++) load();
}

const byPrototype = new WeakMap<object, ClassAccessors>();

/** True where the objects of a class can be tracked, as far as the class tells. */
export function isTrackable({ open, mutable }: ClassModel): boolean {
  return (
    !open &&
    mutable.length > 0 &&
    mutable.every(({ accessor, codec, diff, property }) => {
      return !accessor && codec === undefined && diff !== 'binary' && !isIndexKey(property);
    })
  );
}

/**
 * Tracks an object of a trackable class, whose prototype is that class's own.
 *
 * @returns undefined where the object does not allow it: it is frozen, sealed, a proxy, or an attribute is no own property yet
 */
export function track(live: object, of: ClassModel): TrackedState | undefined {
  if (Object.hasOwn(live, STATE)) {
    const state = (live as Tracked)[STATE]!;
    return state.owner === live ? state : undefined;
  }
  if (!canGenerate()) return undefined;
  const prototype = of.type.prototype as object;
  let accessors = byPrototype.get(prototype);
  if (accessors === undefined) {
    accessors = new ClassAccessors(
      of.name,
      of.mutable.map(({ property }) => property),
    );
    byPrototype.set(prototype, accessors);
  }
  return accessors.install(live);
}

/**
 * The accessors as source text, so that each is a function of its own to the compiler, which then learns the layout of its class.
 * A frozen object refuses the assignment of its state, which is there for that.
 */
function generate(name: string, properties: readonly string[]): Map<string, PropertyDescriptor> {
  const members = properties.map((property, i) => {
    const key = JSON.stringify(property);
    return `  {
    get ${key}() {
      const state = this[STATE];
      return state?.owner === this ? state.values[${i}] : foreignRead(this, state, ${key}, ${i});
    },
    set ${key}(value) {
      const state = this[STATE];
      if (state?.owner !== this) return foreignWrite(this, state, ${key}, value);
      this[STATE] = state;
      if (state.marks === 0) state.announce();
      state.marks |= ${2 ** (i % MARKS)};
      state.values[${i}] = value;
    },
  },`;
  });
  const source = `// notes writes to the attributes of class ${comment(name)}\n'use strict';\nreturn [\n${members.join('\n')}\n];`;
  const made = compile('set of accessors', source, { STATE, foreignRead, foreignWrite }) as object[];
  return new Map(
    properties.map((property, i) => {
      return [property, { ...Object.getOwnPropertyDescriptor(made[i], property)!, configurable: false }];
    }),
  );
}

/** A read through an object that inherits from the tracked one, or through a proxy of it. */
function foreignRead(self: object, state: TrackedState | undefined, property: string, index: number): unknown {
  if (state === undefined) return undefined;
  if (!Object.hasOwn(self, STATE) || types.isProxy(self)) return state.values[index];
  throw copied(property);
}

/** A write through an object that inherits from the tracked one, which gets a property of its own, or through a proxy of it. */
function foreignWrite(self: object, state: TrackedState | undefined, property: string, value: unknown): void {
  if (state === undefined || !Object.hasOwn(self, STATE)) {
    Object.defineProperty(self, property, { value, writable: true, enumerable: true, configurable: true });
  } else if (types.isProxy(self)) (state.owner as Tracked)[property] = value;
  else throw copied(property);
}

function copied(property: string): TwinstateError {
  return new TwinstateError('VALUE_UNSUPPORTED', `${property} belongs to another object`, {
    expected: 'the tracked object itself',
    received: 'a copy that was made from its property descriptors',
    cure: 'copy tracked objects by their values: Object.assign(new …(), original)',
  });
}
