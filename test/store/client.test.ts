/** An application server holds no replica: what it has seen it keeps as bytes, and asks only for what has changed since. */
import { expect } from 'chai';
import type { SessionStore } from '../../src/index.js';
import { BusEye } from './bus-eye.js';
import type { Exchange } from './bus-eye.js';
import { refused } from './refused.js';
import { Bag, Cart, Counter, SESSIONS, item } from './sessions.js';
import type { LineItem } from './sessions.js';
import { natsWorld, TestCluster, until } from './world.js';
import type { World } from './world.js';

/** About 13.6 kB of JSON. */
const big = (): { customerId: string; items: LineItem[] } => ({
  ...Cart.init,
  items: Array.from({ length: 100 }, (_, i) => item(`sku-${i}-`.padEnd(100, 'x'), i)),
});

describe('an application server', function () {
  this.timeout(60_000);
  let world: World;
  let cluster: TestCluster;
  let node: SessionStore;
  let client: SessionStore;
  let eye: BusEye;

  before(async function () {
    this.timeout(300_000);
    world = await natsWorld();
    cluster = new TestCluster(world, { sessions: SESSIONS, backups: 0, partitions: 2 });
    node = await cluster.connect({ nodeId: 'node' });
    client = await cluster.connect({ nodeId: 'client', role: 'client' });
    await until('the node leads', () => cluster.node(node).led.length === 2);
    eye = await BusEye.open(world, cluster, [node]);
  });
  after(async () => {
    await eye?.close();
    await cluster?.close();
    await world?.close();
  });

  const kinds = (exchanges: readonly Exchange[]): string[] =>
    exchanges.map(({ reply }) => (reply?.kind === 'read' ? reply.answer.kind : (reply?.kind ?? 'none')));
  const bytes = (exchanges: readonly Exchange[]): number => exchanges.reduce((sum, each) => sum + each.bytes, 0);

  it('opens an unchanged session of 13.6 kB for less than 200 bytes, both ways', async () => {
    const id = node.idOf(await node.create(Cart, big()));
    const first = await eye.during(() => client.open(Cart, id));
    expect([kinds(first), bytes(first) > 10_000]).to.deep.equal([['snapshot'], true]);
    let again: Cart | undefined;
    const second = await eye.during(async () => (again = await client.open(Cart, id)));
    expect(kinds(second)).to.deep.equal(['same']);
    expect(bytes(second)).to.be.lessThan(200);
    expect(again).to.deep.equal(await node.open(Cart, id));
  });

  it('gets only the deltas since, and opens the same as the primary has, however many there were', async () => {
    const cart = await node.create(Cart, big());
    const id = node.idOf(cart);
    await client.open(Cart, id);
    for (let round = 1; round <= 30; round++) {
      for (let i = 0; i < 3; i++) {
        cart.items.push(item(`new-${round}-${i}`, i));
        cart.items[round]!.qty += 10;
        cart.items.splice(round * 2, 1);
        await node.commit(cart);
      }
      let opened: Cart | undefined;
      const seen = await eye.during(async () => (opened = await client.open(Cart, id)));
      expect(kinds(seen)).to.deep.equal(['deltas']);
      expect(bytes(seen)).to.be.lessThan(700);
      expect(opened).to.deep.equal(cart);
      expect(client.versionOf(opened!)).to.equal(node.versionOf(cart));
    }
  });

  it('gets a snapshot where more was missed than the primary remembers', async () => {
    const counter = await node.create(Counter);
    const id = node.idOf(counter);
    await client.open(Counter, id);
    for (let i = 0; i < 1_200; i++) {
      counter.count++;
      void node.commit(counter, { ack: 'none' });
    }
    await node.commit(counter);
    await node.refresh(counter);
    const seen = await eye.during(async () => expect((await client.open(Counter, id))!.count).to.equal(1_200));
    expect(kinds(seen)).to.deep.equal(['snapshot']);
  });

  it('knows its own commits and creates: what it made and changed itself it never asks for again', async () => {
    const cart = await client.create(Cart, big());
    const id = client.idOf(cart);
    expect(kinds(await eye.during(() => client.open(Cart, id)))).to.deep.equal(['same']);
    for (let i = 0; i < 5; i++) {
      cart.items[i]!.qty = -1;
      cart.items.push(item(`more-${i}`, i));
      await client.commit(cart);
    }
    let opened: Cart | undefined;
    expect(kinds(await eye.during(async () => (opened = await client.open(Cart, id))))).to.deep.equal(['same']);
    expect(opened).to.deep.equal(cart);
    expect(opened).to.deep.equal(await node.open(Cart, id));
  });

  it('runs an update again after a conflict with nothing but the deltas that it lacked', async () => {
    const id = node.idOf(await node.create(Cart, big()));
    await client.open(Cart, id);
    let runs = 0;
    const seen = await eye.during(() =>
      client.update(Cart, id, async (cart) => {
        if (++runs === 1) await node.update(Cart, id, (theirs) => void (theirs.total = 5));
        cart.total++;
      }),
    );
    expect(runs).to.equal(2);
    expect(kinds(seen)).to.deep.equal(['same', 'operate', 'deltas', 'operate']);
    expect(bytes(seen)).to.be.lessThan(1_200);
    expect((await node.open(Cart, id))!.total).to.equal(6);
  });

  it('refreshes a held instance by deltas, also one that a conflict has made stale', async () => {
    const id = node.idOf(await node.create(Cart, big()));
    const mine = (await client.open(Cart, id))!;
    await node.update(Cart, id, (cart) => void (cart.total = 1));
    const fresh = await eye.during(() => client.refresh(mine));
    expect([kinds(fresh), mine.total, bytes(fresh) < 300]).to.deep.equal([['deltas'], 1, true]);
    await node.update(Cart, id, (cart) => void (cart.items[3]!.qty = 77));
    mine.items[3]!.qty = 78;
    await refused(client.commit(mine), 'CONFLICT', 'not-stored');
    const { items } = mine;
    const stale = await eye.during(() => client.refresh(mine));
    expect([kinds(stale), mine.items[3]!.qty, bytes(stale) < 300]).to.deep.equal([['deltas'], 77, true]);
    expect(mine.items).to.equal(items);
    mine.items[3]!.qty++;
    await client.commit(mine);
    expect((await node.open(Cart, id))!.items[3]!.qty).to.equal(78);
  });

  it('is not told "the same" of a session that was destroyed and made anew under its id', async () => {
    const id = node.idOf(await node.create(Counter, { count: 1 }));
    await client.open(Counter, id);
    await node.destroy(Counter, id);
    const gone = await eye.during(async () => expect(await client.open(Counter, id)).to.equal(undefined));
    expect(kinds(gone)).to.deep.equal(['gone']);
    await node.create(Counter, { count: 2 }, { id });
    expect((await client.open(Counter, id))!.count).to.equal(2);
    await node.destroy(Counter, id);
    await node.create(Counter, { count: 3 }, { id });
    expect((await client.open(Counter, id))!.count).to.equal(3);
    expect(await client.destroy(Counter, id)).to.equal(true);
    expect(await client.open(Counter, id)).to.equal(undefined);
  });

  it('asks once for what is opened many times at once, and gives each an instance and a benchmark of its own', async () => {
    const id = node.idOf(await node.create(Cart, big()));
    let opened: Cart[] = [];
    const seen = await eye.during(async () => {
      opened = (await Promise.all(Array.from({ length: 50 }, () => client.open(Cart, id)))) as Cart[];
    });
    expect(kinds(seen)).to.deep.equal(['snapshot']);
    expect(new Set(opened).size).to.equal(50);
    opened[0]!.items[0]!.qty = 1_000;
    opened[1]!.coupon = 'MINE';
    await Promise.all([client.commit(opened[0]!), client.commit(opened[1]!), client.commit(opened[2]!)]);
    expect([opened[2]!.items[0]!.qty, opened[2]!.coupon]).to.deep.equal([0, undefined]);
    const merged = (await client.open(Cart, id))!;
    expect([merged.items[0]!.qty, merged.coupon]).to.deep.equal([1_000, 'MINE']);
  });

  it('sees its own acknowledged commit in an open that was asked for beside an earlier one', async () => {
    const counter = await client.create(Counter);
    const id = client.idOf(counter);
    for (let i = 1; i <= 50; i++) {
      const before = client.open(Counter, id);
      counter.count = i;
      await client.commit(counter);
      expect((await client.open(Counter, id))!.count).to.equal(i);
      await before;
    }
  });

  it('sends what is committed at once in few messages', async () => {
    const counters = await Promise.all(Array.from({ length: 256 }, () => client.create(Counter)));
    const seen = await eye.during(async () => {
      for (let i = 0; i < 4; i++) {
        await Promise.all(
          counters.map((counter) => {
            counter.count++;
            return client.commit(counter);
          }),
        );
      }
    });
    // on a machine so busy that the log takes long, some are put off and asked for once more, alone
    const batches = seen.flatMap(({ request }) => (request.kind === 'batch' ? [request.parts.length] : []));
    expect(batches.length).to.be.lessThan(64);
    expect(batches.reduce((sum, parts) => sum + parts, 0)).to.be.greaterThan(1_000);
    for (const counter of counters) expect(client.versionOf(counter)).to.equal(5);
    expect((await node.open(Counter, client.idOf(counters[255]!)))!.count).to.equal(4);
  });

  it('opens a hundred large sessions at once, though their answers are more than a message holds', async () => {
    const value = 'x'.repeat(50_000);
    const ids = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => node.idOf(await node.create(Bag, { value, other: i }))),
    );
    const bags = await Promise.all(ids.map((id) => client.open(Bag, id)));
    expect(bags.map((bag) => bag!.other)).to.deep.equal(ids.map((_, i) => i));
    expect(bags.every((bag) => bag!.value === value)).to.equal(true);
  });

  it('keeps bytes apart from what the application does with its buffers', async () => {
    const bag = await client.create(Bag, { value: Buffer.alloc(20_000, 1), other: new Uint8Array([1, 2, 3]) });
    const id = client.idOf(bag);
    const one = (await client.open(Bag, id))!;
    (one.value as Buffer).fill(9);
    (one.other as Uint8Array)[0] = 9;
    const two = (await client.open(Bag, id))!;
    expect([(two.value as Buffer)[0], (two.other as Uint8Array)[0]]).to.deep.equal([1, 1]);
    (two.value as Buffer)[10_000] = 7;
    await client.commit(two);
    expect([(two.value as Buffer)[10_000], (two.value as Buffer)[0]]).to.deep.equal([7, 1]);
    const three = (await client.open(Bag, id))!;
    expect(Buffer.compare(three.value as Buffer, two.value as Buffer)).to.equal(0);
    expect(await node.open(Bag, id)).to.deep.equal(three);
  });

  it('opens the same bytes from what it holds again and again, whatever is patched into each instance', async () => {
    const id = node.idOf(await node.create(Bag, { value: Buffer.from(Array.from({ length: 5_000 }, (_, i) => i % 251)) }));
    let bytes = Buffer.from((await client.open(Bag, id))!.value as Buffer);
    for (let i = 0; i < 20; i++) {
      await node.update(Bag, id, (bag) => {
        const value = bag.value as Buffer;
        // what stood there moves on: to apply it twice would show
        for (let at = 4_000; at > 100; at -= 500) value[at] = value[at - 7]!;
        bytes = Buffer.from(value);
      });
      for (let again = 0; again < 3; again++) {
        const opened = (await client.open(Bag, id))!;
        expect(Buffer.compare(opened.value as Buffer, bytes), `${i}`).to.equal(0);
        (opened.value as Buffer).fill(again);
      }
    }
  });

  it('keeps no more bytes than it may, and none where it was told so', async () => {
    const none = await cluster.connect({ nodeId: 'none', role: 'client', limits: { cacheBytesMax: 0 } });
    const few = await cluster.connect({ nodeId: 'few', role: 'client', limits: { cacheBytesMax: 40_000 } });
    const ids = await Promise.all(Array.from({ length: 4 }, async () => node.idOf(await node.create(Cart, big()))));
    for (const store of [none, few]) for (const id of ids) await store.open(Cart, id);
    const again = (store: SessionStore, id: string): Promise<readonly Exchange[]> => eye.during(() => store.open(Cart, id));
    expect(kinds(await again(none, ids[3]!))).to.deep.equal(['snapshot']);
    // the newest are here, the oldest is not
    expect(kinds(await again(few, ids[3]!))).to.deep.equal(['same']);
    expect(kinds(await again(few, ids[0]!))).to.deep.equal(['snapshot']);
  });

  it('waits for the first node, where it was started before any', async () => {
    const empty = new TestCluster(world, { sessions: SESSIONS, backups: 0, partitions: 1 });
    try {
      const early = await empty.connect({ role: 'client', nodeId: 'early' });
      const making = early.create(Counter, { count: 7 }, { id: 'first' });
      const late = await empty.connect({ nodeId: 'late' });
      await making;
      expect((await late.open(Counter, 'first'))!.count).to.equal(7);
      expect(await early.count(Counter)).to.equal(1);
      expect(empty.node(early).replicas).to.deep.equal([]);
    } finally {
      await empty.close();
    }
  });
});
