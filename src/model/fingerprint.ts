/**
 * The fingerprint of a session model: two processes with the same one read each other's bytes alike.
 *
 * Invariant: it depends on what stored bytes depend on (the classes' and attributes' names on the wire, the attributes' order,
 * mutability, codecs and declared types) and on nothing else: properties may be renamed, and classes found in another order.
 */
import { createHash } from 'node:crypto';
import type { ClassModel } from './session-model.js';

const DIGITS = 16;

/** Computes the fingerprint: the first 16 hexadecimal digits of the SHA-256 of a canonical text. */
export function fingerprint(root: ClassModel, classes: Iterable<ClassModel>): string {
  const text = [...classes]
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((model) => [
      model.name,
      model.open,
      model.attributes.map((a) => [a.wireName, a.mutable, a.codec !== undefined, a.types.map((t) => t.name)]),
    ]);
  return createHash('sha256')
    .update(JSON.stringify([root.name, text]))
    .digest('hex')
    .slice(0, DIGITS);
}
