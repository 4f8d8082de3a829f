/**
 * Where a decorator stood. The compiler catches most misplaced ones; JavaScript, esbuild and `any` let them through.
 *
 * Invariant: what leaves here is a prototype and a property that instances can have; a misplaced or bare decorator is an error at
 * its own line, never a silent nothing.
 */
import { TwinstateError } from '../shared/errors.js';
import { className } from './declaration.js';

export interface AttributeSite {
  readonly prototype: object;
  readonly property: string;
  /** `Cart.items`, for messages. */
  readonly where: string;
}

/** Checks the arguments that an attribute's decorator was called with. @throws {TwinstateError} `DECLARATION_INVALID` */
export function attributeSite(decorator: string, args: readonly unknown[]): AttributeSite {
  refuseStandardDecorator(decorator, args[1]);
  const [target, key, third] = args as readonly [object, PropertyKey | undefined, unknown];
  const name = typeof target === 'function' ? className(target.prototype as object) : className(target);
  const where = `${name}.${String(key)}`;
  if (typeof third === 'number') {
    throw misplaced(decorator, `a parameter of ${name}`, 'declare a property and mark that');
  }
  if (key === undefined) {
    throw misplaced(decorator, `the class ${name}`, 'mark the attributes one by one, and the class with @Session()');
  }
  if (typeof key === 'symbol') {
    throw misplaced(
      decorator,
      `${where}, a symbol key`,
      'symbols have no name on the wire: use a string key, or leave it transient',
    );
  }
  if (typeof target === 'function') {
    throw misplaced(decorator, `${where}, a static member`, 'statics belong to no session: make it a property of the instance');
  }
  if (typeof (third as PropertyDescriptor | undefined)?.value === 'function') {
    throw misplaced(decorator, `${where}, a method`, 'methods come with the class: leave it undecorated');
  }
  return { prototype: target, property: String(key), where };
}

/** Checks the arguments that a class's decorator was called with. @throws {TwinstateError} `DECLARATION_INVALID` */
export function classSite(decorator: string, args: readonly unknown[]): { readonly prototype: object; readonly where: string } {
  refuseStandardDecorator(decorator, args[1]);
  const [target, key] = args as readonly [object, PropertyKey | undefined];
  if (typeof target !== 'function' || key !== undefined) {
    const name = typeof target === 'function' ? className(target.prototype as object) : className(target);
    throw misplaced(decorator, `${name}.${String(key)}`, 'it marks a class; attributes are marked @Mutable() or @Immutable()');
  }
  const prototype = target.prototype as object;
  return { prototype, where: className(prototype) };
}

/** Refuses `@Mutable items` for `@Mutable() items`. @throws {TwinstateError} `DECLARATION_INVALID` */
export function refuseBare(decorator: string, args: readonly unknown[]): void {
  const [target, key] = args;
  if (args.length > 1) refuseStandardDecorator(decorator, key);
  const bareOnAttribute = args.length > 1;
  const bareOnClass =
    args.length === 1 && typeof target === 'function' && /^class\b/.test(Function.prototype.toString.call(target));
  if (!bareOnAttribute && !(bareOnClass && decorator === '@Session')) return;
  throw new TwinstateError('DECLARATION_INVALID', `${decorator} stands without its parentheses`, {
    expected: `${decorator}()`,
    received: decorator,
    cure: `write ${decorator}() or ${decorator}({ … })`,
  });
}

function refuseStandardDecorator(decorator: string, key: unknown): void {
  if (typeof key !== 'object' || key === null || !('kind' in key)) return;
  throw new TwinstateError('DECLARATION_INVALID', `${decorator} was compiled as a standard decorator`, {
    expected: 'a legacy decorator, as reflect-metadata and class-transformer need it',
    received: `a decorator context of kind '${String(key.kind)}'`,
    cure: 'set "experimentalDecorators": true in tsconfig.json',
  });
}

function misplaced(decorator: string, received: string, cure: string): TwinstateError {
  const expected = decorator === '@Session' ? 'a class' : 'a property or an accessor of an instance';
  return new TwinstateError('DECLARATION_INVALID', `${decorator} is misplaced`, { expected, received, cure });
}
