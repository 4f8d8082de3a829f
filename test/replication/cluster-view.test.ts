/** What a node believes of the others: where partitions belong, who is here, and who should be suspected. */
import { expect } from 'chai';
import { epoch, nodeId, partition, sessionId } from '../../src/shared/ids.js';
import type { NodeId } from '../../src/shared/ids.js';
import { FailureDetector } from '../../src/replication/failure-detector.js';
import { Membership } from '../../src/replication/membership.js';
import type { Heartbeat } from '../../src/replication/membership.js';
import { nameOf, partitionOf, placementOrder } from '../../src/replication/placement.js';
import { DEFAULT_TIMING } from '../../src/replication/timing.js';
import { A, B, C } from './fixtures.js';

const P0 = partition(0);
const P1 = partition(1);
const nodes = (count: number): NodeId[] => Array.from({ length: count }, (_, i) => nodeId(`node-${i}~${i * 7}`));

describe('placement', () => {
  it('puts a session into the same partition for ever', () => {
    // golden: a change here would look for every stored session in the wrong place
    expect(['', 'a', 'cart 1', '🦊'].map((id) => partitionOf(sessionId(id), 1_000))).to.deep.equal([923, 715, 248, 682]);
  });

  it('spreads sessions evenly over partitions', () => {
    const counts = Array.from({ length: 16 }, () => 0);
    for (let i = 0; i < 16_000; i++) counts[partitionOf(sessionId(`session-${i}`), 16)]!++;
    for (const count of counts) expect(count).to.be.within(800, 1_200);
  });

  it('is the same whatever the order in which nodes are known', () => {
    const some = nodes(7);
    for (let p = 0; p < 50; p++)
      expect(placementOrder(partition(p), [...some].toReversed())).to.deep.equal(placementOrder(partition(p), some));
  });

  it('of a node that comes or goes moves only its own share', () => {
    const some = nodes(8);
    for (let p = 0; p < 500; p++) {
      const all = placementOrder(partition(p), some);
      const without = placementOrder(
        partition(p),
        some.filter((node) => node !== some[3]),
      );
      expect(without).to.deep.equal(all.filter((node) => node !== some[3]));
    }
  });

  it('gives every node about its share of primaries', () => {
    const some = nodes(5);
    const counts = new Map(some.map((node) => [node, 0]));
    for (let p = 0; p < 4_096; p++) {
      const [first] = placementOrder(partition(p), some);
      counts.set(first!, counts.get(first!)! + 1);
    }
    for (const count of counts.values()) expect(count).to.be.within(4_096 / 5 / 1.5, (4_096 / 5) * 1.5);
  });

  it('goes by names: a node that is started again finds its place', () => {
    const some = nodes(4);
    const again = some.map((node, i) => (i === 2 ? nodeId(`${nameOf(node)}~other`) : node));
    for (let p = 0; p < 50; p++) {
      expect(placementOrder(partition(p), again).map(nameOf)).to.deep.equal(placementOrder(partition(p), some).map(nameOf));
    }
  });
});

describe('membership', () => {
  const beat = (node: NodeId, count: number, more: Partial<Heartbeat> = {}): Heartbeat => ({
    node,
    role: 'node',
    leaving: false,
    draining: false,
    count,
    leads: [],
    ...more,
  });

  it('knows who was heard, and forgets who falls silent or leaves', () => {
    const membership = new Membership(DEFAULT_TIMING);
    expect(membership.heard(0, beat(A, 1))).to.equal(true);
    expect(membership.heard(10, beat(B, 1))).to.equal(true);
    expect(membership.heard(20, beat(B, 2))).to.equal(false);
    membership.heard(20, beat(C, 1, { role: 'client' }));
    expect(membership.nodes).to.deep.equal([A, B]);
    membership.heard(30, beat(A, 2, { leaving: true }));
    expect(membership.nodes).to.deep.equal([B]);
    membership.heard(40, beat(A, 1));
    expect(membership.nodes, 'a late heartbeat brings nobody back').to.deep.equal([B]);
    membership.tick(20 + DEFAULT_TIMING.absentMs);
    expect(membership.nodes).to.deep.equal([B]);
    membership.tick(21 + DEFAULT_TIMING.absentMs);
    expect(membership.nodes).to.deep.equal([]);
    expect(membership.heard(5_000, beat(B, 9)), 'who was only silent may come back').to.equal(true);
  });

  it('places nothing on a client or on a node that drains, and knows how long the others have stayed', () => {
    const membership = new Membership(DEFAULT_TIMING);
    membership.heard(0, beat(A, 1));
    membership.heard(100, beat(B, 1));
    const before = membership.places;
    membership.heard(300, beat(nodeId('app~1'), 1, { role: 'client' }));
    membership.heard(310, beat(B, 2));
    expect(membership.places, 'the same list while nothing has changed').to.equal(before);
    expect(membership.calmForMs(400), 'clients come and go').to.equal(300);
    membership.heard(500, beat(B, 3, { draining: true }));
    expect([membership.places, membership.nodes]).to.deep.equal([[A], [A, B]]);
    expect([membership.isDraining(A), membership.isDraining(B), membership.calmForMs(500)]).to.deep.equal([false, true, 0]);
    membership.heard(700, beat(B, 4, { leaving: true, draining: true }));
    expect(membership.calmForMs(700)).to.equal(0);
  });

  it('forgets nobody for an outage of its own', () => {
    const membership = new Membership(DEFAULT_TIMING);
    membership.heard(0, beat(A, 1));
    membership.reset(DEFAULT_TIMING.absentMs * 3);
    membership.tick(DEFAULT_TIMING.absentMs * 4);
    expect(membership.nodes).to.deep.equal([A]);
    membership.tick(DEFAULT_TIMING.absentMs * 4 + 1);
    expect(membership.nodes).to.deep.equal([]);
  });

  it('takes a new incarnation of a name for the end of the old one', () => {
    const membership = new Membership(DEFAULT_TIMING);
    membership.heard(0, beat(A, 5));
    membership.heard(10, beat(nodeId('a~2'), 1));
    expect(membership.nodes).to.deep.equal(['a~2']);
    membership.heard(20, beat(A, 6));
    expect(membership.nodes).to.deep.equal(['a~2']);
  });

  it('believes the newest term of a partition, whoever tells of it', () => {
    const membership = new Membership(DEFAULT_TIMING);
    membership.heard(0, beat(A, 1, { leads: [{ partition: P0, epoch: epoch(5) }] }));
    membership.heard(
      0,
      beat(B, 1, {
        leads: [
          { partition: P0, epoch: epoch(3) },
          { partition: P1, epoch: epoch(4) },
        ],
      }),
    );
    expect([membership.leaderOf(P0), membership.leaderOf(P1)]).to.deep.equal([A, B]);
    membership.learned(P0, C, epoch(9));
    membership.heard(1, beat(A, 2, { leads: [{ partition: P0, epoch: epoch(5) }] }));
    expect(membership.leaderOf(P0)).to.equal(C);
  });
});

