/**
 * Adoption: literals given to `create` become instances of the classes declared where they stand.
 *
 * Invariant: only plain objects are adopted, and only where a class is declared; instances, and everything inside them, stay as
 * they are. What was given is never changed: an array, `Map`, `Set` or dictionary with literals in it is copied, and kept without.
 * A literal that stands in several places becomes one instance.
 */
import { TwinstateError } from '../shared/errors.js';
import { defineProperty } from './attribute-access.js';
import { requireImmutables } from './immutability.js';
import { elementPath, propertyPath } from './property-path.js';
import type { AttributeModel, ClassModel, SessionModel } from './session-model.js';

/** Stands for the path of what is behind a sensitive attribute: nothing is added to it, and it is shown without its mark. */
const HIDDEN = '\u0000';
const isHidden = (path: string): boolean => path.endsWith(HIDDEN);
const shown = (path: string): string => (isHidden(path) ? path.slice(0, -1) : path);

type Literal = Readonly<Record<string, unknown>>;

/** What `create` takes for `T`: any of its properties, with literals wherever a class is declared. */
export type Init<T> = { readonly [K in keyof T as T[K] extends (...args: never[]) => unknown ? never : K]?: InitValue<T[K]> };

type Carried = Date | RegExp | URL | ArrayBuffer | ArrayBufferView;
type InitValue<V> = V extends Carried | ((...args: never[]) => unknown)
  ? V
  : V extends readonly (infer E)[]
    ? readonly InitValue<E>[]
    : V extends ReadonlyMap<infer K, infer E>
      ? ReadonlyMap<K, InitValue<E>>
      : V extends ReadonlySet<infer E>
        ? ReadonlySet<InitValue<E>>
        : V extends object
          ? V | Init<V>
          : V;

/**
 * Makes an instance of the session class and sets what was given, literals adopted.
 *
 * @throws {TwinstateError} `ATTRIBUTE_UNKNOWN` for a key that the class has not, `ATTRIBUTE_MISSING` for an immutable attribute
 *   without a value, `CLASS_UNKNOWN` for a literal that could be of several classes, `NOT_CONSTRUCTIBLE`
 */
export function instantiate(model: SessionModel, init: object = {}): object {
  return new Adoption().make(model.root, init as Literal, '');
}

class Adoption {
  /** What each literal, and each container of literals, became. */
  readonly #adopted = new Map<object, object>();
  /** Literals whose `make` has yet to be called. */
  readonly #awaited = new Set<object>();

  make(model: ClassModel, literal: Literal, path: string, drop?: string): object {
    const earlier = this.#adopted.get(literal);
    if (earlier !== undefined) return earlier;
    let instance: object;
    if (model.makes) {
      if (this.#awaited.has(literal)) throw cyclic(model, path);
      this.#awaited.add(literal);
      instance = model.construct(this.values(model, literal, path, undefined, drop));
      this.#awaited.delete(literal);
    } else {
      instance = model.construct({});
    }
    this.#adopted.set(literal, instance);
    this.#assign(model, instance, this.values(model, literal, path, instance, drop), path);
    requireImmutables(model, instance, new Set(Object.keys(literal)), shown(path));
    return instance;
  }

  /** @param instance where it exists already: its initial values tell dictionaries from literals of a class */
  values(
    model: ClassModel,
    literal: Literal,
    path: string,
    instance: object | undefined,
    drop?: string,
  ): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    for (const key of Reflect.ownKeys(literal)) {
      const attribute = model.attributes.find((a) => a.property === key);
      if (key === drop && attribute === undefined) continue;
      const at = isHidden(path) ? path : propertyPath(path, String(key));
      if (typeof key === 'symbol' || (attribute === undefined && !takes(model, instance, key)))
        throw unknown(model, String(key), at);
      const value = literal[key];
      const initial: unknown = instance === undefined ? undefined : Object.getOwnPropertyDescriptor(instance, key)?.value;
      defineProperty(
        values,
        key,
        attribute === undefined
          ? value
          : this.#adopt(value, attribute, attribute.sensitive && !isHidden(at) ? `${at}${HIDDEN}` : at, isPlain(initial)),
      );
    }
    return values;
  }

