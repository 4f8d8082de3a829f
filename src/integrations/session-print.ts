/**
 * What a web session holds, as a text that can be compared.
 *
 * Invariant: two prints of one session are equal only if nothing in it was changed in between, inside a `Map`, `Set` or buffer too, and are
 * equal if nothing was. What cannot be printed equals nothing, so it is stored, and the store says what is wrong with it. `v8.serialize`
 * would not do: its bytes depend on how the engine happens to keep an array.
 */

const classes = new WeakMap<object, number>();
let classCount = 0;

/** Prints everything but the cookie, which is worked out anew for each request. */
export function printOf(session: object): string | undefined {
  try {
    const seen = new Map<object, number>();
    const parts = Object.entries(session).map(([key, value]) =>
      key === 'cookie' ? '' : `${JSON.stringify(key)}:${print(value, seen)}`,
    );
    return parts.join();
  } catch {
    return undefined;
  }
}

export function isSamePrint(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && a === b;
}

function print(value: unknown, seen: Map<object, number>): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'bigint':
      return `${value}n`;
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'function':
    case 'symbol':
      throw new TypeError('nothing that can be stored');
    case 'object':
      return value === null ? 'null' : printObject(value, seen);
    default:
      return String(value);
  }
}

function printObject(object: object, seen: Map<object, number>): string {
  const place = seen.get(object);
  if (place !== undefined) return `#${place}`;
  seen.set(object, seen.size);
  if (object instanceof Date) return `date ${object.getTime()}`;
  if (object instanceof RegExp || object instanceof URL) return `text ${JSON.stringify(String(object))}`;
  if (ArrayBuffer.isView(object)) {
    return `${object.constructor.name} ${Buffer.from(object.buffer, object.byteOffset, object.byteLength).toString('base64')}`;
  }
  if (object instanceof ArrayBuffer) return `bytes ${Buffer.from(object).toString('base64')}`;
  const inside = (values: readonly unknown[]): string => values.map((each) => print(each, seen)).join();
  if (object instanceof Map) return `map(${inside([...object].flat())})`;
  if (object instanceof Set) return `set(${inside([...object])})`;
  const named = Object.entries(object).map(([key, value]) => `${JSON.stringify(key)}:${print(value, seen)}`);
  if (Array.isArray(object)) return `${object.length}[${named.join()}]`;
  return `${classOf(object, named.length)}{${named.join()}}`;
}

function classOf(object: object, size: number): string {
  const prototype = Object.getPrototypeOf(object) as object | null;
  if (prototype === null || prototype === Object.prototype) return '';
  if (size === 0) throw new TypeError('what this object holds is private');
  let known = classes.get(prototype);
  if (known === undefined) classes.set(prototype, (known = ++classCount));
  return `@${known}`;
}
