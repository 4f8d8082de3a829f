/**
 * What was said about a class, exactly as it was said: the raw material of a session model.
 *
 * Invariant: a declaration belongs to one prototype and says nothing about its bases or subclasses; each attribute has one kind
 * in it; and once a model was made from it, nothing can be added. It is kept by reflect-metadata under a registered symbol, so
 * that two copies of Twinstate in one process read the same declarations.
 */
import 'reflect-metadata';
import { TwinstateError } from '../shared/errors.js';
import type { MutableOptions, RestOptions, SessionOptions } from './options.js';

const KEY = Symbol.for('twinstate.declaration');

export type AttributeKind = 'mutable' | 'immutable' | 'transient';

export interface AttributeDeclaration {
  readonly kind: AttributeKind;
  /** An immutable attribute has a subset of them, a transient one none. */
  readonly options: MutableOptions;
}

export interface ClassDeclaration {
  /** By property, in the order of declaration. */
  readonly attributes: Map<string, AttributeDeclaration>;
  /** Set by `@Session` and `defineSession`. */
  session: SessionOptions | undefined;
  /** `mutable: '*'`. */
  open: boolean;
  /** What was said of all keys of an open class. */
  rest: RestOptions;
  /** A model was made from it. */
  resolved: boolean;
}

/** Finds what was declared on this prototype itself. */
export function declarationOn(prototype: object): ClassDeclaration | undefined {
  return Reflect.getOwnMetadata(KEY, prototype) as ClassDeclaration | undefined;
}

/** Walks from a class to its bases: its own prototype first, without `Object.prototype`. */
export function lineage(prototype: object): object[] {
  const prototypes: object[] = [];
  for (let p: object | null = prototype; p !== null && p !== Object.prototype; p = Object.getPrototypeOf(p) as object | null) {
    prototypes.push(p);
  }
  return prototypes;
}

/** Tells whether the class or a base of it has a declaration. */
export function isDeclared(type: { readonly prototype: object }): boolean {
  return lineage(type.prototype).some((prototype) => declarationOn(prototype) !== undefined);
}

/** Names a class for people; `constructor` may be anything, so it is read and never trusted. */
export function className(prototype: object): string {
  const type: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  return typeof type === 'function' && type.name !== '' ? type.name : '(anonymous class)';
}

/** Adds an attribute to its class. @throws {TwinstateError} `DECLARATION_INVALID` where it already has a kind, or comes too late */
export function declareAttribute(prototype: object, property: string, kind: AttributeKind, options: MutableOptions): void {
  const declaration = declarationFor(prototype);
  const earlier = declaration.attributes.get(property);
  if (earlier !== undefined) {
    throw new TwinstateError('DECLARATION_INVALID', `${className(prototype)}.${property} is declared twice`, {
      expected: 'one of @Mutable, @Immutable and @Transient, once',
      received: `${decoratorOf(earlier.kind)} and ${decoratorOf(kind)}`,
      cure:
        earlier.kind === kind
          ? `keep one ${decoratorOf(kind)} with all its options`
          : 'decide: what changes is @Mutable, what is set once is @Immutable, what stays in this process is @Transient',
    });
  }
  declaration.attributes.set(property, { kind, options });
}

/** Marks a class as a session, or gives a nested one its name. @throws {TwinstateError} `DECLARATION_INVALID` for a second mark */
export function declareSession(prototype: object, options: SessionOptions): void {
  const declaration = declarationFor(prototype);
  if (declaration.session !== undefined) {
    throw new TwinstateError('DECLARATION_INVALID', `${className(prototype)} is declared as a session twice`, {
      expected: 'one @Session or one defineSession',
      cure: 'keep one of them with all its options',
    });
  }
  declaration.session = options;
}

/** Makes every further key a mutable attribute. */
export function declareOpen(prototype: object, rest: RestOptions): void {
  const declaration = declarationFor(prototype);
  declaration.open = true;
  declaration.rest = rest;
}

/** Spells a kind as people write it. */
export function decoratorOf(kind: AttributeKind): string {
  return { mutable: '@Mutable()', immutable: '@Immutable()', transient: '@Transient()' }[kind];
}

function declarationFor(prototype: object): ClassDeclaration {
  let declaration = declarationOn(prototype);
  if (declaration?.resolved === true) {
    throw new TwinstateError('DECLARATION_INVALID', `${className(prototype)} is declared further after its model was made`, {
      expected: 'every declaration before the class is first used',
      cure: 'move the decorators or the defineSession call to where the class is defined',
    });
  }
  if (declaration === undefined) {
    declaration = { attributes: new Map(), session: undefined, open: false, rest: {}, resolved: false };
    Reflect.defineMetadata(KEY, declaration, prototype);
  }
  return declaration;
}
