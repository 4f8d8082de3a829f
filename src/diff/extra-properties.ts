/**
 * Finds what stands on an array or a collection beside its elements: `match.index`, `rows.total`, a symbol.
 *
 * Invariant: nothing is replicated as less than it is; what has such a property is refused. It is looked for where an object enters
 * the graph or its content changed, not in every comparison: on its own, such a property changes nothing that is compared.
 */
import { inspect } from 'node:util';
import type { LiveKind } from './live-kind.js';

/** Up to so many elements their keys are listed in less time than anything else takes. */
const LISTED_MAX = 16;
/** Shows how many elements there are and what else there is, by a native look at that alone: a microsecond for any length. */
const BESIDE = { maxArrayLength: 0, depth: 0, breakLength: Infinity, compact: true, customInspect: false } as const;

/** @returns its name, undefined where there is none, or where all properties are content */
export function extraProperty(live: object, { kind }: LiveKind): string | symbol | undefined {
  switch (kind) {
    case 'array':
      return nameBeside(live as unknown[]) ?? symbolOf(live);
    case 'map':
    case 'set':
    case 'date':
    case 'regexp':
    case 'url':
    case 'arrayBuffer':
      return Object.keys(live).at(-1) ?? symbolOf(live);
    default:
      // an instance's other properties are transient, those of a plain object its content; bytes have too many keys to list them
      return undefined;
  }
}

function nameBeside(live: readonly unknown[]): string | undefined {
  const { length } = live;
  if (length > LISTED_MAX && inspect(live, BESIDE) === `[ ... ${length} more items ]`) return undefined;
  // names come behind indices
  const last = Object.keys(live).at(-1);
  return last === undefined || (String(Number(last) >>> 0) === last && Number(last) < length) ? undefined : last;
}

function symbolOf(live: object): symbol | undefined {
  const symbols = Object.getOwnPropertySymbols(live);
  return symbols.find((symbol) => Object.prototype.propertyIsEnumerable.call(live, symbol));
}
