/** What the compiler accepts and refuses of `twinstate/diff`. Compiled only, under both settings of `useDefineForClassFields`. */
import 'reflect-metadata';
import { Mutable, Session } from 'twinstate';
import { Benchmark, describe, Replica } from 'twinstate/diff';

@Session()
class Cart {
  @Mutable() coupon?: string;
}

export function use(): void {
  const cart = new Cart();
  const benchmark = Benchmark.of(cart);
  const snapshot: Uint8Array = benchmark.snapshot();
  const replica = Replica.restore(Cart, snapshot);
  const delta: Uint8Array | null = benchmark.diff(cart);
  const copy: Cart = replica.instance;
  if (delta !== null) {
    replica.apply(delta);
    for (const { path, to } of describe(Cart, delta, replica)) console.log(path.length, to, copy.coupon);
  }
  // @ts-expect-error nothing may have changed
  replica.apply(benchmark.diff(cart));
  // @ts-expect-error a class, not an instance
  Replica.restore(cart, snapshot);
  // @ts-expect-error another class's instance
  benchmark.diff(new Date());
}
