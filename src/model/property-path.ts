/** Paths as people write them: `items[3].qty`, `prices["per kilo"]`. */

/** Adds a property to a path; the path of a session itself is empty. */
export function propertyPath(path: string, property: string): string {
  if (!/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(property)) return `${path}[${JSON.stringify(property)}]`;
  return path === '' ? property : `${path}.${property}`;
}

/** Adds an index, or a key of a `Map`, to a path. */
export function elementPath(path: string, key: unknown): string {
  if (typeof key === 'string') return `${path}[${JSON.stringify(key)}]`;
  return `${path}[${typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean' ? key : '…'}]`;
}
