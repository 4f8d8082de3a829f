/**
 * The attributes of a class with those of its bases.
 *
 * Invariant: superclass attributes come first and keep their place; a subclass may refine an attribute's options, never its kind.
 * Neither loosening nor tightening is sound, because the methods of the base were written for the kind that it declared.
 */
import { TwinstateError } from '../shared/errors.js';
import { className, type AttributeKind, declarationOn, decoratorOf, lineage } from './declaration.js';
import type { MutableOptions, RestOptions } from './options.js';

export interface InheritedAttribute {
  readonly property: string;
  readonly kind: AttributeKind;
  /** The subclass's options over those of its bases. */
  readonly options: MutableOptions;
}

export interface InheritedAttributes {
  readonly attributes: readonly InheritedAttribute[];
  readonly open: boolean;
  readonly rest: RestOptions;
}

/** Collects the attributes of a class. @throws {TwinstateError} `DECLARATION_INVALID` where a subclass changes an attribute's kind */
export function inheritedAttributes(prototype: object): InheritedAttributes {
  const attributes = new Map<string, InheritedAttribute>();
  const declaredBy = new Map<string, string>();
  let open = false;
  let rest: RestOptions = {};
  for (const ancestor of lineage(prototype).toReversed()) {
    const declaration = declarationOn(ancestor);
    if (declaration === undefined) continue;
    open ||= declaration.open;
    rest = { ...rest, ...declaration.rest };
    for (const [property, { kind, options }] of declaration.attributes) {
      const base = attributes.get(property);
      if (base !== undefined && base.kind !== kind) {
        const first = declaredBy.get(property)!;
        throw new TwinstateError('DECLARATION_INVALID', `${className(ancestor)}.${property} changes what its base declares`, {
          expected: `${decoratorOf(base.kind)}, as in ${first}`,
          received: decoratorOf(kind),
          cure: `keep ${decoratorOf(base.kind)}, change it in ${first}, or give the subclass a property of another name`,
        });
      }
      attributes.set(property, { property, kind, options: { ...base?.options, ...options } });
      if (base === undefined) declaredBy.set(property, className(ancestor));
    }
  }
  return { attributes: [...attributes.values()], open, rest };
}
