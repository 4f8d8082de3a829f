/**
 * Whether an attribute's declaration fits its class: the member behind it, the kind of its value, and the classes of its elements.
 *
 * Invariant: an attribute that passed can be read and written on every instance, and its merge rule and key have a meaning as far
 * as its type is known. What is not known is never refused.
 */
import { TwinstateError } from '../shared/errors.js';
import { readAttribute } from './attribute-access.js';
import { lineage } from './declaration.js';
import type { InheritedAttribute } from './inheritance.js';
import { designType, isCarried, isUncarried, type ValueKind, valueKind } from './known-values.js';
import type { Class } from './session-model.js';

/** What the merge rules need; a rule that is not here fits everything. A rule for numbers holds for the entries of a `Map`, too. */
const MERGES: Readonly<Record<string, readonly ValueKind[]>> = {
  add: ['number', 'bigint', 'map'],
  max: ['number', 'bigint', 'string', 'date', 'map'],
  min: ['number', 'bigint', 'string', 'date', 'map'],
  union: ['array', 'set'],
  append: ['array'],
};

/**
 * Checks the member behind an attribute.
 *
 * @param trial an instance just constructed; `undefined` where the class has a `make`
 * @returns whether the class reads and writes it through its own getter and setter
 * @throws {TwinstateError} `DECLARATION_INVALID` for a method, or a member that cannot be read and written
 */
export function checkMember(type: Class, property: string, trial: object | undefined): boolean {
  const where = `${type.name}.${property}`;
  const descriptor = memberOf(type, property, trial);
  if (descriptor === undefined) {
    if (trial === undefined || Object.isExtensible(trial)) return false;
    throw new TwinstateError('DECLARATION_INVALID', `${where} cannot be written`, {
      expected: 'instances that take their attributes after construction',
      received: 'an instance that its constructor froze or sealed',
      cure: 'do not freeze in the constructor: attributes are restored after it',
    });
  }
  if (descriptor.get !== undefined || descriptor.set !== undefined) {
    if (descriptor.get !== undefined && descriptor.set !== undefined) return true;
    const missing = descriptor.get === undefined ? 'getter' : 'setter';
    throw new TwinstateError('DECLARATION_INVALID', `${where} has no ${missing}`, {
      expected: 'a property, or a getter with a setter',
      received: `a ${missing === 'setter' ? 'getter' : 'setter'} alone`,
      cure: missing === 'setter' ? 'mark the property that it reads instead, or add a setter' : 'add a getter',
    });
  }
  if (!Object.hasOwn(trial ?? {}, property) && typeof descriptor.value === 'function') {
    throw new TwinstateError('DECLARATION_INVALID', `${where} is a method`, {
      expected: 'a property',
      cure: 'methods come with the class: leave it out',
    });
  }
  if (descriptor.writable === false) {
    throw new TwinstateError('DECLARATION_INVALID', `${where} cannot be written`, {
      expected: 'a writable property after construction',
      received: 'one that the class made read-only',
      cure: 'leave it writable: @Immutable() makes it read-only once the session is created',
    });
  }
  return false;
}

/** What the fit needs to know of the classes declared for an attribute. */
export interface ElementShape {
  readonly name: string;
  readonly open: boolean;
  readonly properties: ReadonlySet<string>;
}

