/** An answer that is lost is not an answer: the same operation is sent again until its fate is known, and is stored once. */
import { expect } from 'chai';
import { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import { memoryEngine } from '../../src/engine/memory/memory-engine.js';
import type { RequestJourney } from '../../src/engine/memory/faults.js';
import { Graph } from '../../src/diff/graph.js';
import type { SessionStore } from '../../src/index.js';
import { modelOf } from '../../src/model/model-of.js';
import { CLIENTS_MAX } from '../../src/node/cluster-node.js';
import { sessionId } from '../../src/shared/ids.js';
import { REAL_RUNTIME } from '../../src/store/real-runtime.js';
import { refused } from './refused.js';
import { Counter, SESSIONS } from './sessions.js';
import { TestCluster, until } from './world.js';

const LOST_ANSWER: RequestJourney = { thereMs: 0, backMs: Infinity };
const LOST_REQUEST: RequestJourney = { thereMs: Infinity, backMs: 0 };
const TWICE: RequestJourney = { thereMs: 0, backMs: 0, againMs: 30 };
/** Arrives when the test lets it. */
const LATE_MS = 3_600_000;
const LATE_COPY: RequestJourney = { thereMs: 0, backMs: 0, againMs: LATE_MS };
const LATE: RequestJourney = { thereMs: LATE_MS, backMs: 0 };

describe('lost answers', function () {
  this.timeout(60_000);
  let cluster: TestCluster;
  let node: SessionStore;
  let client: SessionStore;
  /** What happens to the client's next questions. */
  let journeys: RequestJourney[];
  /** And to all after them. */
  let otherwise: RequestJourney | undefined;
  /** What is on its way for as long as the test likes. */
  let late: (() => void)[];

  beforeEach(async () => {
    journeys = [];
    otherwise = undefined;
    late = [];
    const { clock } = REAL_RUNTIME;
    const memory = new MemoryCluster({
      faults: {
        clock: {
          now: () => clock.now(),
          wallMs: () => clock.wallMs(),
          after(ms, fn) {
            if (ms !== LATE_MS) return clock.after(ms, fn);
            late.push(fn);
            return { cancel: () => undefined };
          },
        },
        request: (from) => (from === client?.nodeId ? (journeys.shift() ?? otherwise) : undefined),
      },
    });
    cluster = new TestCluster(
      { engine: () => memoryEngine({ cluster: memory }) },
      { sessions: SESSIONS, backups: 0, partitions: 1 },
    );
    node = await cluster.connect({ nodeId: 'node' });
    await cluster.leader();
    client = await cluster.connect({ nodeId: 'client', role: 'client' });
  });
  afterEach(() => cluster.close());

  /** As one of many clients, each with an incarnation of its own. */
  async function commitOfAnother(id: string, i: number): Promise<void> {
    const inside = cluster.node(node);
    const { machine, partition } = inside.replicas[0]!;
    const { version, incarnation, body } = machine.ledger.session(sessionId(id))!;
    const graph = Graph.decode(body!.snapshot());
    const theirs = graph.bind(modelOf(Counter)) as Counter;
    theirs.by[`other ${i}`] = i;
    const operation = {
      kind: 'commit',
      session: sessionId(id),
      op: { client: `other ${i}`, counter: 1 },
      base: { version, incarnation },
      className: 'counter',
      rebased: false,
      payload: graph.diff()!,
      backups: 0,
      waitMs: 0,
    } as const;
    const asked = await inside.asker.operate(inside.self, partition, operation, 0, 20_000);
    expect(asked).to.deep.include({ kind: 'answered' });
  }

  const stored = async (id: string): Promise<number | undefined> =>
    (await node.open(Counter, id, { consistency: 'strong' }))?.count;

  it('a commit, a create and a destroy learn what became of them, and are stored once', async () => {
    const counter = await client.create(Counter);
    const id = client.idOf(counter);
    for (const journey of [LOST_ANSWER, TWICE]) {
      counter.count++;
      journeys = [journey];
      const before = client.versionOf(counter);
      expect((await client.commit(counter)).version).to.equal(before + 1);
      expect([await stored(id), journeys.length]).to.deep.equal([counter.count, 0]);
    }
    journeys = [LOST_ANSWER];
    await client.create(Counter, { count: 5 }, { id: 'made' });
    expect(await stored('made')).to.equal(5);
    journeys = [LOST_ANSWER];
    expect(await client.destroy(Counter, 'made')).to.equal(true);
    expect(await stored('made')).to.equal(undefined);
  });

  it('a destroy that met no session does not end one that is made later, however late a copy or an earlier try of it arrives', async () => {
    for (const [i, journey] of [LATE_COPY, LATE].entries()) {
      const id = `later ${i}`;
      journeys = [journey];
      expect(await client.destroy(Counter, id)).to.equal(false);
      const counter = await node.create(Counter, undefined, { id });
      expect(late.length).to.equal(1);
      late.pop()!();
      // travels behind it
      await client.update(Counter, id, (mine) => void mine.count++);
      await node.refresh(counter);
      expect([counter.count, node.versionOf(counter)]).to.deep.equal([1, 2]);
    }
  });

  it('a destroy or a touch whose first try may still arrive at another node does not say that it comes to nothing', async () => {
    for (const act of ['destroy', 'touch'] as const) {
      const leader = await cluster.leader();
      await cluster.connect({ nodeId: `next ${act}` });
      journeys = [LATE];
      const acting = refused(client[act](Counter, 'none', { timeoutMs: 50_000 }), 'SESSION_GONE', 'unknown');
      await until('its first try has left', () => late.length > 0);
      await leader.drain();
      expect((await acting).message).to.include('may still arrive');
      late = [];
      // of these nothing is lost
      await refused(client.touch(Counter, 'none'), 'SESSION_GONE', 'not-stored');
      expect(await client.destroy(Counter, 'none')).to.equal(false);
    }
  });

  it('a commit that has no history to merge with is not called lost while its first try may still arrive at another node', async () => {
    const counter = await client.create(Counter);
    const id = client.idOf(counter);
    const leader = await cluster.leader();
    const next = await cluster.connect({ nodeId: 'next' });
    counter.count = 7;
    journeys = [LATE];
    const committing = refused(client.commit(counter, { timeoutMs: 50_000 }), 'UNAVAILABLE', 'unknown');
    await until('its first try has left', () => late.length > 0);
    // more than is kept to merge with
    await next.update(Counter, id, (mine) => void (mine.by['x'.repeat(20_000)] = 1));
    await leader.drain();
    expect((await committing).message).to.include('not known any more');
    late = [];
    // nothing of this one is on its way
    await client.refresh(counter);
    await next.update(Counter, id, (mine) => void (mine.by['y'.repeat(20_000)] = 1));
    counter.count = 8;
    await refused(client.commit(counter), 'CONFLICT', 'not-stored');
  });

  it('many at once, in one message whose answer is lost, each learn their own', async () => {
    const counters = await Promise.all(Array.from({ length: 30 }, () => client.create(Counter)));
    journeys = [LOST_ANSWER, LOST_ANSWER];
    for (const counter of counters) counter.count = 1;
    const committed = await Promise.all(counters.map((counter) => client.commit(counter)));
    expect(committed.map(({ version }) => version)).to.deep.equal(counters.map(() => 2));
    expect(await Promise.all(counters.map((counter) => stored(client.idOf(counter))))).to.deep.equal(counters.map(() => 1));
  });

  it('an update whose answer is lost adds once, although others commit meanwhile', async () => {
    const counter = await client.create(Counter);
    const id = client.idOf(counter);
    journeys = [{ thereMs: 0, backMs: 0 }, LOST_ANSWER];
    const adding = client.update(Counter, id, (mine) => void mine.count++);
    await until('it is stored', async () => (await stored(id)) === 1);
    for (let i = 0; i < 5; i++) await node.update(Counter, id, (theirs) => void theirs.count++);
    await adding;
    expect(await stored(id)).to.equal(6);
  });

  it('where the time is up first the outcome is unknown, and where nothing arrived as well', async () => {
    const counter = await client.create(Counter);
    const id = client.idOf(counter);
    counter.count = 1;
    otherwise = LOST_ANSWER;
    await refused(client.commit(counter, { timeoutMs: 100 }), 'UNAVAILABLE', 'unknown');
    otherwise = undefined;
    expect(await stored(id)).to.equal(1);
    await client.refresh(counter);
    expect(counter.count).to.equal(1);
    counter.count = 2;
    otherwise = LOST_REQUEST;
    await refused(client.commit(counter, { timeoutMs: 100 }), 'UNAVAILABLE', 'unknown');
    otherwise = undefined;
    await client.refresh(counter);
    expect([counter.count, await stored(id)]).to.deep.equal([1, 1]);
  });

  it(`after more than ${CLIENTS_MAX} others have committed meanwhile nobody knows any more, and nobody says "not stored"`, async () => {
    const counter = await client.create(Counter);
    const id = client.idOf(counter);
    counter.count = 1;
    journeys = [LOST_ANSWER];
    otherwise = LOST_REQUEST;
    const committing = refused(client.commit(counter, { timeoutMs: 55_000 }), 'UNAVAILABLE', 'unknown');
    await until('it is stored', async () => (await stored(id)) === 1);
    for (let i = 0; i <= CLIENTS_MAX; i++) await commitOfAnother(id, i);
    otherwise = undefined;
    expect((await committing).message).to.include('not known any more');
    expect(await stored(id), 'and it was').to.equal(1);
    await client.refresh(counter);
    expect([counter.count, Object.keys(counter.by).length]).to.deep.equal([1, CLIENTS_MAX + 1]);
  });
});
