/**
 * Makes the session model of a class: collects the classes that its attributes name, gives each its name, checks every
 * declaration and freezes the result.
 *
 * Invariant: a class has at most one model in a process, made whole or not at all; a wrong declaration is an error here, before
 * anything runs, and says what to write instead.
 */
import { TwinstateError } from '../shared/errors.js';
import { checkInitial, checkMember, checkValue, memberOf } from './attribute-fit.js';
import { declarationOn, isDeclared, lineage } from './declaration.js';
import { collectDrafts, type Draft, type DraftAttribute } from './draft.js';
import { durationMs } from './duration.js';
import { fingerprint } from './fingerprint.js';
import { mutableAttributeSet } from './mutable-attribute-set.js';
import type { RestOptions, SessionOptions } from './options.js';
import { checkAttributeNames, classNames } from './wire-names.js';
import type { AttributeModel, Class, ClassModel, DiffStrategy, SessionModel } from './session-model.js';

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
  const drafts = collectDrafts(type);
  const model = build(type, options, drafts, classNames(drafts));
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
    received:
      base !== undefined
        ? 'a subclass of one'
        : isDeclared({ prototype })
          ? 'a class with attributes only'
          : 'a class without declarations',
    cure: `write @Session() before class ${type.name}, or call defineSession(${type.name}, …)`,
  });
}

function build(
  root: Class,
  options: SessionOptions,
  drafts: ReadonlyMap<Class, Draft>,
  names: ReadonlyMap<Class, string>,
): SessionModel {
  // classes refer to each other, so their arrays are filled first and frozen last
  const secretive = [...drafts.values()].some(({ attributes }) =>
    attributes.some(({ options: { sensitive } }) => sensitive === true),
  );
  const shells = new Map<Class, { -readonly [K in keyof ClassModel]: ClassModel[K] }>();
  for (const { type, open, rest, transient, construct, makes } of drafts.values()) {
    const keys = open ? restModel(rest, options.diff ?? 'auto') : undefined;
    const name = names.get(type)!;
    const made = (attributes: Readonly<Record<string, unknown>>): object => construct(attributes, secretive);
    shells.set(type, { type, name, attributes: [], mutable: [], open, rest: keys, transient, construct: made, makes });
  }
  for (const draft of drafts.values()) {
    const shell = shells.get(draft.type)!;
    checkAttributeNames(draft);
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
  if (memberOf(root, 'then', undefined) !== undefined) {
    throw new TwinstateError('DECLARATION_INVALID', `${root.name} has a member named then`, {
      expected: 'a class that `await store.open(…)` does not take for a promise',
      received: 'a thenable class',
      cure: 'rename it',
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

/** What the keys of an open class are, as if `*` were an attribute. */
function restModel({ merge = 'reject' }: RestOptions, diff: DiffStrategy): AttributeModel {
  return Object.freeze({
    property: '*',
    wireName: '*',
    index: -1,
    mutable: true,
    types: [],
    diff,
    merge,
    key: undefined,
    sensitive: false,
    codec: undefined,
    accessor: false,
    discriminator: undefined,
  });
}
