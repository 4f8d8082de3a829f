/**
 * How instances of a class come to be: by its constructor without arguments, so that `#private` fields exist, or by its `make`.
 *
 * Invariant: what `construct` returns has the class's own prototype and nothing else was called for it.
 */
import { TwinstateError } from '../shared/errors.js';
import type { Class } from './session-model.js';

export type Construct = (attributes: Readonly<Record<string, unknown>>) => object;

/** Returns the function that makes instances of a class. It throws `NOT_CONSTRUCTIBLE` whenever an instance cannot be made. */
export function constructorOf(type: Class, make: Construct | undefined): Construct {
  const how = make === undefined ? `new ${type.name}()` : `make of ${type.name}`;
  return (attributes) => {
    let instance: unknown;
    try {
      instance = make === undefined ? new type() : make(attributes);
    } catch (cause) {
      throw new TwinstateError('NOT_CONSTRUCTIBLE', `${how} throws`, {
        expected: make === undefined ? 'a constructor that needs no arguments' : `an instance of ${type.name}`,
        received: String(cause),
        cure:
          make === undefined
            ? `give its parameters defaults, or declare @Session({ make: (attributes) => new ${type.name}(…) })`
            : 'make it from the attributes alone; some may be missing while a session is restored',
        cause,
      });
    }
    if (typeof instance === 'object' && instance !== null && Object.getPrototypeOf(instance) === type.prototype) return instance;
    throw new TwinstateError('NOT_CONSTRUCTIBLE', `${how} returns something else`, {
      expected: `an instance of ${type.name} itself`,
      received: instance === null || typeof instance !== 'object' ? String(instance) : 'an object of another class',
      cure: make === undefined ? 'return nothing from the constructor' : `return new ${type.name}(…)`,
    });
  };
}
