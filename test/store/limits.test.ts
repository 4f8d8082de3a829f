/** Every bound on what is declared: refused where it is written, before anything is sent, and again by who keeps it for others. */
import 'reflect-metadata';
import { expect } from 'chai';
import { connect, memoryEngine, Mutable, Session } from '../../src/index.js';
import type { SessionStore } from '../../src/index.js';
import type { StoreLimits } from '../../src/store/options.js';
import { resolveLimits } from '../../src/wire/limits.js';
import { refused } from './refused.js';
import { Counter, SESSIONS } from './sessions.js';
import { embeddedWorld, TestCluster, until } from './world.js';

@Session({ name: 'box' })
class Box {
  @Mutable() value: unknown = 0;
  @Mutable() parts: Record<string, string> = {};
}

const SMALL = { elementsMax: 20, objectsMax: 15, deltaBytesMax: 2_000, sessionBytesMax: 4_000 };
const LARGE = { elementsMax: 5_000, objectsMax: 5_000, deltaBytesMax: 50_000, sessionBytesMax: 50_000 };
type Limit = keyof typeof SMALL;

/** What is over one limit alone. */
const OVER: readonly (readonly [limit: Limit, value: () => unknown])[] = [
  ['elementsMax', () => Array.from({ length: 21 }, () => 1)],
  ['elementsMax', () => new Map(Array.from({ length: 21 }, (_, i) => [i, i]))],
  ['elementsMax', () => new Set(Array.from({ length: 21 }, (_, i) => i))],
  ['elementsMax', () => Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`k${i}`, i]))],
  ['objectsMax', () => Array.from({ length: 18 }, () => [])],
  ['objectsMax', () => Array.from({ length: 18 }).reduce((inner) => [inner], 0)],
  ['deltaBytesMax', () => 'x'.repeat(2_100)],
];

