/** The account of `npm start`: three nodes, one cart, each change with its delta, a merge, a crash, a takeover. */
import diagnostics from 'node:diagnostics_channel';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect, isDeepStrictEqual } from 'node:util';
import { connect, memoryEngine, TwinstateError, type ConnectOptions, type SessionStore } from 'twinstate';
import { Benchmark, describe, modelOf, paths, Replica } from 'twinstate/diff';
import { MemoryCluster, nodeId } from 'twinstate/testing';
import { grouped, type Account } from './account.js';
import { asJson, Cart, copyOf, item, sameState, snapshotBytes, someItems, Voucher } from './cart.js';

const WATCH_MS_MAX = 5_000;
const TRIES = 250;

/** @throws {BrokenClaim} at the first thing that is not as it is said to be */
export async function tell(account: Account): Promise<void> {
  const world = new MemoryCluster();
  const stores: SessionStore[] = [];
  try {
    const join = async (name: string, options: Partial<ConnectOptions>): Promise<SessionStore> => {
      const engine = memoryEngine({ cluster: world });
      const store = await connect({ sessions: [Cart], engine, cluster: 'shop', nodeId: name, backups: 2, ...options });
      stores.push(store);
      return store;
    };
    // a commit on node-a resolves once both others hold it, so that they can be looked at
    const a = await join('node-a', { ack: { backups: 2 } });
    const b = await join('node-b', {});
    const c = await join('node-c', {});
    await new Demonstration(account, world, a, b, c).run();
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

class Demonstration {
  readonly #account: Account;
  readonly #world: MemoryCluster;
  readonly #a: SessionStore;
  readonly #b: SessionStore;
  readonly #c: SessionStore;
  #id = '';

  constructor(account: Account, world: MemoryCluster, a: SessionStore, b: SessionStore, c: SessionStore) {
    this.#account = account;
    this.#world = world;
    this.#a = a;
    this.#b = b;
    this.#c = c;
  }

  async run(): Promise<void> {
    this.#tellSet();
    const cart = await this.#create();
    await this.#changeAll(cart);
    await this.#commitElsewhere(cart);
    await this.#survive(cart);
  }

  #tellSet(): void {
    const account = this.#account;
    account.step('The mutable-attribute set, made once from the decorators');
    const { root, classes } = modelOf(Cart);
    for (const { name, attributes, mutable } of classes.values()) {
      account.entry(name, `compares  ${mutable.map(({ property }) => property).join(', ')}`);
      const immutable = attributes.filter((attribute) => !attribute.mutable);
      account.entry('', `sends once, never compares  ${immutable.map(({ property }) => property).join(', ')}`);
    }
    const names = root.attributes.map(({ property }) => property);
    account.claim('`connection` is transient: it is in no set', !names.includes('connection') && names.includes('items'));
  }

  async #create(): Promise<Cart> {
    const account = this.#account;
    account.step('A cart of 24 items on node-a; node-b and node-c are its backups');
    const cart = await this.#firstCart();
    this.#id = this.#a.idOf(cart);
    cart.connection = { remoteAddress: '192.0.2.7' };
    account.line(`As JSON the cart has ${grouped(asJson(cart).length)} bytes, as a snapshot ${grouped(snapshotBytes(cart))}.`);
    for (const [name, store] of [
      ['node-b', this.#b],
      ['node-c', this.#c],
    ] as const) {
      const twin = await store.open(Cart, this.#id, { consistency: 'local' });
      account.claim(`${name} holds an equal one: class, nested objects, dates`, twin instanceof Cart && sameState(twin, cart));
      account.claim(`and nothing transient: no connection on ${name}`, twin?.connection === undefined);
    }
    return cart;
  }

  /** Nodes that have only just joined do not count as backups yet: then the creation is refused, and tried again. */
  async #firstCart(): Promise<Cart> {
    for (let triesLeft = TRIES; ; triesLeft--) {
      try {
        return await this.#a.create(Cart, { customer: 'c-42', openedAt: new Date('2026-11-20T09:30:00Z'), items: someItems() });
      } catch (error) {
        if (triesLeft === 0 || !(error instanceof TwinstateError && error.code === 'NOT_ENOUGH_BACKUPS')) throw error;
        await sleep(20);
      }
    }
  }

  async #changeAll(cart: Cart): Promise<void> {
    const account = this.#account;
    account.step('Plain changes on node-a, and what each of them sends');
    const announced = new Set<string>();
    const end = new AbortController();
    const watching = this.#watch(announced, end.signal);
    const expected = [
      ...(await this.#change(cart, (cart) => {
        cart.items[3]!.quantity = 4;
      })),
      ...(await this.#change(cart, (cart) => {
        cart.lastSeenAt = new Date('2026-11-20T09:41:30Z');
        cart.shippingAddress = '7 Harbour Lane';
      })),
      ...(await this.#change(cart, (cart) => {
        cart.items.push(item('cup-3', 'Cup, celadon', 1900));
      })),
      ...(await this.#change(cart, (cart) => {
        const validUntil = new Date('2026-12-01');
        cart.vouchers.set('CUP20', Object.assign(new Voucher(), { percent: 20, validUntil, item: cart.items[24] }));
      })),
      ...(await this.#change(cart, (cart) => {
        cart.items.unshift(cart.items.pop()!);
      })),
    ];
    const { version } = await this.#a.commit(cart);
    const nothing = await this.#a.commit(cart);
    account.claim('a commit without a change sends nothing', nothing.bytes === 0 && nothing.version === version);
    for (let waitedMs = 0; waitedMs < WATCH_MS_MAX && expected.some((path) => !announced.has(path)); waitedMs += 10)
      await sleep(10);
    end.abort();
    await watching;
    account.claim(
      `node-c watched it all: ${announced.size} paths, the same ones`,
      isDeepStrictEqual(announced, new Set(expected)),
    );
  }

  /** Follows the cart from node-c. */
  async #watch(announced: Set<string>, signal: AbortSignal): Promise<void> {
    for await (const change of this.#c.watch(Cart, this.#id, { signal })) for (const path of change.paths) announced.add(path);
  }

  /** Makes a change, commits it, and says what was sent. @returns the paths that changed */
  async #change(cart: Cart, change: (cart: Cart) => void): Promise<string[]> {
    const account = this.#account;
    // a benchmark and a replica of its own, so that the delta can be looked at; the store has the same at work
    const benchmark = Benchmark.of(cart);
    const replica = Replica.restore(Cart, benchmark.snapshot());
    change(cart);
    const delta = benchmark.diff(cart);
    if (delta === null) return [];
    const { version, bytes } = await this.#a.commit(cart);

    account.line();
    for (const line of bodyOf(change)) account.code(line);
    for (const { path, from, to } of describe(Cart, delta, replica))
      account.entry(path, from === undefined ? show(to) : `${show(from)} → ${show(to)}`);
    replica.apply(delta);
    account.remark(
      `version ${version}: ${bytes} bytes, instead of ${grouped(asJson(cart).length)} as JSON or ${grouped(snapshotBytes(cart))} as a snapshot`,
    );
    const twin = await this.#b.open(Cart, this.#id, { consistency: 'local' });
    const arrived =
      bytes === delta.byteLength && sameState(replica.instance, cart) && twin !== undefined && sameState(twin, cart);
    account.claim('node-b took the delta: its cart equals this one', arrived);
    return paths(Cart, delta, replica);
  }

  async #commitElsewhere(cart: Cart): Promise<void> {
    const account = this.#account;
    account.step('Two nodes change the cart at the same time');
    const other = await this.#b.open(Cart, this.#id);
    account.claim('node-b opens a copy of its own', other !== undefined && other !== cart);
    cart.giftWrap = true;
    other!.greeting = 'Happy birthday!';
    account.code('cart.giftWrap = true;                  // on node-a');
    account.code("cart.greeting = 'Happy birthday!';     // on node-b, from the same version");
    const [mine, theirs] = await Promise.all([this.#a.commit(cart), this.#b.commit(other!)]);
    account.claim(
      `both are stored, as versions ${[mine.version, theirs.version].toSorted((x, y) => x - y).join(' and ')}`,
      mine.version !== theirs.version,
    );
    await Promise.all([this.#a.refresh(cart), this.#b.refresh(other!)]);
    account.claim(
      'different slots merge: each has both',
      cart.giftWrap && cart.greeting === 'Happy birthday!' && sameState(cart, other!),
    );

    const latest = await this.#c.open(Cart, this.#id);
    cart.items[0]!.quantity = 2;
    latest!.items[0]!.quantity = 3;
    await this.#c.commit(latest!);
    const refused = await this.#a.commit(cart).then(
      () => undefined,
      (error: unknown) => error as TwinstateError,
    );
    account.claim(
      'the same slot conflicts: the later commit is refused, not stored',
      refused?.code === 'CONFLICT' && refused.outcome === 'not-stored',
    );
    await this.#a.refresh(cart);
    account.claim('and nothing is lost: after `refresh` node-a has what node-c wrote', cart.items[0]!.quantity === 3);
  }

  async #survive(cart: Cart): Promise<void> {
    const account = this.#account;
    account.step('node-a is killed');
    const { version } = await this.#a.commit(cart);
    const lost: Cart = copyOf(cart);
    let takenOver = 0;
    const onRole = (event: unknown): void => {
      if ((event as { role: string }).role === 'leading') takenOver++;
    };
    diagnostics.subscribe('twinstate:role', onRole);

    const killedMs = performance.now();
    // as `kill -9` would: no farewell, no flush, nothing of it is heard again
    this.#world.crash(nodeId(this.#a.nodeId));
    await this.#c.update(Cart, this.#id, (cart) => {
      cart.items[0]!.note = 'survived';
    });
    const tookMs = performance.now() - killedMs;

    diagnostics.unsubscribe('twinstate:role', onRole);
    account.line(
      `From the kill to the first acknowledged commit elsewhere: ${account.style('bold', `${tookMs.toFixed(0)} ms`)}.`,
    );
    const survivor = await this.#b.open(Cart, this.#id, { consistency: 'strong' });
    account.claim(
      `a backup took over, with every version up to ${version}, and goes on at ${version + 1}`,
      takenOver > 0 && survivor !== undefined && this.#b.versionOf(survivor) === version + 1,
    );
    lost.items[0]!.note = 'survived';
    account.claim('the whole state is intact, compared deeply', sameState(survivor!, lost));
    account.claim(
      'the voucher is for the very object that stands in the cart',
      survivor!.vouchers.get('CUP20')!.item === survivor!.items[0],
    );
  }
}

/** The statements of a function, as they run. */
function bodyOf(fn: (cart: Cart) => void): string[] {
  return String(fn)
    .split('\n')
    .slice(1, -1)
    .map((line) => line.trim());
}

function show(value: unknown): string {
  return inspect(value, { depth: 1, breakLength: Infinity, compact: true });
}
