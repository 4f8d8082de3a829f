/**
 * An oracle for tests: whether two object graphs have the same values and the same shape, identities included.
 *
 * Invariant: it knows nothing of the engine. Each object of one side is paired with exactly one of the other.
 */

interface Pair {
  readonly a: unknown;
  readonly b: unknown;
  readonly path: string;
}

/** Says where the two differ, or undefined. No object may be on both sides. */
export function difference(rootA: unknown, rootB: unknown): string | undefined {
  const forth = new Map<object, object>();
  const back = new Map<object, object>();
  const queue: Pair[] = [{ a: rootA, b: rootB, path: 'root' }];
  for (let i = 0; i < queue.length; i++) {
    const { a, b, path } = queue[i]!;
    if (!isObject(a) || !isObject(b)) {
      if (!Object.is(a, b)) return `${path}: ${String(a)} against ${String(b)}`;
      continue;
    }
    if (a === b) return `${path}: one object on both sides`;
    if (forth.has(a) || back.has(b)) {
      if (forth.get(a) !== b || back.get(b) !== a) return `${path}: another identity`;
      continue;
    }
    forth.set(a, b);
    back.set(b, a);
    const problem = contents(a, b, path, queue);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function contents(a: object, b: object, path: string, queue: Pair[]): string | undefined {
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return `${path}: another prototype`;
  if (a instanceof Date) return Object.is(a.getTime(), (b as Date).getTime()) ? undefined : `${path}: another time`;
  if (a instanceof URL) return a.href === (b as URL).href ? undefined : `${path}: another href`;
  if (a instanceof RegExp) {
    const other = b as RegExp;
    return String(a) === String(other) && Object.is(a.lastIndex, other.lastIndex) ? undefined : `${path}: another expression`;
  }
  if (Buffer.isBuffer(a)) return a.equals(b as Buffer) ? undefined : `${path}: other bytes`;
  if (a instanceof ArrayBuffer) return Buffer.from(a).equals(Buffer.from(b as ArrayBuffer)) ? undefined : `${path}: other bytes`;
  if (ArrayBuffer.isView(a)) {
    const other = b as ArrayBufferView;
    if (a.byteOffset !== other.byteOffset || a.byteLength !== other.byteLength) return `${path}: another window`;
    queue.push({ a: a.buffer, b: other.buffer, path: `${path}.buffer` });
    return undefined;
  }
  if (a instanceof Map) return sequence([...a].flat(), [...(b as Map<unknown, unknown>)].flat(), `${path}.entries`, queue);
  if (a instanceof Set) return sequence([...a], [...(b as Set<unknown>)], `${path}.members`, queue);
  const prototype = Object.getPrototypeOf(a) as object | null;
  const isInstance = prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null;
  const keysOf = (object: object): string[] => {
    const keys = Object.keys(object);
    // an absent attribute is as good as an undefined one, and the order of attributes is the class's
    return isInstance ? keys.filter((key) => (object as Record<string, unknown>)[key] !== undefined).toSorted() : keys;
  };
  const [keys, others] = [keysOf(a), keysOf(b)];
  if (keys.length !== others.length || keys.some((key, i) => key !== others[i]))
    return `${path}: keys ${keys.join()} against ${others.join()}`;
  if (Array.isArray(a) && a.length !== (b as unknown[]).length)
    return `${path}: length ${a.length} against ${(b as unknown[]).length}`;
  for (const key of keys) {
    queue.push({ a: (a as Record<string, unknown>)[key], b: (b as Record<string, unknown>)[key], path: `${path}.${key}` });
  }
  return undefined;
}

function sequence(a: readonly unknown[], b: readonly unknown[], path: string, queue: Pair[]): string | undefined {
  if (a.length !== b.length) return `${path}: ${a.length} against ${b.length}`;
  a.forEach((value, i) => queue.push({ a: value, b: b[i], path: `${path}[${i}]` }));
  return undefined;
}
