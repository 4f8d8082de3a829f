/**
 * Paths as people write them: `items[3].price`, `byName.get("x")`, `tags.values()[2]`.
 *
 * Invariant: a path is for people only; nothing is ever found by one.
 */
export function attributeStep(name: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

export function indexStep(index: number): string {
  return `[${index}]`;
}

/** @param key a primitive, or the id of the object that is the key */
export function entryStep(key: unknown): string {
  return `.get(${showKey(key)})`;
}

export function keyObjectStep(position: number): string {
  return `.keys()[${position}]`;
}

export function memberStep(position: number): string {
  return `.values()[${position}]`;
}

export function showKey(key: unknown): string {
  if (typeof key === 'string') return JSON.stringify(key);
  if (typeof key === 'bigint') return `${key}n`;
  return String(key);
}

/** Joins steps, the first without its dot. */
export function joinPath(steps: readonly string[]): string {
  return steps.join('').replace(/^\.+/, '');
}
