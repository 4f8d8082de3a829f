/** Whatever two commits change, they merge or conflict by what they touched, and everybody comes to the same state. */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { modelOf, Replica } from '../../src/diff/index.js';
import { referencedIds, touchedSlots } from '../../src/diff/delta.js';
import { Graph } from '../../src/diff/graph.js';
import { isNode, type GraphNode, type Stored } from '../../src/diff/node.js';
import { Link } from '../../src/diff/operation.js';
import { slotsInCommon, type Slot } from '../../src/diff/slot.js';
import { Immutable, Mutable, Session } from '../../src/index.js';
import { AtRest } from '../../src/session/at-rest.js';
import { mergeDelta } from '../../src/session/merge.js';
import { sequence, sessionId, version } from '../../src/shared/ids.js';
import { WorkingCopy } from '../../src/store/working-copy.js';
import { difference } from '../diff/topology.js';
import { mutate, World, type Gene } from '../diff/world.js';

const gene = fc.tuple(fc.nat(40), fc.nat(200), fc.nat(400), fc.nat(400));
const genes = fc.array(gene, { minLength: 1, maxLength: 6 });

/** What stands in a slot, with the ids of nodes from `ownFrom` up moved by `shift`: to be compared as text. */
function contentOf(graph: Graph, slot: Slot, ownFrom: number, shift: number): string {
  const show = (stored: Stored | undefined): string => {
    if (isNode(stored)) return `#${stored.id < ownFrom ? stored.id : stored.id + shift}`;
    return Object.is(stored, -0) ? '-0' : `${typeof stored} ${String(stored)}`;
  };
  const node = graph.node(slot.target) as GraphNode;
  switch (slot.kind) {
    case 'slot':
      return show(node.kind === 'instance' ? node.get(slot.slot) : undefined);
    case 'key':
      return show(node.kind === 'object' || node.kind === 'instance' ? node.keys.get(slot.key) : undefined);
    case 'array':
      return node.kind === 'array' ? node.elements.map(show).join() : '';
    case 'member': {
      const member = slot.member instanceof Link ? graph.node(slot.member.target) : (slot.member as Stored);
      if (node.kind === 'map') return `${node.entries.has(member)} ${show(node.entries.get(member))}`;
      return `${node.kind === 'set' && node.members.has(member)}`;
    }
    case 'content':
      if ('bytes' in node) return Buffer.from(node.bytes).toString('hex');
      return node.kind === 'date'
        ? `${node.time}`
        : node.kind === 'url'
          ? node.href
          : node.kind === 'regexp'
            ? `${node.lastIndex}`
            : '';
    case 'whole':
      return '';
  }
}

describe('two random changes of one random graph', () => {
  it('merge where they touched different slots, to a state in which each slot is as whoever touched it left it', () => {
    let merged = 0;
    let refused = 0;
    const holds = (start: readonly Gene[], first: readonly Gene[], second: readonly Gene[]): void => {
      const world = new World();
      for (const one of start) mutate(world, one);
      const base = Graph.capture(world, modelOf(World));
      const rest = AtRest.of(base.encode(), version(1));
      const [theirs, mine] = [first, second].map((change) => {
        const replica = Replica.restore(World, rest.snapshot());
        for (const one of change) mutate(replica.instance, one);
        return { graph: replica.graph, delta: replica.graph.diff() };
      }) as [{ graph: Graph; delta: Uint8Array | null }, { graph: Graph; delta: Uint8Array | null }];
      if (theirs.delta === null || mine.delta === null) return;
      rest.append(theirs.delta, version(2));
      const result = mergeDelta(new Map(), rest, [], version(1), mine.delta);
      const [touched, own] = [touchedSlots(theirs.delta), touchedSlots(mine.delta)];
      const common = slotsInCommon(own, touched);
      const reachable = rest.graph().reachable();
      const gone = [...referencedIds(mine.delta)].some((id) => !reachable.has(id));
      if (!result.merged) {
        refused++;
        if (common.length > 0) expect(result.slots).to.not.deep.equal([]);
        else if (!gone) {
          // nothing else may stand against it than work that would be lost
          const after = rest.graph();
          after.apply(mine.delta);
          const left = after.reachable();
          expect([...touched.values()].some(({ target }) => reachable.has(target) && !left.has(target))).to.equal(true);
        }
        return;
      }
      merged++;
      expect([common, gone], 'the same slot never merges without a rule').to.deep.equal([[], false]);
      expect(result.delta).to.equal(mine.delta);
      rest.append(result.delta, version(3));
      const now = rest.graph();
      const shift = theirs.graph.nextId - base.nextId;
      const ids = now.reachable();
      for (const slot of touched.values()) {
        if (ids.has(slot.target)) expect(contentOf(now, slot, 0, 0)).to.equal(contentOf(theirs.graph, slot, 0, 0));
      }
      for (const slot of own.values()) {
        // what mine itself took out again is nowhere
        if (ids.has(slot.target)) expect(contentOf(now, slot, 0, 0)).to.equal(contentOf(mine.graph, slot, base.nextId, shift));
      }
      const follower = Replica.restore(World, base.encode());
      for (const { delta } of rest.since(version(1))!) follower.apply(delta);
      expect(difference(follower.instance, Replica.restore(World, rest.snapshot()).instance)).to.equal(undefined);
    };
    fc.assert(fc.property(fc.array(gene, { maxLength: 12 }), genes, genes, holds), { numRuns: 600 });
    expect(merged, 'both ways were tried').to.be.greaterThan(50);
    expect(refused).to.be.greaterThan(50);
  });
});

class Piece {
  @Immutable() name!: string;
  @Mutable({ merge: 'add' }) weight = 0;
}

