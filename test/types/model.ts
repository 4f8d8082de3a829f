/** What the compiler accepts and refuses of declarations. Compiled only, under both settings of `useDefineForClassFields`. */
import 'reflect-metadata';
import { defineSession, Immutable, type Init, Mutable, Session, Transient } from 'twinstate';

class LineItem {
  @Immutable() sku!: string;
  @Mutable() qty!: number;
  total(): number {
    return this.qty;
  }
}

abstract class Base {
  @Immutable() readonly id!: string;
}

@Session({ name: 'cart', ttl: '30m', maxAge: '1d', diff: 'graph', limits: { objectsMax: 10 } })
export class Cart extends Base {
  @Immutable({ sensitive: true, name: 'c' }) readonly customerId!: string;
  @Mutable() coupon?: string;
  @Mutable(() => LineItem) items: LineItem[] = [];
  @Mutable({ type: { line: () => LineItem, cart: () => Cart } }) mixed: (LineItem | Cart)[] = [];
  @Mutable({ merge: 'add' }) visits = 0;
  @Mutable({ merge: (base: number, mine: number, theirs: number) => mine + theirs - base }) points = 0;
  @Mutable({ type: () => LineItem, key: 'sku' }) keyed: LineItem[] = [];
  @Mutable({ codec: { encode: (value: Date) => Buffer.from(value.toISOString()), decode: (bytes) => new Date(String(bytes)) } })
  at = new Date();
  @Mutable()
  get price(): number {
    return this.visits;
  }
  set price(value: number) {
    this.visits = value;
  }
  @Transient() cache = new Map<string, string>();
}

export class Refused {
  // @ts-expect-error the option is misspelt
  @Mutable({ tpye: () => LineItem }) a = 1;
  // @ts-expect-error no such rule
  @Mutable({ merge: 'sum' }) b = 1;
  // @ts-expect-error an immutable attribute is never merged
  @Immutable({ merge: 'add' }) c = 1;
  // @ts-expect-error the class itself in place of a function
  @Mutable(LineItem) d: LineItem[] = [];
  // @ts-expect-error no parentheses
  @Mutable e = 1;
  // @ts-expect-error no parentheses
  @Transient f = 1;
  // @ts-expect-error a transient member has no options
  @Transient({ name: 'x' }) g = 1;
  // @ts-expect-error a symbol has no name on the wire
  @Mutable() [Symbol.iterator] = 1;
  // @ts-expect-error no such strategy
  @Mutable({ diff: 'deep' }) h = 1;
}

// @ts-expect-error a time to live is text with a unit
@Session({ ttl: 30 })
export class BadTtl {}

// @ts-expect-error no parentheses
@Session
export class Bare {}

// @ts-expect-error an abstract class has no instances
@Session()
export abstract class Abstract {}

class Legacy {
  id = '';
  items: LineItem[] = [];
  count = 0;
  socket?: object;
  method(): void {}
}
export const SameClass: typeof Legacy = defineSession(Legacy, { name: 'legacy', immutable: ['id'], mutable: ['items', 'count'] });
defineSession(Legacy, { mutable: '*', immutable: ['id'], transient: ['socket'] });
defineSession(Legacy, { mutable: { items: () => LineItem, count: { merge: (base, mine, theirs) => mine + theirs - base } } });
// @ts-expect-error no such property
defineSession(Legacy, { mutable: ['itmes'] });
// @ts-expect-error a method is no attribute
defineSession(Legacy, { mutable: ['method'] });
// @ts-expect-error a rule for another type
defineSession(Legacy, { mutable: { count: { merge: (base: string) => base } } });
// @ts-expect-error an instance, not the class
defineSession(new Legacy(), { mutable: '*' });

export const literals: Init<Cart> = {
  customerId: 'c-42',
  items: [{ sku: 'tea', qty: 2 }, new LineItem()],
  at: new Date(),
  cache: new Map([['a', 'b']]),
};
// @ts-expect-error a wrong type inside a literal
export const wrongType: Init<Cart> = { items: [{ sku: 1 }] };
// @ts-expect-error no such attribute
export const unknownKey: Init<Cart> = { custmerId: 'c-42' };
// @ts-expect-error methods come with the class
export const method: Init<LineItem> = { total: () => 1 };