  #assign(model: ClassModel, instance: object, values: Literal, path: string): void {
    for (const key of Object.keys(values)) {
      const attribute = model.attributes.find((a) => a.property === key);
      const viaSetter = attribute === undefined ? setterOf(instance, key) : attribute.accessor;
      if (!viaSetter) defineProperty(instance, key, values[key]);
      else if (!Reflect.set(instance, key, values[key]))
        throw unknown(model, key, isHidden(path) ? path : propertyPath(path, key));
    }
  }

  #adopt(value: unknown, attribute: AttributeModel, path: string, dictionary: boolean): unknown {
    if (attribute.types.length === 0 || typeof value !== 'object' || value === null) return value;
    const earlier = this.#adopted.get(value);
    if (earlier !== undefined) return earlier;
    if (Array.isArray(value)) {
      // a copy keeps holes
      return this.#copied(value, value.slice(), attribute, path, (copy, adopt) =>
        value.forEach((v, i) => (copy[i] = adopt(i, v))),
      );
    }
    if (value instanceof Map) {
      const copy = new Map<unknown, unknown>();
      return this.#copied(value, copy, attribute, path, (_, adopt) => value.forEach((v, key) => copy.set(key, adopt(key, v))));
    }
    if (value instanceof Set) {
      const copy = new Set<unknown>();
      return this.#copied(value, copy, attribute, path, (_, adopt) => value.forEach((v) => copy.add(adopt(copy.size, v))));
    }
    if (!isPlain(value)) return value;
    if (dictionary) {
      const copy = Object.create(Object.getPrototypeOf(value) as object | null) as object;
      return this.#copied(value, copy, attribute, path, (_, adopt) => {
        for (const [key, v] of Object.entries(value)) defineProperty(copy, key, adopt(key, v));
      });
    }
    return this.make(classFor(value, attribute, path), value, path, attribute.discriminator?.property);
  }

  /** Copies a container, or keeps it if no element was adopted. */
  #copied<C extends object>(
    original: object,
    copy: C,
    attribute: AttributeModel,
    path: string,
    fill: (copy: C, adopt: (key: unknown, element: unknown) => unknown) => void,
  ): object {
    this.#adopted.set(original, copy);
    let changed = false;
    fill(copy, (key, element) => {
      const adopted = this.#adopt(element, attribute, isHidden(path) ? path : elementPath(path, key), false);
      changed ||= adopted !== element;
      return adopted;
    });
    const result = changed ? copy : original;
    this.#adopted.set(original, result);
    return result;
  }
}

function classFor(literal: Literal, { types, discriminator }: AttributeModel, path: string): ClassModel {
  if (discriminator !== undefined && Object.hasOwn(literal, discriminator.property)) {
    const name = literal[discriminator.property];
    const named = discriminator.classes.get(name as string);
    if (named !== undefined) return named;
    throw new TwinstateError('CLASS_UNKNOWN', 'a literal names a class that is not declared', {
      path: isHidden(path) ? shown(path) : propertyPath(path, discriminator.property),
      expected: `one of ${[...discriminator.classes.keys()].map((known) => `'${known}'`).join(', ')}`,
      received: typeof name === 'string' && !isHidden(path) ? `'${name}'` : `a ${typeof name}`,
      cure: "correct it, or add the class to the discriminator's subTypes",
    });
  }
  const named = new Set(discriminator?.classes.values());
  const candidates = types.filter((type) => !named.has(type));
  if (candidates.length === 1) return candidates[0]!;
  throw new TwinstateError('CLASS_UNKNOWN', 'a literal could be of several classes', {
    path: shown(path),
    expected: `an instance of ${types.map((type) => type.type.name).join(' or ')}`,
    received: 'a plain object',
    cure: discriminator === undefined ? 'pass an instance' : `give '${discriminator.property}', or pass an instance`,
  });
}

/** Tells whether an instance has such a property although it is no attribute. Methods are none. */
function takes(model: ClassModel, instance: object | undefined, key: string): boolean {
  if (model.open || model.transient.has(key)) return true;
  // `make` is given attributes only; the rest is looked at once there is an instance
  return instance === undefined ? model.makes : Object.hasOwn(instance, key) || setterOf(instance, key);
}

function setterOf(instance: object, key: string): boolean {
  for (let p: object | null = instance; p !== null && p !== Object.prototype; p = Object.getPrototypeOf(p) as object | null) {
    const descriptor = Object.getOwnPropertyDescriptor(p, key);
    if (descriptor !== undefined) return descriptor.set !== undefined;
  }
  return false;
}

function isPlain(value: unknown): value is Literal {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function unknown(model: ClassModel, key: string, path: string): TwinstateError {
  const known = model.attributes.map((attribute) => attribute.property).join(', ');
  const named = isHidden(path) ? 'of a name that stands behind something sensitive' : key;
  return new TwinstateError('ATTRIBUTE_UNKNOWN', `${model.type.name} has no attribute ${named}`, {
    path: shown(path),
    expected: `one of ${known}`,
    received: isHidden(path) ? 'another name' : key,
    cure: `correct the name, mark ${isHidden(path) ? 'it' : key} in ${model.type.name}, or, if this is a dictionary, give it an initialiser {} there`,
  });
}

function cyclic(model: ClassModel, path: string): TwinstateError {
  return new TwinstateError('VALUE_UNSUPPORTED', `literals of ${model.type.name} form a cycle`, {
    path: shown(path),
    expected: 'literals that end, since make wants the attributes first',
    cure: 'pass instances that refer to each other',
  });
}
