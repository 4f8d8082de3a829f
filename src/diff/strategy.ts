/**
 * Chooses how an attribute is compared.
 *
 * Invariant: the choice depends on the declaration only, so every process makes the same one, and it never changes what a replica
 * becomes, only what is sent.
 */
import type { AttributeModel } from '../model/session-model.js';

export interface Strategy {
  readonly strategy: 'graph' | 'binary';
  /** For people. */
  readonly reason: string;
}

export function strategyOf(attribute: AttributeModel): Strategy {
  if (attribute.codec !== undefined) return { strategy: 'binary', reason: 'it has a codec, so its value is bytes to Twinstate' };
  switch (attribute.diff) {
    case 'binary':
      return { strategy: 'binary', reason: 'declared' };
    case 'graph':
      return { strategy: 'graph', reason: 'declared' };
    case 'tracked':
      return { strategy: 'graph', reason: 'tracking is a hint that the comparison verifies; without it everything is compared' };
    case 'auto':
      return { strategy: 'graph', reason: 'the cheapest for values that Twinstate knows' };
  }
}
