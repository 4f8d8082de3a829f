/**
 * Makes the session model of a class: collects the classes that its attributes name, gives each one name, checks every declaration
 * and freezes the result.
 *
 * Invariant: a class has at most one model in a process, made whole or not at all; a wrong declaration is an error here, before
 * anything runs, and says what to write instead.
 */
import { TwinstateError } from '../shared/errors.js';
import { checkInitial, checkMember, checkValue } from './attribute-fit.js';
import { type Construct, constructorOf } from './construction.js';
import { declarationOn, isDeclared, lineage } from './declaration.js';
import { durationMs } from './duration.js';
import { type ElementTypes, elementTypes } from './element-types.js';
import { fingerprint } from './fingerprint.js';
import { type InheritedAttribute, inheritedAttributes } from './inheritance.js';
import { mutableAttributeSet } from './mutable-attribute-set.js';
import { checkWireName, type SessionOptions } from './options.js';
import type { AttributeModel, Class, ClassModel, DiffStrategy, SessionModel } from './session-model.js';

interface DraftAttribute extends InheritedAttribute {
  readonly elements: ElementTypes;
}

/** A class on its way to a `ClassModel`. */
interface Draft {
  readonly type: Class;
  readonly attributes: readonly DraftAttribute[];
  readonly transient: ReadonlySet<string>;
  readonly open: boolean;
  readonly construct: Construct;
  readonly makes: boolean;
  /** An instance to look at; none where the class has a `make`, which wants attributes. */
  readonly trial: object | undefined;
  /** The name that a record of types gave, and the attribute it stood at. */
  alias: { readonly name: string; readonly where: string } | undefined;
}

const models = new WeakMap<Class, SessionModel>();

/**
 * Resolves the model of a session class; the same object for the same class, always.
 *
 * @throws {TwinstateError} `NOT_A_SESSION` for anything but a class marked `@Session`, `DECLARATION_INVALID`, `NOT_CONSTRUCTIBLE`
 */
export function modelOf(type: Class): SessionModel {
  const known = models.get(type);
  if (known !== undefined) return known;
  const options = sessionOptionsOf(type);
  const drafts = collect(type);
  const model = build(type, options, drafts, namesOf(drafts));
  for (const draft of drafts.values()) {
    for (const prototype of lineage(draft.type.prototype as object)) {
      const declaration = declarationOn(prototype);
      if (declaration !== undefined) declaration.resolved = true;
    }
  }
  models.set(type, model);
  return model;
}

function sessionOptionsOf(type: unknown): SessionOptions {
  if (typeof type !== 'function' || typeof type.prototype !== 'object' || type.prototype === null) {
    throw new TwinstateError('NOT_A_SESSION', 'this is no session class', {
      expected: 'a class marked @Session()',
      received: type === null ? 'null' : typeof type === 'object' ? 'an instance' : typeof type,
      cure: 'pass the class itself',
    });
  }
  const prototype = type.prototype as object;
  const own = declarationOn(prototype)?.session;
  if (own !== undefined) return own;
  const base = lineage(prototype).find((ancestor) => declarationOn(ancestor)?.session !== undefined);
  throw new TwinstateError('NOT_A_SESSION', `${type.name} is no session class`, {
    expected: 'a class marked @Session() itself, or declared with defineSession',
    received: base !== undefined ? 'a subclass of one' : isDeclared({ prototype }) ? 'a class with attributes only' : 'a class without declarations',
    cure: `write @Session() before class ${type.name}, or call defineSession(${type.name}, …)`,
  });
}

/** Finds every class that may stand in the graph, breadth first. */
function collect(root: Class): Map<Class, Draft> {
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
  const { attributes, open } = inheritedAttributes(prototype);
  const make = declarationOn(prototype)?.session?.make;
  const construct = constructorOf(type, make);
  return {
    type,
    attributes: attributes
      .filter((a) => a.kind !== 'transient')
      .map((a) => ({ ...a, elements: elementTypes(type, a.property, a.options) })),
    transient: new Set(attributes.filter((a) => a.kind === 'transient').map((a) => a.property)),
    open,
    construct,
    makes: make !== undefined,
    trial: make === undefined ? construct({}) : undefined,
    alias: undefined,
  };
}

/** Gives every class its name on the wire. */
function namesOf(drafts: ReadonlyMap<Class, Draft>): Map<Class, string> {
  const names = new Map<Class, string>();
  const takenBy = new Map<string, Class>();
  for (const { type, alias } of drafts.values()) {
    const own = declarationOn(type.prototype as object)?.session?.name;
    if (own !== undefined && alias !== undefined && own !== alias.name) {
      throw twoNames(type, `'${own}' by its @Session`, `'${alias.name}' at ${alias.where}`);
    }
    const name = own ?? alias?.name ?? type.name;
    if (name === '') {
      throw new TwinstateError('DECLARATION_INVALID', 'a class of this session has no name', {
        expected: 'a name on the wire',
        received: 'an anonymous class',
        cure: "write @Session({ name: '…' }) before it",
      });
    }
    const other = takenBy.get(name);
    if (other !== undefined) {
      throw new TwinstateError('DECLARATION_INVALID', `two classes of one session are named '${name}' on the wire`, {
        expected: 'a name of its own for each class',
        received: `${other.name} and ${type.name}`,
        cure: `write @Session({ name: '…' }) before one of them`,
      });
    }
    takenBy.set(name, type);
    names.set(type, name);
  }
  return names;
}

