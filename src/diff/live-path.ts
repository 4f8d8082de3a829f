/**
 * Finds where in a live instance a value stands, for error messages.
 *
 * Invariant: it runs only when something is already wrong, walks breadth first, so the shortest path is found, and looks only at what
 * is replicated. It throws nothing, whatever getters do. Behind an attribute that is `sensitive` nothing more is said, not even a key.
 */
import { readAttribute } from '../model/attribute-access.js';
import { kindOf, type LiveKind } from './live-kind.js';
import { attributeStep, entryStep, indexStep, joinPath, keyObjectStep, memberStep } from './path.js';

interface Place {
  readonly value: object;
  readonly from: Place | undefined;
  readonly step: string;
  readonly sensitive: boolean;
}

/** @returns undefined where it is not found; the empty path for the root itself */
export function livePath(root: object, sought: unknown, kinds: ReadonlyMap<object, LiveKind>): string | undefined {
  if (root === sought) return '';
  const seen = new Set<object>([root]);
  const queue: Place[] = [{ value: root, from: undefined, step: '', sensitive: false }];
  let found: string | undefined;
  for (let i = 0; i < queue.length && found === undefined; i++) {
    const place = queue[i]!;
    try {
      eachValue(place.value, kinds, (inner, value, secret = false) => {
        const step = place.sensitive ? '' : inner;
        const sensitive = place.sensitive || secret;
        if (found === undefined && Object.is(value, sought)) found = pathTo({ value: root, from: place, step, sensitive });
        if (typeof value !== 'object' || value === null || seen.has(value)) return;
        seen.add(value);
        queue.push({ value, from: place, step, sensitive });
      });
    } catch {
      // what cannot be read holds nothing that could be named
    }
  }
  return found;
}

function pathTo(place: Place): string {
  const steps: string[] = [];
  for (let at: Place | undefined = place; at !== undefined; at = at.from) steps.push(at.step);
  return joinPath(steps.toReversed());
}

function eachValue(
  live: object,
  kinds: ReadonlyMap<object, LiveKind>,
  visit: (step: string, value: unknown, sensitive?: boolean) => void,
): void {
  const kind = kindOf(live, kinds);
  switch (kind?.kind) {
    case 'instance':
      for (const attribute of kind.of.attributes)
        visit(attributeStep(attribute.property), readAttribute(attribute, live), attribute.sensitive);
      if (kind.of.open)
        for (const key of Object.keys(live))
          if (!kind.of.transient.has(key)) visit(attributeStep(key), (live as Record<string, unknown>)[key]);
      return;
    case 'object':
      for (const key of Object.keys(live)) visit(attributeStep(key), (live as Record<string, unknown>)[key]);
      return;
    case 'array':
      (live as unknown[]).forEach((value, index) => visit(indexStep(index), value));
      return;
    case 'map': {
      let position = 0;
      for (const [key, value] of live as Map<unknown, unknown>) {
        visit(keyObjectStep(position++), key);
        visit(entryStep(typeof key === 'object' || typeof key === 'function' ? '…' : typeof key === 'symbol' ? '…' : key), value);
      }
      return;
    }
    case 'set': {
      let position = 0;
      for (const member of live as Set<unknown>) visit(memberStep(position++), member);
      return;
    }
    case 'view':
      visit('.buffer', (live as ArrayBufferView).buffer);
      return;
    default:
  }
}
