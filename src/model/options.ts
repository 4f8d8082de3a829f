/**
 * The options of the decorators, and the check that each of them, by itself, has a meaning.
 *
 * Invariant: options that passed hold known keys with values of the right kind. Whether they fit the attribute and the other
 * classes is decided when the model is made, since classes may still be missing when a decorator runs.
 */
import { TwinstateError } from '../shared/errors.js';
import { durationMs } from './duration.js';
import type { Class, Codec, DiffStrategy, MergeRule, SessionLimits } from './session-model.js';

/**
 * The class of what stands in an attribute, or of the elements of its array, `Map`, `Set` or dictionary. A function, because
 * the class may be defined later. A record lists several classes, each under its name on the wire.
 */
export type ElementType = (() => Class) | Readonly<Record<string, () => Class>>;

export interface SessionOptions {
  /** Stable name on the wire; the class's name unless given. */
  readonly name?: string;
  /** How long a session lives untouched: `'500ms'`, `'10s'`, `'30m'`, `'2h'`, `'1d'`. */
  readonly ttl?: string;
  /** How long a session lives at all, in the same form. */
  readonly maxAge?: string;
  /** How attributes without a `diff` of their own are compared; `'auto'` unless given. */
  readonly diff?: DiffStrategy;
  /** Makes an instance where the constructor needs arguments; given the attributes that are known, by property. */
  readonly make?: (attributes: Readonly<Record<string, unknown>>) => object;
  readonly limits?: SessionLimits;
}

// `any`: an attribute's type is unknown to its decorator, and a rule for numbers must be accepted as it is written
// oxlint-disable-next-line typescript/no-explicit-any
export interface ImmutableOptions<V = any> {
  /** The class of the value or of its elements. */
  readonly type?: ElementType;
  /** Stable name on the wire, so that the property can be renamed. */
  readonly name?: string;
  /** Redacted wherever people look. */
  readonly sensitive?: boolean;
  /** Turns the value into bytes and back. */
  readonly codec?: Codec<V>;
}

// oxlint-disable-next-line typescript/no-explicit-any
export interface MutableOptions<V = any> extends ImmutableOptions<V> {
  /**
   * How the attribute is compared. `'tracked'` turns the mutable attributes of the instances in it into accessors that note writes, so
   * that only those are compared: deleting or redefining one throws a `TypeError`, and `console.log` prints accessors.
   */
  readonly diff?: DiffStrategy;
  /** What happens when two commits changed the same slot. */
  readonly merge?: Exclude<MergeRule, (...args: never[]) => unknown> | ((base: V, mine: V, theirs: V) => V);
  /** The property that identifies an array's elements. */
  readonly key?: string;
}

/** What holds for all keys of an open class. */
export interface RestOptions {
  /** What happens when two commits changed the same key, or the same slot behind it (default `reject`). */
  readonly merge?: 'reject' | 'last';
}

const DIFF_STRATEGIES: readonly DiffStrategy[] = ['graph', 'binary', 'tracked', 'auto'];
const MERGE_RULES: readonly MergeRule[] = ['reject', 'last', 'add', 'max', 'min', 'union', 'append'];
const LIMITS: readonly (keyof SessionLimits)[] = ['sessionBytesMax', 'deltaBytesMax', 'objectsMax', 'elementsMax'];

const SESSION_KEYS: readonly (keyof SessionOptions)[] = ['name', 'ttl', 'maxAge', 'diff', 'make', 'limits'];
const IMMUTABLE_KEYS: readonly (keyof ImmutableOptions)[] = ['type', 'name', 'sensitive', 'codec'];
const MUTABLE_KEYS: readonly (keyof MutableOptions)[] = [...IMMUTABLE_KEYS, 'diff', 'merge', 'key'];

/** Checks the options of `@Session` and `defineSession`. @throws {TwinstateError} `OPTION_INVALID` */
export function checkSessionOptions(where: string, options: SessionOptions): SessionOptions {
  checkKeys(where, options, SESSION_KEYS);
  const { name, ttl, maxAge, diff, make, limits } = options;
  if (name !== undefined) checkWireName(`${where}, name`, name);
  if (ttl !== undefined) durationMs(`${where}, ttl`, ttl);
  if (maxAge !== undefined) durationMs(`${where}, maxAge`, maxAge);
  if (diff !== undefined) checkOneOf(`${where}, diff`, diff, DIFF_STRATEGIES);
  if (make !== undefined) checkFunction(`${where}, make`, make, `make: (attributes) => new …(…)`);
  if (limits !== undefined) checkLimits(`${where}, limits`, limits);
  return options;
}

/** Checks limits of a class, or of all classes of a store. @throws {TwinstateError} `OPTION_INVALID` */
export function checkLimits(where: string, limits: SessionLimits): void {
  checkKeys(where, limits, LIMITS);
  for (const [limit, value] of Object.entries(limits)) {
    if (value === undefined || (Number.isSafeInteger(value) && value > 0)) continue;
    throw bad(`${where}.${limit}`, 'a positive integer', show(value), 'leave it out for the default');
  }
}

