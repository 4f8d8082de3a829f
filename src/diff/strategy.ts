/**
 * Chooses how an attribute is compared.
 *
 * Invariant: the choice depends on the declaration only, so every process makes the same one, and it never changes what a replica
 * becomes, only what is sent.
 */
import { modelOf } from '../model/model-of.js';
import type { AttributeModel, Class } from '../model/session-model.js';

export interface Strategy {
  readonly strategy: 'graph' | 'binary' | 'tracked';
  /** For people. */
  readonly reason: string;
}

const CODED: Strategy = { strategy: 'binary', reason: 'it has a codec, so its value is bytes to Twinstate' };
const BINARY: Strategy = { strategy: 'binary', reason: 'declared' };
const GRAPH: Strategy = { strategy: 'graph', reason: 'declared' };
const TRACKED: Strategy = {
  strategy: 'tracked',
  reason:
    'declared: instances note which of their attributes were written, and only those are compared. Collections, plain objects, dates, ' +
    'bytes, and instances that cannot note it (behind a getter or a codec, frozen, an attribute that is not there yet) are compared ' +
    'every time',
};
const AUTO: Strategy = {
  strategy: 'graph',
  reason:
    'measured: unchanged, every kind of value took an eighth or less of the time that binary takes to encode it, changed mostly a third ' +
    'or less (samples/benchmarks/README.md, Graph or binary). Long strings that grow are sent whole, where binary sends what was ' +
    'added: declare these binary where bytes cost more than time',
};

export interface AttributeStrategy extends Strategy {
  /** The class's name on the wire. */
  readonly class: string;
  readonly property: string;
}

/**
 * Tells how each mutable attribute of a session is compared, and why.
 *
 * @throws {TwinstateError} as `modelOf`
 */
export function strategies(type: Class): AttributeStrategy[] {
  return [...modelOf(type).classes.values()].flatMap((of) =>
    of.mutable.map((attribute) => ({ class: of.name, property: attribute.property, ...strategyOf(attribute) })),
  );
}

/** Tells how an attribute is compared, and why. */
export function strategyOf(attribute: AttributeModel): Strategy {
  if (attribute.codec !== undefined) return CODED;
  switch (attribute.diff) {
    case 'binary':
      return BINARY;
    case 'graph':
      return GRAPH;
    case 'tracked':
      return TRACKED;
    case 'auto':
      return AUTO;
  }
}
