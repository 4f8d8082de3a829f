/**
 * The classes of a session on their way to a model: each with its attributes, the classes that these name, and how it constructs.
 *
 * Invariant: every class that an attribute names is in the result, once, after the class that named it first; each without a
 * `make` was constructed once, which is its proof that it can be.
 */
import { TwinstateError } from '../shared/errors.js';
import { type Construct, constructorOf } from './construction.js';
import { declarationOn, lineage } from './declaration.js';
import { type ElementTypes, elementTypes } from './element-types.js';
import { type InheritedAttribute, inheritedAttributes } from './inheritance.js';
import { holdsMore } from './known-values.js';
import type { RestOptions } from './options.js';
import type { Class } from './session-model.js';

export interface DraftAttribute extends InheritedAttribute {
  readonly elements: ElementTypes;
}

/** A class on its way to a `ClassModel`. */
export interface Draft {
  readonly type: Class;
  readonly attributes: readonly DraftAttribute[];
  readonly transient: ReadonlySet<string>;
  readonly open: boolean;
  readonly rest: RestOptions;
  readonly construct: Construct;
  readonly makes: boolean;
  /** An instance to look at; none where the class has a `make`, which wants attributes. */
  readonly trial: object | undefined;
  /** The name that a record of types gave, and the attribute it stood at. */
  alias: { readonly name: string; readonly where: string } | undefined;
}

/**
 * Finds every class that may stand in the graph of a session, breadth first.
 *
 * @throws {TwinstateError} `DECLARATION_INVALID`, `NOT_CONSTRUCTIBLE`
 */
export function collectDrafts(root: Class): Map<Class, Draft> {
  const drafts = new Map<Class, Draft>([[root, draftOf(root)]]);
  for (const draft of drafts.values()) {
    for (const { property, elements } of draft.attributes) {
      for (const { type, name } of elements.classes) {
        let element = drafts.get(type);
        if (element === undefined) drafts.set(type, (element = draftOf(type)));
        if (name === undefined) continue;
        const where = `${draft.type.name}.${property}`;
        const alias = (element.alias ??= { name, where });
        if (alias.name !== name) throw twoNames(type, `'${alias.name}' at ${alias.where}`, `'${name}' at ${where}`);
      }
    }
  }
  return drafts;
}

function draftOf(type: Class): Draft {
  const prototype = type.prototype as object;
  const base = lineage(prototype).slice(1).find(holdsMore);
  if (base !== undefined) throw extendsBuiltIn(type, (base.constructor as Class).name);
  const { attributes, open, rest } = inheritedAttributes(prototype);
  const make = declarationOn(prototype)?.session?.make;
  const construct = constructorOf(type, make);
  return {
    type,
    attributes: attributes
      .filter((a) => a.kind !== 'transient')
      .map((a) => ({ ...a, elements: elementTypes(type, a.property, a.options) })),
    transient: new Set(attributes.filter((a) => a.kind === 'transient').map((a) => a.property)),
    open,
    rest,
    construct,
    makes: make !== undefined,
    trial: make === undefined ? construct({}) : undefined,
    alias: undefined,
  };
}

function extendsBuiltIn(type: Class, base: string): TwinstateError {
  return new TwinstateError('DECLARATION_INVALID', `${type.name} extends ${base}`, {
    expected: 'a class whose state is in its attributes',
    received: `one that also holds what a ${base} holds, which no attribute names`,
    cure: `let it hold a ${base} in an attribute, or give the attributes that hold a ${type.name} a codec`,
  });
}

/** Refuses a class with different names in one session. */
export function twoNames(type: Class, one: string, other: string): TwinstateError {
  return new TwinstateError('DECLARATION_INVALID', `${type.name} has two names on the wire`, {
    expected: 'one name for a class in a session',
    received: `${one} and ${other}`,
    cure: 'use the same name everywhere',
  });
}
