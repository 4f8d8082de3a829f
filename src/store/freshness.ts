/** How new a state must be that an `open` shows (rule 12 of the protocol). */
import type { NodeRead } from '../node/cluster-node.js';
import { version } from '../shared/ids.js';
import type { OpenOptions } from './calls.js';
import { choice, invalid, show } from './options.js';

export type Freshness = Pick<NodeRead, 'consistency' | 'atLeast'>;

/** @throws {TwinstateError} `OPTION_INVALID` */
export function checkFreshness({ consistency, atLeast }: OpenOptions): Freshness {
  if (atLeast !== undefined && !(Number.isSafeInteger(atLeast) && atLeast >= 0))
    throw invalid('atLeast', 'a version: a whole number from 0', show(atLeast));
  return {
    consistency: choice('consistency', consistency, ['strong', 'primary', 'local']) ?? 'primary',
    atLeast: atLeast === undefined ? undefined : version(atLeast),
  };
}
