/**
 * Names on the wire: of the classes of a session, and of the attributes of a class.
 *
 * Invariant: within its scope a name means one thing. A class is named by its `@Session`, else by the record of types that lists
 * it, else as in the source; a discriminator's names are data of the application and name nothing here.
 */
import { TwinstateError } from '../shared/errors.js';
import { declarationOn } from './declaration.js';
import { type Draft, twoNames } from './draft.js';
import { checkWireName } from './options.js';
import type { Class } from './session-model.js';

/** Gives every class its name. @throws {TwinstateError} `DECLARATION_INVALID` */
export function classNames(drafts: ReadonlyMap<Class, Draft>): Map<Class, string> {
  const names = new Map<Class, string>();
  const takenBy = new Map<string, Class>();
  for (const { type, alias } of drafts.values()) {
    const own = declarationOn(type.prototype as object)?.session?.name;
    if (own !== undefined && alias !== undefined && own !== alias.name) {
      throw twoNames(type, `'${own}' by its @Session`, `'${alias.name}' at ${alias.where}`);
    }
    const name = own ?? alias?.name ?? type.name;
    // a static member may hide the class's name
    if (typeof name !== 'string' || name === '') {
      throw new TwinstateError('DECLARATION_INVALID', 'a class of this session has no name', {
        expected: 'a name on the wire',
        received: 'an anonymous class',
        cure: "write @Session({ name: '…' }) before it",
      });
    }
    const other = takenBy.get(name);
    if (other !== undefined) {
      throw new TwinstateError('DECLARATION_INVALID', `two classes of one session are named '${name}' on the wire`, {
        expected: 'a name of its own for each class',
        received: `${other.name} and ${type.name}`,
        cure: "write @Session({ name: '…' }) before one of them",
      });
    }
    takenBy.set(name, type);
    names.set(type, name);
  }
  return names;
}

/** Checks the names of a class's attributes. @throws {TwinstateError} `DECLARATION_INVALID`, `OPTION_INVALID` */
export function checkAttributeNames({ type, attributes, open }: Draft): void {
  const takenBy = new Map<string, string>();
  for (const { property, options } of attributes) {
    const wireName = options.name ?? property;
    checkWireName(`the wire name of ${type.name}.${property}`, wireName);
    const other = takenBy.get(wireName);
    if (other !== undefined) {
      throw new TwinstateError('DECLARATION_INVALID', `two attributes of ${type.name} are named '${wireName}' on the wire`, {
        expected: 'a name of its own for each attribute',
        received: `${other} and ${property}`,
        cure: "change the name option of one of them; a new name starts without the old one's stored values",
      });
    }
    if (open && wireName !== property) {
      throw new TwinstateError(
        'DECLARATION_INVALID',
        `${type.name}.${property} is renamed in a class whose every key is an attribute`,
        {
          expected: `the name '${property}'`,
          received: `'${wireName}', which may be the name of another key`,
          cure: "leave the name option out, or list the attributes instead of mutable: '*'",
        },
      );
    }
    takenBy.set(wireName, property);
  }
}
