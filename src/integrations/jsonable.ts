/**
 * Lets sessions hold what JSON cannot say. express-session compares sessions by `JSON.stringify`, which throws at a bigint or a cycle.
 *
 * Invariant: a session without such values looks to `JSON.stringify` as it always did.
 */

/** Gives a session a `toJSON` of its own for as long as it holds what JSON cannot say. */
export function jsonable(session: object): void {
  Object.defineProperty(session, 'toJSON', {
    configurable: true,
    enumerable: false,
    get(this: object) {
      return isSpeakable(this) ? undefined : () => spoken(this);
    },
  });
}

function isSpeakable(root: object): boolean {
  const above = new Set<object>();
  const visit = (value: unknown): boolean => {
    if (typeof value === 'bigint') return false;
    if (typeof value !== 'object' || value === null || hasOwnJson(value, root)) return true;
    if (above.has(value)) return false;
    above.add(value);
    const speakable = Object.values(value).every(visit);
    above.delete(value);
    return speakable;
  };
  return visit(root);
}

/** The same without cycles, bigints as text; the cookie is left out, because express-session leaves it out of its comparison. */
function spoken(root: object): unknown {
  const above = new Set<object>();
  const visit = (value: unknown): unknown => {
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value !== 'object' || value === null || hasOwnJson(value, root)) return value;
    if (above.has(value)) return '[circular]';
    above.add(value);
    const said = Array.isArray(value)
      ? value.map(visit)
      : Object.fromEntries(
          Object.entries(value).flatMap(([key, each]) => (value === root && key === 'cookie' ? [] : [[key, visit(each)]])),
        );
    above.delete(value);
    return said;
  };
  return visit(root);
}

function hasOwnJson(value: object, root: object): boolean {
  return value !== root && typeof (value as { toJSON?: unknown }).toJSON === 'function';
}
