/** What the compiler accepts and refuses of a store. Compiled only, under both settings of `useDefineForClassFields`. */
import 'reflect-metadata';
import { connect, ConflictError, Immutable, memoryEngine, Mutable, Session, subscribe, TwinstateError } from 'twinstate';
import type { Ack, Committed, ErrorCode, Outcome, SessionStore } from 'twinstate';
import { natsEngine } from 'twinstate/nats';
import { otel } from 'twinstate/otel';

class LineItem {
  @Immutable() sku!: string;
  @Mutable() qty!: number;
  total(): number {
    return this.qty;
  }
}

@Session({ name: 'cart' })
class Cart {
  @Immutable() readonly customerId!: string;
  @Mutable() coupon?: string;
  @Mutable(() => LineItem) items: LineItem[] = [];
  @Mutable() byDay = new Map<string, LineItem>();
  @Mutable() at?: Date;
}

export async function use(): Promise<void> {
  const store: SessionStore = await connect({ sessions: [Cart] });
  await connect({
    sessions: [Cart],
    cluster: 'shop',
    backups: 1,
    partitions: 4,
    ack: { backups: 1 },
    takeover: 'strict',
    role: 'client',
  });
  await connect({ sessions: [Cart], engine: natsEngine({ servers: ['nats://localhost:4222'], replicas: 3 }) });
  await connect({
    sessions: [Cart],
    engine: memoryEngine(),
    timing: { leaseMs: 100 },
    signal: AbortSignal.timeout(1),
    timeoutMs: 5,
  });

  const cart: Cart = await store.create(Cart, {
    customerId: 'c',
    items: [{ sku: 'a', qty: 1 }],
    byDay: new Map([['mon', { sku: 'a', qty: 1 }]]),
  });
  await store.create(Cart);
  await store.create(Cart, { at: new Date() }, { id: 'mine', ack: 'log', timeoutMs: 10 });
  await store.create(new Cart(), { id: 'mine' });
  const id: string = store.idOf(cart);
  const committed: Committed = await store.commit(cart, { ack: 'none' });
  const version: number = committed.version + committed.bytes;
  const total: number = await store.update(Cart, id, (session) => session.items.length, {
    create: { customerId: 'c' },
    attempts: 3,
  });
  const later: string | undefined = await store.update(Cart, id, async (session) => session.coupon);
  const again: Cart | undefined = await store.open(Cart, id, { consistency: 'strong', atLeast: version });
  if (again !== undefined) await store.refresh(again);
  for await (const { version: at, paths } of store.watch(Cart, id)) console.log(at.toFixed(), paths.join());
  await store.touch(Cart, id);
  const was: boolean = await store.destroy(Cart, id);
  for await (const each of store.list(Cart)) console.log(each.toUpperCase());
  const count: number = await store.count(Cart);
  const led: number[] = store.status().replicas.flatMap(({ role, partition }) => (role === 'leading' ? [partition] : []));
  const stop: () => void = subscribe('expired', ({ session, reason, cluster }) => {
    const why: 'idle' | 'age' = reason;
    console.log(session.length, why, cluster, led);
  });
  otel({ stores: [store] });
  stop();
  await store.drain();
  await store.close();
  console.log(total, later, was, count);

  const ack: Ack = { backups: 2 };
  const codes = (error: unknown): [ErrorCode, Outcome | undefined] | undefined =>
    error instanceof TwinstateError ? [error.code, error.outcome] : undefined;
  const slots = (error: unknown): readonly string[] => (error instanceof ConflictError ? error.slots : []);
  console.log(ack, codes, slots);

  // @ts-expect-error no sessions
  await connect({});
  // @ts-expect-error no such event
  subscribe('expire', () => undefined);
  // @ts-expect-error an event does not hold what it does not say
  subscribe('commit', ({ value }) => console.log(value));
  // @ts-expect-error the option is misspelt
  await connect({ sessions: [Cart], backup: 1 });
  // @ts-expect-error no such promise
  await store.commit(cart, { ack: 'disk' });
  // @ts-expect-error no such attribute
  await store.create(Cart, { customer: 'c' });
  // @ts-expect-error of another type
  await store.create(Cart, { items: [{ sku: 1 }] });
  // @ts-expect-error not its own consistency
  await store.open(Cart, id, { consistency: 'eventual' });
  // @ts-expect-error an instance where its class is asked for
  await store.open(cart, id);
  // @ts-expect-error it may be absent
  (await store.open(Cart, id)).items.push(new LineItem());
  // @ts-expect-error an immutable attribute that is readonly
  cart.customerId = 'other';
}

export async function disposed(): Promise<void> {
  const store = await connect({ sessions: [Cart] });
  await store[Symbol.asyncDispose]();
}
