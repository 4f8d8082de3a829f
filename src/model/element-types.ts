/**
 * The classes that are declared for an attribute's value or its elements: from its `type` option, else from class-transformer's
 * `@Type`, else from `design:type` if that is a class with attributes.
 *
 * Invariant: every class returned is declared and is a function with a prototype; values that need no declaration (`Date`, `Map`,
 * numbers) yield no class.
 */
import { TwinstateError } from '../shared/errors.js';
import { typeDeclaration } from './class-transformer-types.js';
import { declarationOn, isDeclared } from './declaration.js';
import { designType, isCarried, isUncarried } from './known-values.js';
import type { MutableOptions } from './options.js';
import type { Class } from './session-model.js';

export interface ElementClass {
  readonly type: Class;
  /** The name on the wire that the attribute's record of types gave. */
  readonly name: string | undefined;
}

export interface ElementTypes {
  readonly classes: readonly ElementClass[];
  /** From class-transformer: which property of a literal says which class it is. */
  readonly discriminator: { readonly property: string; readonly classes: ReadonlyMap<string, Class> } | undefined;
}

const NONE: ElementTypes = { classes: [], discriminator: undefined };

/** Finds the classes declared for an attribute. @throws {TwinstateError} `DECLARATION_INVALID` for a class that is not declared */
export function elementTypes(owner: Class, property: string, options: MutableOptions): ElementTypes {
  const where = `${owner.name}.${property}`;
  // a codec's bytes hold no objects of the session
  if (options.codec !== undefined) return codecAlone(where, options);
  if (typeof options.type === 'function') return listed([classOf(where, options.type, undefined)]);
  if (options.type !== undefined) {
    return listed(Object.entries(options.type).map(([name, type]) => classOf(where, type, name)));
  }
  const declared = typeDeclaration(owner, property);
  if (declared !== undefined) {
    const { discriminator } = declared.options ?? {};
    if (discriminator === undefined) return listed([classOf(where, declared.typeFunction, undefined)]);
    const classes = new Map<string, Class>();
    for (const { name, value } of discriminator.subTypes) {
      const found = classOf(where, () => value, undefined);
      if (found !== undefined) classes.set(name, found.type);
    }
    return {
      classes: [
        ...baseOf(declared.typeFunction, classes),
        ...[...new Set(classes.values())].map((type) => ({ type, name: undefined })),
      ],
      discriminator: { property: discriminator.property, classes },
    };
  }
  const design = designType(owner.prototype, property);
  if (isUncarried(design)) {
    const name = (design as Class).name;
    throw new TwinstateError('DECLARATION_INVALID', `${where} cannot be replicated`, {
      expected: 'a value that can leave the process',
      received: `a ${name}`,
      cure: 'keep what it stands for in an attribute, and mark this one @Transient()',
    });
  }
  return isClass(design) && !isCarried(design) && isDeclared(design) ? listed([{ type: design, name: undefined }]) : NONE;
}

function codecAlone(where: string, { type }: MutableOptions): ElementTypes {
  if (type === undefined) return NONE;
  throw new TwinstateError('DECLARATION_INVALID', `${where} has both a type and a codec`, {
    expected: 'one of them',
    cure: "drop the type: the codec's bytes are opaque; or drop the codec: declared classes need none",
  });
}

function listed(classes: readonly (ElementClass | undefined)[]): ElementTypes {
  return { classes: classes.filter((c) => c !== undefined), discriminator: undefined };
}

/**
 * The base that a discriminated `@Type` names: class-transformer makes it of a literal without discriminator. An abstract one has
 * no instances, so one without attributes, or one that does not construct, is left out; an instance of it is an error later.
 */
function baseOf(typeFunction: unknown, subTypes: ReadonlyMap<string, Class>): ElementClass[] {
  try {
    const type: unknown = (typeFunction as () => unknown)();
    if (!isClass(type) || isCarried(type) || !isDeclared(type) || [...subTypes.values()].includes(type)) return [];
    if (declarationOn(type.prototype as object)?.session?.make === undefined) void new type();
    return [{ type, name: undefined }];
  } catch {
    return [];
  }
}

function classOf(where: string, typeFunction: unknown, name: string | undefined): ElementClass | undefined {
  let type: unknown;
  try {
    type = (typeFunction as () => unknown)();
  } catch (cause) {
    throw new TwinstateError('DECLARATION_INVALID', `the type function of ${where} throws`, {
      expected: 'a function without arguments that returns a class',
      received: String(cause),
      cure: 'list the classes with type: { name: () => Class } or in a discriminator; if a class is not initialised yet, connect later',
      cause,
    });
  }
  if (type === undefined) {
    throw new TwinstateError('DECLARATION_INVALID', `the type function of ${where} returns undefined`, {
      expected: 'a class',
      cure: 'its module is probably part of a circular import: move the class to a file that does not import this one',
    });
  }
  if (isCarried(type)) return undefined;
  if (!isClass(type)) {
    throw new TwinstateError('DECLARATION_INVALID', `the type function of ${where} returns no class`, {
      expected: 'a class',
      received: Array.isArray(type) ? 'an array' : type === null ? 'null' : typeof type,
      cure: 'return the class of the elements: type: () => LineItem for LineItem[], a Map or a Set of them',
    });
  }
  if (!isDeclared(type)) {
    throw new TwinstateError('DECLARATION_INVALID', `${where} holds ${type.name}, which is not declared`, {
      expected: 'a class with attributes',
      received: `${type.name} without any`,
      cure: `mark its members @Mutable() or @Immutable(), call defineSession(${type.name}, …), or give ${where} a codec`,
    });
  }
  return { type, name };
}

function isClass(type: unknown): type is Class {
  return typeof type === 'function' && typeof type.prototype === 'object' && type.prototype !== null;
}