describe('the failure detector', () => {
  const { suspectMs, silenceMs } = DEFAULT_TIMING;
  let detector: FailureDetector;
  beforeEach(() => {
    detector = new FailureDetector(DEFAULT_TIMING);
    for (const node of [A, B, C]) detector.watch(0, node);
  });
  const absent = (node: NodeId, ...times: number[]): void =>
    times.forEach((at) => detector.probed(at, node, [P0], { kind: 'no-responders' }));
  const answered = (node: NodeId, at: number, ...leads: ReturnType<typeof partition>[]): void =>
    detector.probed(at, node, [P0, P1], { kind: 'answered', leads: new Set(leads) });

  it('suspects a node of which several probes over more than a reconnect say that nobody is there', () => {
    absent(A, 10, 20);
    expect(detector.suspects(10 + suspectMs, A, P0), 'two are not several').to.equal(false);
    absent(A, 30);
    expect(detector.suspects(30, A, P0), 'all within a reconnect').to.equal(false);
    expect(detector.suspects(10 + suspectMs, A, P0)).to.equal(true);
    expect(detector.suspects(10 + suspectMs, B, P0)).to.equal(false);
  });

  it('takes one answer for life, and begins anew', () => {
    absent(A, 10, 20, 30);
    answered(A, 40, P0);
    absent(A, 50, 60);
    expect(detector.suspects(10 + suspectMs * 2, A, P0)).to.equal(false);
  });

  it('suspects a node that is silent for long, and not before', () => {
    detector.probed(5, A, [P0], { kind: 'silent' });
    expect(detector.suspects(silenceMs, A, P0)).to.equal(false);
    expect(detector.suspects(silenceMs + 1, A, P0)).to.equal(true);
    answered(A, silenceMs + 1, P0);
    expect(detector.suspects(silenceMs + 2, A, P0)).to.equal(false);
  });

  it('suspects one that lives and says that it does not lead, for that partition only', () => {
    for (const at of [10, 80, 140]) answered(A, at, P1);
    expect(detector.suspects(140, A, P0)).to.equal(true);
    expect(detector.suspects(140, A, P1)).to.equal(false);
    answered(A, 150, P0, P1);
    expect(detector.suspects(150, A, P0)).to.equal(false);
  });

  it('takes it for its own fault where most vanish at once: then only long silence counts', () => {
    absent(A, 10, 20, 30);
    absent(B, 10, 20, 30);
    expect(detector.suspects(10 + suspectMs, A, P0)).to.equal(false);
    answered(B, 200, P0);
    expect(detector.suspects(200, A, P0), 'one alone is gone').to.equal(true);
    absent(B, 210, 220, 230);
    expect(detector.suspects(silenceMs + 1, A, P0)).to.equal(true);
  });

  it('waits for nobody who said that it leaves', () => {
    detector.left(A);
    expect(detector.suspects(1, A, P0)).to.equal(true);
  });

  it('forgets all doubts at an outage of its own', () => {
    absent(A, 10, 20, 30);
    detector.reset(900);
    expect(detector.suspects(900 + silenceMs, A, P0)).to.equal(false);
    expect(detector.suspects(901 + silenceMs, A, P0)).to.equal(true);
  });

  it('does not count the time in which its own process stood still, and forgets nothing for it', () => {
    absent(A, 10, 20, 30);
    detector.excuse(5_000);
    expect(detector.suspects(5_000 + suspectMs, A, P0)).to.equal(false);
    expect(detector.suspects(5_010 + suspectMs, A, P0)).to.equal(true);
    expect(detector.suspects(5_000 + silenceMs, B, P0)).to.equal(false);
    expect(detector.suspects(5_001 + silenceMs, B, P0)).to.equal(true);
  });

  it('suspects nobody whom it does not watch', () => {
    detector.keep(0, new Set([B]));
    absent(A, 10, 20, 30);
    expect(detector.suspects(99_999, A, P0)).to.equal(false);
  });
});
