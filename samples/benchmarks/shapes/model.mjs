/**
 * How a shape of state is described to each side of the benchmark.
 *
 * Invariant: a shape is described once, as classes with scalar and nested attributes; the twinstate classes and the
 * @colyseus/schema classes are both made from that description, so no side compares less than another, but for attributes that
 * are declared immutable, which twinstate does not compare after the first time.
 */
import { defineSession } from '../../../dist/src/index.js';

/**
 * Makes twinstate classes from a description `{ name, immutable: [...], mutable: { attribute: kind } }`, where a kind is `'any'`
 * or another description (the class of the value, or of its elements).
 *
 * @returns the class of each description
 */
export function twinstateClasses(description, diff, made = new Map()) {
  if (made.has(description)) return made;
  const type = { [description.name]: class {} }[description.name];
  made.set(description, type);
  const mutable = {};
  for (const [attribute, kind] of Object.entries(description.mutable)) {
    if (kind !== 'any') twinstateClasses(kind, diff, made);
    mutable[attribute] = kind === 'any' ? {} : { type: () => made.get(kind) };
  }
  const options = diff === undefined ? {} : { diff };
  defineSession(type, { name: description.name, immutable: description.immutable ?? [], mutable, ...options });
  return made;
}

/** Makes an instance of the described class from plain data: its own objects are new, leaves are taken as they are. */
export function adopt(description, classes, plain, seen = new Map()) {
  const earlier = seen.get(plain);
  if (earlier !== undefined) return earlier;
  const instance = new (classes.get(description))();
  seen.set(plain, instance);
  for (const [attribute, value] of Object.entries(plain)) {
    const kind = description.mutable[attribute] ?? 'any';
    instance[attribute] = kind === 'any' ? value : adoptInside(kind, classes, value, seen);
  }
  return instance;
}

function adoptInside(kind, classes, value, seen) {
  if (Array.isArray(value)) return value.map((element) => adoptInside(kind, classes, element, seen));
  if (value instanceof Map) return new Map(Array.from(value, ([key, inner]) => [key, adoptInside(kind, classes, inner, seen)]));
  return typeof value === 'object' && value !== null ? adopt(kind, classes, value, seen) : value;
}
