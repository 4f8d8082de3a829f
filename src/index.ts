/** The public face of Twinstate: every name by hand. */
export { Immutable } from './model/immutable.js';
export { Mutable } from './model/mutable.js';
export { Session } from './model/session.js';
export { Transient } from './model/transient.js';
export { defineSession } from './model/define-session.js';
export type { AttributeDecorator } from './model/mutable.js';
export type { AttributeKey, SessionDefinition } from './model/define-session.js';
export type { Init } from './model/adoption.js';
export type { ElementType, ImmutableOptions, MutableOptions, SessionOptions } from './model/options.js';
export type { Class, Codec, DiffStrategy, MergeRule, SessionLimits } from './model/session-model.js';
export { TwinstateError, ConflictError } from './shared/errors.js';
export type { ErrorCode, ErrorDetails, Outcome } from './shared/errors.js';
