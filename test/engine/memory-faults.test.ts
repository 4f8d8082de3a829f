/** The memory engine under a simulated world: each fault does what it says, and nothing else. */
import { expect } from 'chai';
import { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import { memoryEngine } from '../../src/engine/memory/memory-engine.js';
import type { Faults, WriteJourney } from '../../src/engine/memory/faults.js';
import type { EngineConnection } from '../../src/engine/port.js';
import type { Clock } from '../../src/shared/clock.js';
import { nodeId, partition, revision, sequence, type NodeId } from '../../src/shared/ids.js';
import { readText, text } from '../../src/testing/engine-world.js';

const P0 = partition(0);
const S0 = sequence(0);
const A = nodeId('a~1');
const B = nodeId('b~1');

/** Time that passes only when a test says so, for the world and, apart from it, for each node. */
class TestClock implements Clock {
  #nowMs = 0;
  #order = 0;
  #timers: { readonly atMs: number; readonly order: number; readonly fn: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, fn: () => void): { cancel(): void } {
    const timer = { atMs: this.#nowMs + delayMs, order: this.#order++, fn };
    this.#timers.push(timer);
    return { cancel: () => void (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      await settled();
      const next = this.#timers.filter(({ atMs }) => atMs <= endMs).toSorted((x, y) => x.atMs - y.atMs || x.order - y.order)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#nowMs = next.atMs;
      next.fn();
    }
    this.#nowMs = endMs;
    await settled();
  }
}

/** Lets every promise run that can. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class World {
  readonly clock = new TestClock();
  readonly clocks = new Map<NodeId, TestClock>();
  readonly cluster: MemoryCluster;

  constructor(faults: Omit<Faults, 'clock'>) {
    this.cluster = new MemoryCluster({ faults: { ...faults, clock: this.clock } });
  }

  async connect(node: NodeId): Promise<EngineConnection> {
    const clock = new TestClock();
    this.clocks.set(node, clock);
    const request = { cluster: 'c', generation: 1, node, clock, random: () => 0.5, timeoutMs: 1000 };
    const connecting = memoryEngine({ cluster: this.cluster }).connect(request);
    await clock.pass(0);
    return connecting;
  }

  /** Lets time pass for the world and for all nodes but those that are paused. */
  async pass(ms: number, ...paused: readonly NodeId[]): Promise<void> {
    for (let i = 0; i < ms; i++) {
      await this.clock.pass(1);
      for (const [node, clock] of this.clocks) if (!paused.includes(node)) await clock.pass(1);
    }
  }
}

/** What a promise has become so far. */
function fate<T>(promise: Promise<T>): { value?: T; settled: boolean } {
  const result: { value?: T; settled: boolean } = { settled: false };
  void promise.then((value) => Object.assign(result, { value, settled: true }));
  return result;
}

describe('memory engine: faults', () => {
  it('a lost append is unknown and never stored', async () => {
    const world = new World({ append: () => ({ thereMs: Infinity, backMs: 1, patienceMs: 20 }) });
    const { log } = await world.connect(A);
    const append = fate(log.append(P0, S0, text('x')));
    await world.pass(10);
    expect(append.settled).to.equal(false);
    await world.pass(20);
    expect(append.value?.outcome).to.equal('unknown');
    await world.pass(1000);
    expect(world.cluster.generation('c', 1).log(P0).last).to.equal(0);
  });

  it('an append whose answer is lost is unknown and stored', async () => {
    const world = new World({ append: () => ({ thereMs: 5, backMs: Infinity, patienceMs: 20 }) });
    const { log } = await world.connect(A);
    const append = fate(log.append(P0, S0, text('x')));
    await world.pass(30);
    expect(append.value?.outcome).to.equal('unknown');
    expect(world.cluster.generation('c', 1).log(P0).last).to.equal(1);
  });

  it('a late append is stored long after it was reported unknown, also when its node is dead by then', async () => {
    const world = new World({ append: () => ({ thereMs: 500, backMs: 1, patienceMs: 20 }) });
    const { log } = await world.connect(A);
    const append = fate(log.append(P0, S0, text('x')));
    await world.pass(30);
    expect(append.value?.outcome).to.equal('unknown');
    world.cluster.crash(A);
    expect(world.cluster.generation('c', 1).log(P0).last).to.equal(0);
    await world.pass(500);
    expect(world.cluster.generation('c', 1).log(P0).last).to.equal(1);
  });

  it('a spurious refusal says "position" and stores, or does not, as the world has it', async () => {
    for (const spurious of ['stored', 'not-stored'] as const) {
      const world = new World({ append: () => ({ thereMs: 1, backMs: 1, patienceMs: 20, spurious }) });
      const { log } = await world.connect(A);
      const append = fate(log.append(P0, S0, text('x')));
      await world.pass(10);
      expect(append.value).to.deep.equal({ outcome: 'refused', reason: 'position' });
      expect(world.cluster.generation('c', 1).log(P0).last).to.equal(spurious === 'stored' ? 1 : 0);
    }
  });

  it('a disk without room refuses a record as full, says nothing of a snapshot, and stores neither', async () => {
    const full = (): WriteJourney => ({ thereMs: 1, backMs: 1, patienceMs: 20, full: true });
    const world = new World({ append: full, put: full });
    const { log, snapshots } = await world.connect(A);
    const append = fate(log.append(P0, S0, text('x')));
    const put = fate(snapshots.put(P0, 'k', text('x'), revision(0)));
    await world.pass(10);
    expect(append.value).to.deep.equal({ outcome: 'refused', reason: 'full' });
    expect(put.value?.outcome).to.equal('unknown');
    const stored = world.cluster.generation('c', 1);
    expect(stored.log(P0).last).to.equal(0);
    expect(stored.group(P0).size).to.equal(0);
  });

  it('the position counts where the append arrives, not where it was sent', async () => {
    const delays = [30, 5];
    const world = new World({ append: () => ({ thereMs: delays.shift()!, backMs: 1, patienceMs: 100 }) });
    const [a, b] = [await world.connect(A), await world.connect(B)];
    const [slow, quick] = [fate(a.log.append(P0, S0, text('slow'))), fate(b.log.append(P0, S0, text('quick')))];
    await world.pass(50);
    expect(quick.value?.outcome).to.equal('stored');
    expect(slow.value).to.deep.equal({ outcome: 'refused', reason: 'position' });
  });

  it('a paused node hears nothing until its clock goes on, and then its time-out or its answer, once', async () => {
    const world = new World({ append: () => ({ thereMs: 1, backMs: 1, patienceMs: 20 }) });
    const { log } = await world.connect(A);
    const heard: string[] = [];
    log.follow(P0, S0, ({ record }) => heard.push(readText(record)));
    const append = fate(log.append(P0, S0, text('x')));
    await world.pass(200, A);
    expect(append.settled).to.equal(false);
    expect(heard).to.deep.equal([]);
    await world.pass(30);
    expect(append.settled).to.equal(true);
    expect(heard).to.deep.equal(['x']);
  });

  it('a node that is cut off is not reached and reaches nobody, and follows on when it is mended', async () => {
    const world = new World({ deliver: () => 3 });
    const [a, b] = [await world.connect(A), await world.connect(B)];
    const heard: string[] = [];
    a.log.follow(P0, S0, ({ record }) => heard.push(readText(record)));
    a.bus.serve(() => text('!'));
    a.bus.hear(() => heard.push('an announcement'));
    world.cluster.cut(A);
    expect(a.link.up).to.equal(false);
    const stored = fate(b.log.append(P0, S0, text('x')));
    const asked = fate(b.bus.request(A, text('?'), 50));
    const put = fate(a.snapshots.put(P0, 'key', text('v'), revision(0)));
    b.bus.announce(text('hello'));
    await world.pass(1100);
    expect(stored.value?.outcome).to.equal('stored');
    expect(asked.value?.outcome).to.equal('unknown');
    expect(put.value?.outcome).to.equal('unknown');
    expect(heard).to.deep.equal([]);
    world.cluster.mend(A);
    expect(a.link.up).to.equal(true);
    await world.pass(10);
    expect(heard).to.deep.equal(['x']);
  });

  it('records reach a follower in order, whatever each delivery takes', async () => {
    const delays = [9, 1, 7, 2, 8, 3, 1, 1, 1, 1];
    const world = new World({ deliver: () => delays.shift() ?? 1, hole: () => 2 });
    const { log } = await world.connect(A);
    const heard: number[] = [];
    log.follow(P0, S0, (entry) => heard.push(entry.sequence));
    let last = S0;
    for (let i = 0; i < 10; i++) {
      const append = fate(log.append(P0, last, text(String(i))));
      await world.pass(2);
      last = (append.value as { sequence: typeof last }).sequence;
    }
    await world.pass(100);
    expect(heard).to.deep.equal([3, 6, 9, 12, 15, 18, 21, 24, 27, 30]);
  });

  it('an outdated leader names an earlier tail; a read that is lost is undefined', async () => {
    const journeys = [
      { thereMs: 1, backMs: 1, patienceMs: 20, hidden: 2 },
      { thereMs: 1, backMs: Infinity, patienceMs: 20 },
    ];
    const world = new World({ read: () => journeys.shift() });
    const { log } = await world.connect(A);
    for (let i = 0; i < 3; i++) {
      void log.append(P0, sequence(i), text(String(i)));
      await world.pass(1);
    }
    const [stale, lost] = [fate(log.read(P0, S0)), fate(log.read(P0, S0))];
    await world.pass(30);
    expect(stale.value).to.deep.include({ last: 1, truncated: false });
    expect(stale.value!.entries).to.have.length(1);
    expect(lost).to.deep.equal({ value: undefined, settled: true });
  });

  it('a request may be lost, arrive twice, or lose its answer; a crashed node has no responders', async () => {
    const journeys = [
      { thereMs: Infinity, backMs: 1 },
      { thereMs: 1, backMs: 1, againMs: 5 },
      { thereMs: 1, backMs: Infinity },
    ];
    const world = new World({ request: () => journeys.shift() });
    const [a, b] = [await world.connect(A), await world.connect(B)];
    let served = 0;
    b.bus.serve(() => text(String(++served)));
    const ask = async () => {
      const result = fate(a.bus.request(B, text('?'), 20));
      await world.pass(40);
      return result.value!;
    };
    expect((await ask()).outcome).to.equal('unknown');
    expect(served).to.equal(0);
    expect((await ask()).outcome).to.equal('answered');
    expect(served).to.equal(2);
    expect((await ask()).outcome).to.equal('unknown');
    expect(served).to.equal(3);
    world.cluster.crash(B);
    expect(await ask()).to.deep.equal({ outcome: 'no-responders' });
  });

  it('a request whose copy finds nobody is not said to have reached nobody', async () => {
    const journeys = [
      { thereMs: 1, backMs: 1, againMs: 30 },
      { thereMs: 1, backMs: 1, againMs: 30 },
    ];
    const world = new World({ request: () => journeys.shift() });
    const [a, b] = [await world.connect(A), await world.connect(B)];
    // it is at work until it dies
    b.bus.serve(() => new Promise(() => undefined));
    const result = fate(a.bus.request(B, text('?'), 50));
    await world.pass(20);
    world.cluster.crash(B);
    await world.pass(20);
    expect(result.value).to.equal(undefined);
    await world.pass(40);
    expect(result.value!.outcome).to.equal('unknown');
    const nobody = fate(a.bus.request(B, text('?'), 50));
    await world.pass(40);
    expect(nobody.value).to.deep.equal({ outcome: 'no-responders' });
  });

  it('announcements and what a node is told may be lost, for each receiver apart', async () => {
    const world = new World({ announce: (_, to) => (to === B ? Infinity : 2), tell: () => Infinity });
    const [a, b] = [await world.connect(A), await world.connect(B)];
    const heard: string[] = [];
    a.bus.hear(() => heard.push('a'));
    b.bus.hear(() => heard.push('b'));
    b.bus.serve(() => void heard.push('told'));
    a.bus.announce(text('hello'));
    a.bus.tell(B, text('news'));
    await world.pass(20);
    expect(heard).to.deep.equal(['a']);
  });
});