@Session({ name: 'shop' })
class Shop {
  @Mutable({ merge: 'add' }) count = 0;
  @Mutable({ merge: 'add' }) big = 0n;
  @Mutable({ merge: 'max' }) high = 0;
  @Mutable({ merge: 'union' }) tags = new Set<string>();
  @Mutable({ merge: 'append' }) log: string[] = [];
  @Mutable({ type: () => Piece, merge: 'append' }) pieces: Piece[] = [new Piece()];
  @Mutable({ merge: 'last' }) title: unknown = '';
  @Mutable({ merge: (base: number, mine: number, theirs: number) => theirs + mine - base }) own = 0;
}

/** A primary in small: the order of commits, and nothing else. */
class Primary {
  readonly rest: AtRest;
  rewritten = 0;

  constructor(shop: Shop) {
    this.rest = AtRest.of(Graph.capture(shop, modelOf(Shop)).encode(), version(1));
  }

  take(copy: WorkingCopy): void {
    const [sent] = copy.pending;
    if (sent === undefined) return;
    expect(sent.conflict, 'every rule fits').to.equal(undefined);
    const base = copy.base;
    const result = mergeDelta(new Map([['shop', modelOf(Shop)]]), this.rest, [], base, sent.delta);
    if (!result.merged) throw new Error(`${result.slots.join()} ${result.why}`);
    const others = this.rest.since(base)!;
    const at = version(this.rest.version + 1);
    this.rest.append(result.delta, at);
    const rewritten = Buffer.compare(result.delta, sent.delta) === 0 ? undefined : result.delta;
    if (rewritten !== undefined) this.rewritten++;
    copy.acknowledged({ version: at, others, merged: others.length > 0, rewritten });
    expect(copy.stale?.message).to.equal(undefined);
  }
}

type Step = readonly [who: number, what: number, n: number];

describe('random commits of several working copies, by rules, some under way together', () => {
  it('come to what the rules say, and every copy that has nothing under way equals what is stored', () => {
    let rewritten = 0;
    const holds = (steps: readonly Step[]): void => {
      const primary = new Primary(new Shop());
      const copies = [0, 1, 2].map(() => {
        const graph = Graph.decode(primary.rest.snapshot());
        const shop = graph.bind(modelOf(Shop)) as Shop;
        return { shop, copy: new WorkingCopy(modelOf(Shop), sessionId('s'), graph, version(1), sequence(1)) };
      });
      const expected = {
        count: 0,
        own: 0,
        weight: 0,
        high: 0,
        tags: [] as string[],
        logs: [[], [], []] as string[][],
        pieces: 0,
      };
      let entries = 0;
      const change = (who: number, what: number, n: number): void => {
        const { shop } = copies[who]!;
        const entry = `${who}.${++entries}`;
        if (what === 0) {
          shop.count += n;
          shop.big += BigInt(n);
          expected.count += n;
        } else if (what === 1) {
          shop.high = Math.max(shop.high, n);
          expected.high = Math.max(expected.high, n);
        } else if (what === 2) {
          shop.tags.add(entry);
          expected.tags.push(entry);
        } else if (what === 3) {
          shop.log.push(entry);
          expected.logs[who]!.push(entry);
        } else if (what === 4) {
          shop.pieces.push(Object.assign(new Piece(), { name: entry, weight: n }));
          expected.pieces++;
          expected.weight += n;
        } else if (what === 5) {
          shop.pieces[n % shop.pieces.length]!.weight += n;
          expected.weight += n;
        } else if (what === 6) shop.title = n % 2 === 0 ? { n } : [n, shop.pieces.at(-1)];
        else {
          shop.own += n;
          expected.own += n;
        }
      };
      const settle = (who: number): void => {
        const { shop, copy } = copies[who]!;
        copy.diff();
        while (copy.pending.length > 0) primary.take(copy);
        // what had nothing to commit learnt nothing
        if (copy.base !== primary.rest.version) return;
        const stored = Replica.restore(Shop, primary.rest.snapshot()).instance;
        expect(difference(stored, shop)).to.equal(undefined);
        expect(copy.graph.diff(), 'and its benchmark is what is stored').to.equal(null);
        expect(Buffer.compare(copy.graph.encode(), primary.rest.snapshot()), 'to the byte').to.equal(0);
      };
      for (const [who, what, n] of steps) {
        if (what < 8) change(who, what, n);
        else if (what === 8) copies[who]!.copy.diff();
        else if (what === 9) primary.take(copies[who]!.copy);
        else settle(who);
      }
      for (const who of [0, 1, 2, 0, 1, 2]) {
        // so that each has something to commit, and learns what the others did
        change(who, 0, 1);
        settle(who);
      }
      const end = Replica.restore(Shop, primary.rest.snapshot()).instance;
      expect([end.count, end.big, end.own, end.high]).to.deep.equal([
        expected.count,
        BigInt(expected.count),
        expected.own,
        expected.high,
      ]);
      expect([...end.tags]).to.have.members(expected.tags);
      expect(end.log).to.have.length(expected.logs.flat().length);
      expected.logs.forEach((log, who) => expect(end.log.filter((entry) => entry.startsWith(`${who}.`))).to.deep.equal(log));
      expect(end.pieces).to.have.length(expected.pieces + 1);
      expect(end.pieces.reduce((sum, { weight }) => sum + weight, 0)).to.equal(expected.weight);
      rewritten += primary.rewritten;
    };
    const step = fc.tuple(fc.nat(2), fc.nat(10), fc.integer({ min: 1, max: 9 }));
    fc.assert(fc.property(fc.array(step, { maxLength: 40 }), holds), { numRuns: 150 });
    expect(rewritten).to.be.greaterThan(500);
  });
});