describe('limits', function () {
  this.timeout(60_000);
  let cluster: TestCluster;
  let keeper: SessionStore;
  let sender: SessionStore;
  before(async () => {
    cluster = new TestCluster(embeddedWorld(), { sessions: [Box, Counter], backups: 0, partitions: 1 });
    keeper = await cluster.connect({ nodeId: 'keeper', limits: SMALL });
    await cluster.leader();
    sender = await cluster.connect({ nodeId: 'sender', role: 'client', limits: LARGE });
  });
  after(() => cluster.close());

  const versionOf = async (id: string): Promise<number> => keeper.versionOf((await keeper.open(Box, id))!);

  for (const [limit, value] of OVER) {
    const what = `${limit}, by ${Object.prototype.toString.call(value()).slice(8, -1)}`;

    it(`at the sender: ${what}, before anything is sent, with its name, value and cure`, async () => {
      const box = await keeper.create(Box);
      const id = keeper.idOf(box);
      box.value = value();
      const error = await refused(keeper.commit(box), 'LIMIT_EXCEEDED', 'not-stored');
      expect(error.expected).to.equal(`${limit} <= ${SMALL[limit]}`);
      expect(Number(error.received)).to.be.greaterThan(SMALL[limit]);
      expect(error.cure).to.include(`limits.${limit}`);
      expect(await versionOf(id)).to.equal(1);
      await keeper.refresh(box);
      expect(box.value).to.equal(0);
    });

    it(`at the primary: ${what}, of a sender with larger limits, and nothing of it is applied`, async () => {
      const box = await sender.create(Box);
      const id = sender.idOf(box);
      box.value = value();
      const error = await refused(sender.commit(box), 'LIMIT_EXCEEDED', 'not-stored');
      expect(error.message).to.include(`${limit} <= ${SMALL[limit]}`);
      expect(await versionOf(id)).to.equal(1);
      await sender.refresh(box);
      box.value = 1;
      expect((await sender.commit(box)).version).to.equal(2);
    });
  }

  for (const [who, store] of [
    ['the sender', () => keeper],
    ['the primary', () => sender],
  ] as const) {
    it(`sessionBytesMax at ${who}: a create that is too large`, async () => {
      const init = { parts: { a: 'x'.repeat(2_500), b: 'y'.repeat(2_500) } };
      const error = await refused(store().create(Box, init, { id: `large of ${who}` }), 'LIMIT_EXCEEDED', 'not-stored');
      expect(error.message).to.include(`sessionBytesMax <= ${SMALL.sessionBytesMax}`);
      expect(await keeper.open(Box, `large of ${who}`)).to.equal(undefined);
    });

    it(`sessionBytesMax: one that grows by small commits of ${who}, and goes on where it shrinks`, async () => {
      const box = await store().create(Box);
      const id = store().idOf(box);
      for (const key of ['a', 'b']) {
        box.parts[key] = key.repeat(1_800);
        await store().commit(box);
      }
      // the same bytes again and again: it does not grow
      for (let i = 0; i < 10; i++) {
        box.parts['b'] = `${i}`.repeat(1_800);
        await store().commit(box);
      }
      const before = await versionOf(id);
      box.parts['c'] = 'c'.repeat(1_800);
      const error = await refused(store().commit(box), 'LIMIT_EXCEEDED', 'not-stored');
      expect(error.message).to.include(`sessionBytesMax <= ${SMALL.sessionBytesMax}`);
      expect(await versionOf(id)).to.equal(before);
      await store().refresh(box);
      delete box.parts['a'];
      await store().commit(box);
      box.parts['c'] = 'c'.repeat(1_800);
      expect((await store().commit(box)).version).to.equal(before + 2);
    });
  }

  it('raised at the sender alone helps nobody, and the error says whose limits count; raised in every process it does', async () => {
    const raised = new TestCluster(embeddedWorld(), { sessions: [Box], backups: 1, partitions: 1 });
    try {
      const low = await raised.connect({ nodeId: 'low', limits: SMALL });
      await raised.leader();
      const high = await raised.connect({ nodeId: 'high', role: 'client', limits: LARGE });
      const box = await high.create(Box, {}, { id: 'grows' });
      box.value = Array.from({ length: 100 }, (_, i) => i);
      const error = await refused(high.commit(box), 'LIMIT_EXCEEDED', 'not-stored');
      expect(error.message)
        .to.match(/the primary, low~/)
        .and.include(`elementsMax <= ${SMALL.elementsMax}`);
      expect(error.cure).to.include('process that leads').and.include('all of them');
      const next = await raised.connect({ nodeId: 'next', limits: LARGE });
      await raised.backedUp(1);
      await low.drain();
      await high.update(Box, 'grows', (held) => void (held.value = Array.from({ length: 100 }, (_, i) => i)));
      expect((await next.open(Box, 'grows'))!.value).to.have.length(100);
      // a backup keeps what its own process would not take
      const narrow = await raised.connect({ nodeId: 'narrow', limits: SMALL });
      await until('it is a backup', () => raised.node(narrow).replicas[0]?.machine.role === 'following');
      await next.drain();
      await refused(narrow.open(Box, 'grows'), 'LIMIT_EXCEEDED');
      expect((await high.open(Box, 'grows'))!.value).to.have.length(100);
    } finally {
      await raised.close();
    }
  });

  for (const [limit, most] of Object.entries(resolveLimits())) {
    it(`${limit} beyond the default is refused by connect, as no other process would read it; of a class as of a store`, async () => {
      @Session({ name: `vast ${limit}`, limits: { [limit]: most + 1 } })
      class Vast {
        @Mutable() value = 0;
      }
      for (const connecting of [
        () => connect({ sessions: [Vast] }),
        () => connect({ sessions: [Box], limits: { [limit]: most + 1 } }),
      ]) {
        const error = await refused(connecting(), 'OPTION_INVALID');
        expect(error.message).to.include(limit).and.include(`at most ${most}`);
        expect(error.cure).to.include('keep bulk data elsewhere');
      }
      await (await connect({ sessions: [Box], limits: { [limit]: most } })).close();
    });
  }

  it('of who opens: a session that others may hold and this process may not', async () => {
    const box = await keeper.create(Box, { value: Array.from({ length: 15 }, () => 1) }, { id: 'for others' });
    expect(box.value).to.have.length(15);
    const narrow = await cluster.connect({ nodeId: 'narrow', role: 'client', limits: { elementsMax: 10 } });
    const error = await refused(narrow.open(Box, 'for others'), 'LIMIT_EXCEEDED');
    expect(error.message).to.include('elementsMax <= 10');
  });

  it('of a session id: 512 bytes', async () => {
    await keeper.create(Box, {}, { id: 'é'.repeat(256) });
    const error = await refused(keeper.create(Box, {}, { id: `${'é'.repeat(256)}x` }), 'OPTION_INVALID');
    expect(error.message).to.include('512 bytes');
  });

  it('sessionsMax: a create beyond is refused, also one of another process; what ends makes room; what is there goes on', async () => {
    const full = new TestCluster(embeddedWorld(), { sessions: SESSIONS, backups: 0, partitions: 1, limits: { sessionsMax: 5 } });
    try {
      const store = await full.connect();
      const client = await full.connect({ role: 'client', limits: {} });
      const made = await Promise.allSettled(Array.from({ length: 9 }, (_, i) => store.create(Counter, {}, { id: `s${i}` })));
      const there = made.flatMap(({ status }, i) => (status === 'fulfilled' ? [`s${i}`] : []));
      expect(there).to.have.length(5);
      const one = there[0]!;
      for (const [by, id] of [
        [store, 'of the node'],
        [client, 'of a client'],
      ] as const) {
        const error = await refused(by.create(Counter, {}, { id }), 'LIMIT_EXCEEDED', 'not-stored');
        expect(error.message).to.include('sessionsMax').and.include('at most 5');
        expect(await store.open(Counter, id)).to.equal(undefined);
      }
      expect(await store.count(Counter)).to.equal(5);
      await refused(store.create(Counter, {}, { id: one }), 'SESSION_EXISTS');
      await client.update(Counter, one, (counter) => void counter.count++);
      await store.destroy(Counter, one);
      await client.create(Counter, {}, { id: 'in its place' });
      await refused(client.create(Counter), 'LIMIT_EXCEEDED', 'not-stored');
    } finally {
      await full.close();
    }
  });

  it('watchersMax: one watch more is refused at its first reading; one that ends makes room', async () => {
    const limits: StoreLimits = { watchersMax: 2 };
    await using store = await connect({ sessions: SESSIONS, engine: memoryEngine(), partitions: 1, backups: 0, limits });
    await store.create(Counter, {}, { id: 'seen' });
    const controller = new AbortController();
    const ends = [1, 2].map(async () => {
      for await (const change of store.watch(Counter, 'seen', { signal: controller.signal })) expect(change.version).to.equal(2);
    });
    const more = (): Promise<unknown> => store.watch(Counter, 'seen')[Symbol.asyncIterator]().next();
    const error = await refused(more(), 'LIMIT_EXCEEDED');
    expect([error.expected, error.received]).to.deep.equal(['watchersMax <= 2', '3']);
    await store.update(Counter, 'seen', (counter) => void counter.count++);
    controller.abort();
    await Promise.all(ends);
    let seen = false;
    void more().then(() => (seen = true));
    await until('it is watched', async () => {
      await store.update(Counter, 'seen', (counter) => void counter.count++);
      return seen;
    });
  });

  it('that mean nothing are refused by connect: a wrong name, no number, zero', async () => {
    const wrong = { elementMax: 5, sessionBytesMax: 0, deltaBytesMax: NaN, objectsMax: '5', sessionsMax: 0, watchersMax: 1.5 };
    for (const [limit, value] of Object.entries(wrong)) {
      const error = await refused(connect({ sessions: [Box], limits: { [limit]: value } }), 'OPTION_INVALID');
      expect(error.message).to.include('limits').and.include(limit);
    }
  });
});