function twoNames(type: Class, one: string, other: string): TwinstateError {
  return new TwinstateError('DECLARATION_INVALID', `${type.name} has two names on the wire`, {
    expected: 'one name for a class in a session',
    received: `${one} and ${other}`,
    cure: 'use the same name everywhere',
  });
}

function build(root: Class, options: SessionOptions, drafts: ReadonlyMap<Class, Draft>, names: ReadonlyMap<Class, string>): SessionModel {
  // classes refer to each other, so their arrays are filled first and frozen last
  const shells = new Map<Class, { -readonly [K in keyof ClassModel]: ClassModel[K] }>();
  for (const { type, open, transient, construct, makes } of drafts.values()) {
    shells.set(type, { type, name: names.get(type)!, attributes: [], mutable: [], open, transient, construct, makes });
  }
  for (const draft of drafts.values()) {
    const shell = shells.get(draft.type)!;
    checkWireNames(draft);
    for (const attribute of draft.attributes) checkAttribute(draft, attribute, drafts);
    shell.attributes = Object.freeze(
      draft.attributes.map((a, index) => attributeModel(draft, a, index, shells, options.diff ?? 'auto')),
    );
    shell.mutable = mutableAttributeSet(shell.attributes);
    Object.freeze(shell);
  }
  const rootModel: ClassModel = shells.get(root)!;
  if (rootModel.attributes.length === 0 && !rootModel.open) {
    throw new TwinstateError('DECLARATION_INVALID', `${root.name} has no attributes`, {
      expected: 'at least one @Mutable() or @Immutable() attribute',
      received: 'none: nothing of it would be replicated',
      cure: 'mark what belongs to the session @Mutable()',
    });
  }
  return Object.freeze({
    root: rootModel,
    name: rootModel.name,
    classes: new Map([...shells.values()].map((shell): [string, ClassModel] => [shell.name, shell])),
    byType: shells,
    fingerprint: fingerprint(rootModel, shells.values()),
    ttlMs: options.ttl === undefined ? undefined : durationMs(`ttl of ${root.name}`, options.ttl),
    maxAgeMs: options.maxAge === undefined ? undefined : durationMs(`maxAge of ${root.name}`, options.maxAge),
    limits: Object.freeze({ ...options.limits }),
  });
}

function checkWireNames({ type, attributes, open }: Draft): void {
  const takenBy = new Map<string, string>();
  for (const { property, options } of attributes) {
    const wireName = options.name ?? property;
    checkWireName(`the wire name of ${type.name}.${property}`, wireName);
    const other = takenBy.get(wireName);
    if (other !== undefined) {
      throw new TwinstateError('DECLARATION_INVALID', `two attributes of ${type.name} are named '${wireName}' on the wire`, {
        expected: 'a name of its own for each attribute',
        received: `${other} and ${property}`,
        cure: `change the name option of one of them; a new name starts without the old one's stored values`,
      });
    }
    if (open && wireName !== property) {
      throw new TwinstateError('DECLARATION_INVALID', `${type.name}.${property} is renamed in a class whose every key is an attribute`, {
        expected: `the name '${property}'`,
        received: `'${wireName}', which may be the name of another key`,
        cure: "leave the name option out, or list the attributes instead of mutable: '*'",
      });
    }
    takenBy.set(wireName, property);
  }
}

function checkAttribute({ type, trial }: Draft, attribute: DraftAttribute, drafts: ReadonlyMap<Class, Draft>): void {
  const elements = attribute.elements.classes.map((element) => {
    const { open, attributes } = drafts.get(element.type)!;
    return { name: element.type.name, open, properties: new Set(attributes.map((a) => a.property)) };
  });
  checkMember(type, attribute.property, trial);
  checkValue(type, attribute, trial, elements);
  if (trial !== undefined && attribute.options.codec === undefined) checkInitial(type, attribute.property, trial, drafts);
}

function attributeModel(
  { type, trial }: Draft,
  { property, kind, options, elements }: DraftAttribute,
  index: number,
  models: ReadonlyMap<Class, ClassModel>,
  diff: DiffStrategy,
): AttributeModel {
  const { discriminator } = elements;
  return Object.freeze({
    property,
    wireName: options.name ?? property,
    index,
    mutable: kind === 'mutable',
    types: Object.freeze(elements.classes.map((element) => models.get(element.type)!)),
    diff: options.diff ?? diff,
    merge: options.merge ?? 'reject',
    key: options.key,
    sensitive: options.sensitive ?? false,
    codec: options.codec,
    accessor: checkMember(type, property, trial),
    discriminator: discriminator && {
      property: discriminator.property,
      classes: new Map([...discriminator.classes].map(([name, element]): [string, ClassModel] => [name, models.get(element)!])),
    },
  });
}
