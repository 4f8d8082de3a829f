/**
 * The visitor's session: a cart of class instances.
 *
 * Invariant: a cart line is one object under its article's name, and its quantity adds up. So of two tabs that change the cart at once
 * both count: on different lines always, on one line by `merge: 'add'`, and where both put in the same new line the later one is
 * refused and done again on what is there by then.
 */
import { Immutable, Mutable, Session } from 'twinstate';
import { WebSession } from 'twinstate/express';
import type { Product } from './catalogue.js';

export class CartLine {
  @Immutable() readonly sku!: string;
  @Immutable() readonly name!: string;
  /** What it cost when it was put in. */
  @Immutable() readonly cents!: number;
  @Immutable() readonly addedAt!: Date;
  @Mutable({ merge: 'add' }) quantity = 0;
}

@Session({ name: 'shop-session', ttl: '2h' })
export class ShopSession extends WebSession {
  @Mutable({ type: () => CartLine }) cart = new Map<string, CartLine>();
}

declare module 'express-session' {
  interface Session extends Omit<ShopSession, 'cookie'> {}
}

/** Puts so many more of a product into the cart, or takes them out. */
export function change(cart: ShopSession['cart'], product: Product, by: number): void {
  const line = cart.get(product.sku) ?? newLine(product);
  line.quantity += by;
  if (line.quantity > 0) cart.set(product.sku, line);
  else cart.delete(product.sku);
}

function newLine({ sku, name, cents }: Product): CartLine {
  return Object.assign(new CartLine(), { sku, name, cents, addedAt: new Date() });
}