/** Checks the options of `@Mutable` and `@Immutable`; a function alone is the type. @throws {TwinstateError} `OPTION_INVALID` */
export function checkAttributeOptions(where: string, kind: 'mutable' | 'immutable', given: unknown): MutableOptions {
  const options = (typeof given === 'function' ? { type: given } : given) as MutableOptions;
  if (kind === 'immutable' && typeof options === 'object' && options !== null) {
    for (const key of ['diff', 'merge', 'key'] as const) {
      if (!(key in options)) continue;
      throw bad(
        `${where}, ${key}`,
        'no such option on an immutable attribute',
        key,
        'it is never compared: use @Mutable, or leave it out',
      );
    }
  }
  checkKeys(where, options, kind === 'mutable' ? MUTABLE_KEYS : IMMUTABLE_KEYS);
  const { type, name, sensitive, codec, diff, merge, key } = options;
  if (type !== undefined) checkElementType(where, type);
  if (name !== undefined) checkWireName(`${where}, name`, name);
  if (sensitive !== undefined && typeof sensitive !== 'boolean') {
    throw bad(`${where}, sensitive`, 'true or false', show(sensitive), 'write sensitive: true');
  }
  if (codec !== undefined && (typeof codec?.encode !== 'function' || typeof codec.decode !== 'function')) {
    throw bad(
      `${where}, codec`,
      'an object with encode and decode',
      show(codec),
      'write codec: { encode(value) {…}, decode(bytes) {…} }',
    );
  }
  if (diff !== undefined) checkOneOf(`${where}, diff`, diff, DIFF_STRATEGIES);
  if (merge !== undefined && typeof merge !== 'function') checkOneOf(`${where}, merge`, merge, MERGE_RULES);
  if (key !== undefined && (typeof key !== 'string' || key === '')) {
    throw bad(`${where}, key`, "the name of the elements' identifying property", show(key), "write key: 'id', for example");
  }
  return options;
}

/** Refuses what cannot be a name on the wire. @throws {TwinstateError} `OPTION_INVALID` */
export function checkWireName(where: string, name: unknown): asserts name is string {
  if (typeof name !== 'string' || name === '') {
    throw bad(where, 'a wire name of at least one character', show(name), 'give a short name, or leave it out');
  }
  if (/\p{Surrogate}/u.test(name)) {
    throw bad(where, 'well-formed Unicode', 'a lone surrogate', 'give a name of whole characters');
  }
}

function checkElementType(where: string, type: unknown): void {
  if (typeof type === 'function') return refuseClass(where, type);
  if (typeof type !== 'object' || type === null || Array.isArray(type)) {
    throw bad(`${where}, type`, 'a function that returns a class, or a record of them', show(type), 'write type: () => LineItem');
  }
  const entries = Object.entries(type);
  if (entries.length === 0)
    throw bad(`${where}, type`, 'at least one class', 'an empty record', 'write type: { line: () => LineItem }');
  for (const [name, inner] of entries) {
    checkWireName(`${where}, type`, name);
    if (typeof inner !== 'function') {
      throw bad(`${where}, type.${name}`, 'a function that returns a class', show(inner), `write ${name}: () => …`);
    }
    refuseClass(`${where}, type.${name}`, inner);
  }
}

function refuseClass(where: string, type: object): void {
  if (!/^class\b/.test(Function.prototype.toString.call(type))) return;
  const { name } = type as { name: string };
  throw bad(`${where}, type`, 'a function that returns the class', `the class ${name} itself`, `write () => ${name}`);
}

function checkKeys(where: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw bad(where, 'an object of options', show(options), `known options are ${known.join(', ')}`);
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw bad(where, `one of ${known.join(', ')}`, `an option ${show(key)}`, 'correct the name or leave it out');
  }
}

function checkOneOf(where: string, value: unknown, known: readonly unknown[]): void {
  if (!known.includes(value)) throw bad(where, `one of ${known.join(', ')}`, show(value), 'correct it or leave it out');
}

function checkFunction(where: string, value: unknown, example: string): void {
  if (typeof value !== 'function') throw bad(where, 'a function', show(value), `write ${example}`);
}

function show(value: unknown): string {
  return typeof value === 'string'
    ? `'${value}'`
    : typeof value === 'number'
      ? `${value}`
      : value === null
        ? 'null'
        : typeof value;
}

function bad(what: string, expected: string, received: string, cure: string): TwinstateError {
  return new TwinstateError('OPTION_INVALID', what, { expected, received, cure });
}

/** @throws {TwinstateError} `OPTION_INVALID` */
export function checkRestOptions(where: string, given: unknown): RestOptions {
  const options = given as RestOptions;
  checkKeys(where, options, ['merge']);
  const { merge } = options;
  // other rules want to know the type of what they merge, and keys of any data have none
  if (merge !== undefined) checkOneOf(`${where}, merge`, merge, ['reject', 'last']);
  return options;
}
