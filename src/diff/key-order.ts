/**
 * Plans the deletions by which an insertion-ordered collection gets the keys of another, in its order.
 *
 * Invariant: once the planned keys are deleted and the missing ones are added in the wanted order, both orders are the same; no
 * smaller set of deletions does that, because what is added always comes last.
 */
export interface KeyPlan<K> {
  /** To delete first; those that are wanted are added again. */
  readonly deleted: ReadonlySet<K>;
  /** True where nothing would be left, and there was something. */
  readonly clear: boolean;
}

/** Where the keys and their order are the same already, the result is undefined. */
export function planKeys<K>(
  old: { readonly size: number; keys(): Iterable<K> },
  wanted: readonly K[],
  unordered?: (key: K) => boolean,
): KeyPlan<K> | undefined {
  if (old.size === wanted.length) {
    let i = 0;
    let same = true;
    for (const key of old.keys()) {
      if (!sameKey(key, wanted[i++]!)) {
        same = false;
        break;
      }
    }
    if (same) return undefined;
  }
  const positions = new Map<K, number>();
  for (const key of old.keys()) positions.set(key, positions.size);
  const deleted = new Set<K>(old.keys());
  let last = -1;
  let prefix = true;
  for (const key of wanted) {
    const position = positions.get(key);
    if (unordered?.(key) === true) {
      deleted.delete(key);
      continue;
    }
    // only a prefix of the wanted order can stay: whatever is added afterwards stands behind all that stays
    if (prefix && position !== undefined && position > last) {
      last = position;
      deleted.delete(key);
    } else prefix = false;
  }
  return { deleted, clear: deleted.size === old.size && old.size > 0 };
}

/** True for a key that plain objects keep in numeric order, whenever it was added. */
export function isIndexKey(key: string): boolean {
  return /^(?:0|[1-9]\d{0,9})$/.test(key) && Number(key) < 2 ** 32 - 1;
}

/** As `Map` and `Set` compare. */
function sameKey(a: unknown, b: unknown): boolean {
  return a === b || (a !== a && b !== b);
}