/** Checks options against what is known of the value. @throws {TwinstateError} `DECLARATION_INVALID` */
export function checkValue(
  type: Class,
  attribute: InheritedAttribute,
  trial: object | undefined,
  elements: readonly ElementShape[],
): void {
  const { property, options } = attribute;
  const where = `${type.name}.${property}`;
  const initial = initialOf(type, property, trial);
  const kind = valueKind(designType(type.prototype as object, property), initial);
  const { merge, key, diff, codec } = options;
  const needed = typeof merge === 'string' ? MERGES[merge] : undefined;
  const fits =
    needed === undefined || kind === undefined || needed.includes(kind) || (needed.includes('map') && isPlain(initial));
  if (!fits) {
    throw new TwinstateError('DECLARATION_INVALID', `${where} cannot be merged by '${String(merge)}'`, {
      expected: `${needed.join(' or ')}${needed.includes('map') ? ' or plain object' : ''}`,
      received: kind,
      cure: `use ${fitting(kind)}, or a function (base, mine, theirs) => value`,
    });
  }
  if (codec !== undefined && (diff === 'graph' || diff === 'tracked')) {
    throw new TwinstateError('DECLARATION_INVALID', `${where} has a codec and diff: '${diff}'`, {
      expected: "diff: 'binary' or 'auto'",
      received: `'${diff}'`,
      cure: "leave diff out: a codec's bytes are compared portion by portion",
    });
  }
  if (key === undefined) return;
  if (kind !== undefined && kind !== 'array') {
    throw new TwinstateError('DECLARATION_INVALID', `${where} has a key`, {
      expected: 'an array, whose elements the key identifies',
      received: kind,
      cure: "leave key out: only an array's elements need one",
    });
  }
  for (const element of elements) {
    if (element.open || element.properties.has(key)) continue;
    throw new TwinstateError('DECLARATION_INVALID', `${where} has the key '${key}', which ${element.name} has not`, {
      expected: `one of ${[...element.properties].join(', ') || 'its attributes'}`,
      received: `'${key}'`,
      cure: `mark ${element.name}.${key} @Immutable(), or name another attribute`,
    });
  }
}

/** Checks that what an initialiser leaves in an attribute can be carried. @throws {TwinstateError} `DECLARATION_INVALID` */
export function checkInitial(type: Class, property: string, trial: object, declared: ReadonlyMap<Class, unknown>): void {
  const initial = initialOf(type, property, trial);
  const where = `${type.name}.${property}`;
  if (typeof initial === 'function' || typeof initial === 'symbol') {
    throw new TwinstateError('DECLARATION_INVALID', `${where} holds a ${typeof initial}`, {
      expected: 'a value that can leave the process',
      cure: 'make it a method, or mark it @Transient()',
    });
  }
  if (typeof initial !== 'object' || initial === null || Array.isArray(initial)) return;
  const of = (Object.getPrototypeOf(initial) as { constructor?: unknown } | null)?.constructor;
  if (typeof of !== 'function' || isCarried(of) || declared.has(of as Class)) return;
  const known = lineage(initial).length === 1 && Function.prototype.toString.call(of).endsWith('{ [native code] }');
  if (known && !isUncarried(of)) return;
  throw new TwinstateError('DECLARATION_INVALID', `${where} is initialised with a ${of.name}, which is not declared for it`, {
    expected: 'a value that can leave the process, or an instance of a declared class',
    received: `a ${of.name}`,
    cure: isUncarried(of)
      ? 'mark it @Transient()'
      : `write type: () => ${of.name} and mark its members, or give a codec, or mark it @Transient()`,
  });
}

/** What a fresh instance holds. A getter may not be ready for that, which says nothing. */
function initialOf(type: Class, property: string, trial: object | undefined): unknown {
  if (trial === undefined) return undefined;
  const accessor = memberOf(type, property, trial)?.get !== undefined;
  try {
    return readAttribute({ property, accessor }, trial);
  } catch {
    return undefined;
  }
}

function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function fitting(kind: ValueKind): string {
  const rules = Object.keys(MERGES).filter((rule) => MERGES[rule]!.includes(kind));
  return ['reject', 'last', ...rules].map((rule) => `'${rule}'`).join(', ');
}

/** Finds the member of an instance or its class; `Object.prototype` is no class of anybody. */
export function memberOf(type: Class, property: string, trial: object | undefined): PropertyDescriptor | undefined {
  for (const holder of [...(trial === undefined ? [] : [trial]), ...lineage(type.prototype as object)]) {
    // every prototype has a `constructor` that is no member of its class
    if (property === 'constructor' && holder !== trial) continue;
    const descriptor = Object.getOwnPropertyDescriptor(holder, property);
    if (descriptor !== undefined) return descriptor;
  }
  return undefined;
}
