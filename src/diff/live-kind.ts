/**
 * Tells what a live object is to a graph.
 *
 * Invariant: an object is what its prototype says, exactly: an instance is of a class only if its prototype is that class's own.
 * Everything without a kind is refused; nothing is guessed, nothing is replicated as less than it is.
 */
import { TwinstateError } from '../shared/errors.js';
import { VIEW_KINDS } from '../wire/format.js';
import type { ClassModel, SessionModel } from '../model/session-model.js';
import type { ContainerForm } from './operation.js';

export type LiveKind =
  | { readonly kind: 'instance'; readonly of: ClassModel }
  | ContainerForm
  | { readonly kind: 'date' | 'regexp' | 'url' | 'buffer' | 'arrayBuffer' };

const NULL_OBJECT: LiveKind = { kind: 'object', nullPrototype: true };

const BUILT_IN: readonly (readonly [object, LiveKind])[] = [
  [Object.prototype, { kind: 'object', nullPrototype: false }],
  [Array.prototype, { kind: 'array' }],
  [Map.prototype, { kind: 'map' }],
  [Set.prototype, { kind: 'set' }],
  [Date.prototype, { kind: 'date' }],
  [RegExp.prototype, { kind: 'regexp' }],
  [URL.prototype, { kind: 'url' }],
  [Buffer.prototype, { kind: 'buffer' }],
  [ArrayBuffer.prototype, { kind: 'arrayBuffer' }],
  ...VIEW_KINDS.map((type, view): [object, LiveKind] => [type.prototype, { kind: 'view', view }]),
];

const NEVER_STATE = [Error, Promise, WeakMap, WeakSet, WeakRef, Number, String, Boolean, Symbol, BigInt, SharedArrayBuffer];

const byModel = new WeakMap<SessionModel, Map<object, LiveKind>>();

/** The kinds by prototype, for one model. */
export function kindsOf(model: SessionModel): ReadonlyMap<object, LiveKind> {
  let kinds = byModel.get(model);
  if (kinds === undefined) {
    kinds = new Map(BUILT_IN);
    for (const of of model.classes.values()) kinds.set(of.type.prototype as object, { kind: 'instance', of });
    byModel.set(model, kinds);
  }
  return kinds;
}

/** @returns undefined for what no graph can hold; `unsupported` says why */
export function kindOf(live: object, kinds: ReadonlyMap<object, LiveKind>): LiveKind | undefined {
  const prototype = Object.getPrototypeOf(live) as object | null;
  const kind = prototype === null ? NULL_OBJECT : kinds.get(prototype);
  switch (kind?.kind) {
    case 'array':
      return Array.isArray(live) ? kind : undefined;
    case 'object':
      return hasSymbolKey(live) ? undefined : kind;
    case 'view':
      return (live as ArrayBufferView).buffer instanceof SharedArrayBuffer ? undefined : kind;
    case 'arrayBuffer':
      return (live as { resizable?: boolean }).resizable === true ? undefined : kind;
    default:
      return kind;
  }
}

/** Makes the error for a value without a kind. */
export function unsupported(live: unknown, path: string | undefined): TwinstateError {
  if (typeof live !== 'object' || live === null) {
    return refuse(`a ${typeof live}`, 'keep it in a transient member, or give the attribute a codec', path);
  }
  const prototype = Object.getPrototypeOf(live) as { constructor?: unknown } | null;
  if (prototype === null || prototype === Object.prototype) return refuse('an object with a symbol key', 'use string keys', path);
  const name = nameOf(prototype);
  if (NEVER_STATE.some((type) => live instanceof type)) {
    return refuse(`an object of class ${name}`, 'keep what matters of it as plain values, or give the attribute a codec', path);
  }
  if (ArrayBuffer.isView(live) && live.buffer instanceof SharedArrayBuffer)
    return refuse('a view of shared memory', 'copy it to memory of its own', path);
  if (prototype === ArrayBuffer.prototype) return refuse('a resizable ArrayBuffer', 'use one of fixed length', path);
  return new TwinstateError('CLASS_UNKNOWN', `an object of class ${name} cannot be replicated`, {
    expected: 'a plain object or an instance of a class that the session declares',
    received: `an instance of ${name}`,
    cure: `name the class where it is used, as in @Mutable({ type: () => ${name} }), and mark its attributes; or give the attribute a codec`,
    path,
  });
}

/** Makes the error for an array or a collection with a property that is none of its elements. @param name not given: it may be sensitive */
export function unsupportedExtra(name: string | symbol | undefined, path: string | undefined): TwinstateError {
  const extra =
    name === undefined ? 'another property' : typeof name === 'symbol' ? String(name) : `the property ${JSON.stringify(name)}`;
  return new TwinstateError('VALUE_UNSUPPORTED', 'this value cannot be replicated', {
    expected: 'an array or a collection with nothing beside its content',
    received: `one with ${extra}`,
    cure: 'keep it beside the collection, in an object that holds both; of what a regular expression matched, keep `[...match]`',
    path,
  });
}

function refuse(received: string, cure: string, path: string | undefined): TwinstateError {
  return new TwinstateError('VALUE_UNSUPPORTED', 'this value cannot be replicated', {
    expected: 'data',
    received,
    cure,
    path,
  });
}

function nameOf(prototype: { constructor?: unknown }): string {
  const type = prototype.constructor;
  return typeof type === 'function' && type.name !== '' ? type.name : '(anonymous)';
}

function hasSymbolKey(live: object): boolean {
  const symbols = Object.getOwnPropertySymbols(live);
  return symbols.some((symbol) => Object.prototype.propertyIsEnumerable.call(live, symbol));
}
