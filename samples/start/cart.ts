/** The session of the demonstration: a shopping cart with everything that makes session state awkward to copy. */
import { isDeepStrictEqual } from 'node:util';
import { Immutable, Mutable, Session, Transient } from 'twinstate';
import { Benchmark, Replica } from 'twinstate/diff';

export class LineItem {
  @Immutable() sku!: string;
  @Immutable() title!: string;
  @Immutable() cents!: number;
  @Mutable() quantity = 1;
  @Mutable() note?: string;
}

export class Voucher {
  @Immutable() percent!: number;
  @Immutable() validUntil!: Date;
  /** The item it is for: the same object that stands in the cart's `items`. */
  @Mutable(() => LineItem) item?: LineItem;
}

@Session({ name: 'cart', ttl: '30m' })
export class Cart {
  @Immutable() readonly customer!: string;
  @Immutable() readonly openedAt!: Date;
  @Mutable(() => LineItem) items: LineItem[] = [];
  @Mutable(() => Voucher) vouchers = new Map<string, Voucher>();
  @Mutable() lastSeenAt = new Date(0);
  @Mutable({ sensitive: true }) shippingAddress = '';
  @Mutable() giftWrap = false;
  @Mutable() greeting = '';
  /** A thing of this process: it never leaves it. */
  @Transient() connection?: object;
}

const GOODS = ['Assam', 'Darjeeling', 'Sencha', 'Gyokuro', 'Keemun', 'Oolong', 'Pu-erh', 'Rooibos', 'Matcha', 'Genmaicha'];
const GRADES = ['first flush', 'second flush', 'broken leaf', 'finest selection'];

/** Twenty-four items, as a customer in a hurry leaves them. */
export function someItems(): LineItem[] {
  return Array.from({ length: 24 }, (_, i) => {
    const name = GOODS[(i * 7) % GOODS.length]!;
    return item(
      `tea-${(i * 37) % 100}`,
      `${name}, ${GRADES[i % GRADES.length]!}, ${(1 + (i % 4)) * 50} g`,
      450 + ((i * 173) % 900),
    );
  });
}

export function item(sku: string, title: string, cents: number): LineItem {
  return Object.assign(new LineItem(), { sku, title, cents });
}

/** The whole cart as JSON, as most session stores would write it: a `Map` as a list of its entries. */
export function asJson(cart: Cart): string {
  return JSON.stringify(cart, (key, value: unknown) =>
    key === 'connection' ? undefined : value instanceof Map ? [...value] : value,
  );
}

export function snapshotBytes(cart: Cart): number {
  return Benchmark.of(cart).snapshot().byteLength;
}

/** A copy that shares nothing with the cart, nor with any store. */
export function copyOf(cart: Cart): Cart {
  return Replica.restore(Cart, Benchmark.of(cart).snapshot()).instance;
}

/** Compares everything but what is transient. */
export function sameState(one: Cart, other: Cart): boolean {
  return isDeepStrictEqual(stateOf(one), stateOf(other));
}

function stateOf(cart: Cart): object {
  return Object.fromEntries(Object.entries(cart).filter(([property]) => property !== 'connection'));
}
