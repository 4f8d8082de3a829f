/** Session classes of the store's tests. */
import 'reflect-metadata';
import { Immutable, Mutable, Session } from '../../src/index.js';

export class LineItem {
  @Immutable() sku!: string;
  @Mutable() qty = 1;
}

@Session({ name: 'cart' })
export class Cart {
  @Immutable() customerId!: string;
  @Mutable() coupon?: string;
  @Mutable({ type: () => LineItem }) items: LineItem[] = [];
  @Mutable() notes = new Map<string, string>();
  @Mutable() total = 0;
  /** Transient. */
  socket?: object;

  /** What was given and is replicated. */
  static readonly init = { customerId: 'c-42' };
}

/** Holds anything. */
@Session({ name: 'bag' })
export class Bag {
  @Mutable() value: unknown = undefined;
  @Mutable() other: unknown = undefined;
}

@Session({ name: 'counter' })
export class Counter {
  @Mutable() count = 0;
  @Mutable() by: Record<string, number> = {};
}

export const SESSIONS = [Cart, Bag, Counter];

export function item(sku: string, qty: number): LineItem {
  return Object.assign(new LineItem(), { sku, qty });
}
