/**
 * How instances of a class come to be: by its constructor without arguments, so that `#private` fields exist, or by its `make`.
 *
 * Invariant: what `construct` returns has the class's own prototype and nothing else was called for it.
 */
import { TwinstateError } from '../shared/errors.js';
import { thrown } from './secrecy.js';
import type { Class } from './session-model.js';

/** `secretive`: what is thrown is not quoted, as it may hold what is sensitive. */
export type Construct = (attributes: Readonly<Record<string, unknown>>, secretive?: boolean) => object;

/** Returns the function that makes instances of a class. It throws `NOT_CONSTRUCTIBLE` whenever an instance cannot be made. */
export function constructorOf(type: Class, make: Construct | undefined): Construct {
  const how = make === undefined ? `new ${type.name}()` : `make of ${type.name}`;
  return (attributes, secretive = false) => {
    let instance: unknown;
    try {
      instance = make === undefined ? new type() : make(attributes);
    } catch (cause) {
      throw new TwinstateError('NOT_CONSTRUCTIBLE', `${how} throws`, {
        expected: make === undefined ? 'a constructor that needs no arguments' : `an instance of ${type.name}`,
        cure:
          make === undefined
            ? `give its parameters defaults, or declare @Session({ make: (attributes) => new ${type.name}(…) })`
            : 'make it from the attributes alone; some may be missing while a session is restored',
        ...thrown(cause, secretive),
      });
    }
    if (typeof instance === 'object' && instance !== null && Object.getPrototypeOf(instance) === type.prototype) return instance;
    throw new TwinstateError('NOT_CONSTRUCTIBLE', `${how} returns something else`, {
      expected: `an instance of ${type.name} itself`,
      received: instance === null ? 'null' : typeof instance === 'object' ? 'an object of another class' : `a ${typeof instance}`,
      cure: make === undefined ? 'return nothing from the constructor' : `return new ${type.name}(…)`,
    });
  };
}
