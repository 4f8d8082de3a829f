/**
 * `defineSession`: the declarations of a class that cannot be decorated, as a call beside it.
 *
 * Invariant: it declares through the same functions as the decorators do, so the same class described by either door has the same
 * model and meets the same errors.
 */
import { TwinstateError } from '../shared/errors.js';
import { declareAttribute, declareOpen, declareSession } from './declaration.js';
import {
  checkAttributeOptions,
  checkRestOptions,
  checkSessionOptions,
  type ImmutableOptions,
  type MutableOptions,
  type RestOptions,
  type SessionOptions,
} from './options.js';
import type { Class } from './session-model.js';

/** The properties of `T` that can be attributes: those with string keys that are no methods. */
export type AttributeKey<T> = { [K in keyof T & string]: T[K] extends (...args: never[]) => unknown ? never : K }[keyof T &
  string];

export interface SessionDefinition<T extends object> extends SessionOptions {
  /**
   * The mutable attributes: a list of properties, or an object of them with their options (`{}`, or a function that returns the
   * element class). `'*'`: every own enumerable key that is not listed elsewhere, for open-ended data such as an HTTP session; `{ '*': { merge: 'last' } }`
   * says what happens where two commits changed the same.
   */
  readonly mutable?:
    | '*'
    | { readonly '*': RestOptions }
    | readonly AttributeKey<T>[]
    | { readonly [K in AttributeKey<T>]?: MutableOptions<T[K]> | (() => Class) };
  readonly immutable?: readonly AttributeKey<T>[] | { readonly [K in AttributeKey<T>]?: ImmutableOptions<T[K]> | (() => Class) };
  /** What stays in the process; needed only where `mutable` is `'*'`. */
  readonly transient?: readonly AttributeKey<T>[];
}

/**
 * Declares a class as `@Session`, `@Mutable` and `@Immutable` would, for sessions and for classes nested in them.
 *
 * @returns the class
 * @throws {TwinstateError} `OPTION_INVALID` for an option without meaning, `DECLARATION_INVALID` for a class declared already
 */
export function defineSession<C extends Class>(type: C, definition: SessionDefinition<InstanceType<C>>): C {
  const where = `defineSession of ${requireClass(type).name}`;
  const prototype = type.prototype as object;
  if (typeof definition !== 'object' || definition === null) throw bad(where, definition);
  const { mutable, immutable, transient, ...options } = definition;
  const rest = restOf(where, mutable);
  declareSession(prototype, checkSessionOptions(where, options));
  for (const [property, given] of entriesOf(`${where}, immutable`, immutable)) {
    declareAttribute(prototype, property, 'immutable', checkAttributeOptions(`${where}, ${property}`, 'immutable', given));
  }
  if (rest !== undefined) declareOpen(prototype, rest);
  for (const [property, given] of rest !== undefined ? [] : entriesOf(`${where}, mutable`, mutable)) {
    declareAttribute(prototype, property, 'mutable', checkAttributeOptions(`${where}, ${property}`, 'mutable', given));
  }
  for (const [property] of entriesOf(`${where}, transient`, transient)) declareAttribute(prototype, property, 'transient', {});
  return type;
}

/** What is said of all keys; undefined where they are listed. */
function restOf(where: string, mutable: unknown): RestOptions | undefined {
  if (mutable === '*') return {};
  if (typeof mutable !== 'object' || mutable === null || !Object.hasOwn(mutable, '*')) return undefined;
  const { '*': rest, ...others } = mutable as Record<string, unknown>;
  const [listed] = Object.keys(others);
  if (listed !== undefined) throw bad(`${where}, mutable`, `'*' and '${listed}'`);
  return checkRestOptions(`${where}, mutable '*'`, rest);
}

function requireClass(type: unknown): Class {
  if (typeof type === 'function' && typeof type.prototype === 'object' && type.prototype !== null) return type as Class;
  throw new TwinstateError('DECLARATION_INVALID', 'defineSession declares classes', {
    expected: 'a class',
    received: type === undefined ? 'undefined' : `a value of type ${typeof type}`,
    cure: 'pass the class itself; if it is undefined, its module is part of a circular import',
  });
}

function entriesOf(where: string, listed: unknown): [property: string, options: unknown][] {
  if (listed === undefined) return [];
  if (Array.isArray(listed)) {
    return listed.map((property: unknown) => {
      if (typeof property !== 'string') throw bad(where, property);
      return [property, {}];
    });
  }
  if (typeof listed !== 'object' || listed === null) throw bad(where, listed);
  return Object.entries(listed);
}

function bad(where: string, received: unknown): TwinstateError {
  return new TwinstateError('OPTION_INVALID', where, {
    expected: "a list of properties, such as ['items'], or an object of them with options",
    received: typeof received === 'string' ? `'${received}'` : typeof received,
    cure: "write mutable: ['items'], or mutable: { items: { type: () => LineItem } }",
  });
}
