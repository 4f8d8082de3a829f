import { expect } from 'chai';
import 'reflect-metadata';
import { Graph } from '../../src/diff/graph.js';
import { hasSchemaChange, referencedIds, shiftDelta, touchedSlots } from '../../src/diff/delta.js';
import { slotsInCommon } from '../../src/diff/slot.js';
import { headOf, schemaSection } from '../../src/diff/snapshot.js';
import { modelOf } from '../../src/model/model-of.js';
import { Immutable } from '../../src/model/immutable.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';
import { difference } from './topology.js';

class Item {
  @Immutable() sku?: string;
  @Mutable() qty = 1;
}

@Session({ name: 'shared-cart' })
class Cart {
  @Immutable() owner = 'o';
  @Mutable() coupon?: string | undefined;
  @Mutable({ type: () => Item }) items: Item[] = [];
  @Mutable() map = new Map<string, unknown>([['a', 1]]);
  @Mutable() set = new Set<unknown>([1]);
  @Mutable() plain: Record<string, unknown> = { a: 1 };
  @Mutable() data = Buffer.alloc(8);
  @Mutable({ diff: 'binary' }) opaque: unknown = [1, 2, 3];
}

const model = modelOf(Cart);
const item = (sku: string): Item => Object.assign(new Item(), { sku });

/** Two clients with an instance each of one session. */
function clients(): { a: Cart; b: Cart; graphA: Graph; graphB: Graph } {
  const a = new Cart();
  a.items = [item('tea')];
  const graphA = Graph.capture(a, model);
  const graphB = Graph.decode(graphA.encode());
  return { a, b: graphB.bind(model) as Cart, graphA, graphB };
}

describe('a delta that meets local changes', () => {
  it('changes what was not touched here, reports what was, and the next comparison sends it', () => {
    const { a, b, graphA, graphB } = clients();
    a.coupon = 'A';
    a.items[0]!.qty = 2;
    a.map.set('a', 2).set('b', 2);
    a.plain['a'] = 2;
    a.plain['new'] = { deep: 1 };
    a.set.add(2);
    a.data[0] = 1;
    a.opaque = [1, 2, 4];
    b.coupon = 'B';
    b.map.set('a', 3).set('c', 3);
    b.plain['a'] = 3;
    b.set.add(3);
    b.data[1] = 1;
    b.opaque = [9];
    const clashes = graphB.apply(graphA.diff()!);
    const names = clashes.map(({ id, slot }) => `${graphB.pathOf(id)}${slot}`).toSorted();
    expect(names).to.deep.equal(['.coupon', '.opaque', 'data', 'map.get("a")', 'plain.a']);
    expect(b.coupon).to.equal('B');
    expect(b.items[0]!.qty).to.equal(2);
    expect([...b.map]).to.deep.equal([
      ['a', 3],
      ['c', 3],
      ['b', 2],
    ]);
    expect(b.plain).to.deep.equal({ a: 3, new: { deep: 1 } });
    expect([...b.set]).to.deep.equal([1, 3, 2]);
    expect(graphB.encode()).to.deep.equal(graphA.encode());

    graphA.apply(graphB.diff()!);
    expect(difference(a, b)).to.equal(undefined);
  });

  it('leaves an array alone that changed on both sides', () => {
    const { a, b, graphA, graphB } = clients();
    a.items.push(item('a'));
    b.items.push(item('b'));
    const clashes = graphB.apply(graphA.diff()!);
    expect(clashes).to.deep.equal([{ id: 1, slot: '' }]);
    expect(b.items.map(({ sku }) => sku)).to.deep.equal(['tea', 'b']);
    graphA.apply(graphB.diff()!);
    expect(difference(a, b)).to.equal(undefined);
  });
});

describe('sync', () => {
  it('makes an instance equal to a snapshot in place, whatever was changed locally', () => {
    const { a, b, graphA, graphB } = clients();
    const [kept, items, map] = [b.items[0]!, b.items, b.map];
    b.items = [item('local')];
    kept.qty = 77;
    b.coupon = 'local';
    b.data.fill(3);
    a.items.push(item('new'));
    a.items[0]!.qty = 5;
    a.opaque = new Map([[1, 2]]);
    graphA.diff();
    graphB.sync(graphA.encode());
    expect(difference(a, b)).to.equal(undefined);
    expect([b.items, b.items[0], b.map]).to.deep.equal([items, kept, map]);
    expect(b.items).to.equal(items);
    expect(b.items[0]).to.equal(kept);
    expect(graphB.diff()).to.equal(null);
    a.items[1]!.qty = 9;
    graphB.apply(graphA.diff()!);
    expect(difference(a, b)).to.equal(undefined);
  });
});

describe('two deltas of new objects from one base', () => {
  it('are both applied, the second with its ids moved', () => {
    const { a, b, graphA, graphB } = clients();
    const base = graphA.nextId;
    const primary = Graph.decode(graphA.encode());
    a.plain['x'] = { from: 'a', deep: {} };
    b.map.set('y', { from: 'b', deep: [{}] });
    const first = graphA.diff()!;
    const second = graphB.diff()!;
    (b.map.get('y') as { more?: unknown }).more = 1;
    const third = graphB.diff()!;
    primary.apply(first);
    const by = primary.nextId - base;
    primary.apply(shiftDelta(second, base, by));
    primary.apply(shiftDelta(third, base, by));
    const merged = primary.bind(model) as Cart;
    expect(merged.plain['x']).to.deep.equal({ from: 'a', deep: {} });
    expect(merged.map.get('y')).to.deep.equal({ from: 'b', deep: [{}], more: 1 });

    // the client follows: its own new nodes move out of the way first
    graphB.shiftIds(base, by);
    const rest = Graph.decode(primary.encode());
    expect(rest.nextId).to.equal(graphB.nextId);
    expect(graphB.reaches(base + by)).to.equal(true);
    expect(graphB.reaches(base)).to.equal(false);
    b.coupon = 'later';
    primary.apply(graphB.diff()!);
    expect(merged.coupon).to.equal('later');
  });
});

describe('a delta, from its bytes alone', () => {
  const slots = (change: (cart: Cart) => void): ReadonlyMap<string, unknown> => {
    const { a, graphA } = clients();
    change(a);
    return touchedSlots(graphA.diff()!);
  };

  it('names the slots that it touches, and not those of what it makes', () => {
    expect(slots((cart) => (cart.coupon = 'A'))).to.have.lengthOf(1);
    expect(slots((cart) => (cart.plain = { a: 1, b: { c: 1 } }))).to.have.lengthOf(1);
    expect(slots((cart) => cart.map.set('a', { b: { c: 1 } }))).to.have.lengthOf(1);
  });

  it('has a slot in common with another where both change the same', () => {
    const common = (x: (cart: Cart) => void, y: (cart: Cart) => void): number => slotsInCommon(slots(x), slots(y)).length;
    expect(
      common(
        (cart) => (cart.coupon = 'A'),
        (cart) => (cart.coupon = 'B'),
      ),
    ).to.equal(1);
    expect(
      common(
        (cart) => (cart.coupon = 'A'),
        (cart) => cart.set.add(2),
      ),
    ).to.equal(0);
    expect(
      common(
        (cart) => cart.map.set('a', 2),
        (cart) => cart.map.set('b', 2),
      ),
    ).to.equal(0);
    expect(
      common(
        (cart) => cart.map.set('a', 2),
        (cart) => cart.map.delete('a'),
      ),
    ).to.equal(1);
    expect(
      common(
        (cart) => cart.items.push(item('x')),
        (cart) => cart.items.pop(),
      ),
    ).to.equal(1);
    expect(
      common(
        (cart) => cart.items.push(item('x')),
        (cart) => (cart.items[0]!.qty = 9),
      ),
    ).to.equal(0);
    expect(
      common(
        (cart) => (cart.map.set('b', 1), cart.map.clear(), cart.map.set('z', 1)),
        (cart) => cart.map.set('a', 5),
      ),
    ).to.equal(1);
    expect(slotsInCommon(new Set(['17:*']), new Set(['17:key a ']))).to.deep.equal(['17:key a ']);
    expect(slotsInCommon(new Set(['1:*']), new Set(['17:key a ']))).to.deep.equal([]);
  });

  it('names the objects that must still be there', () => {
    const { a, graphA } = clients();
    a.plain['ref'] = a.items[0];
    const ids = referencedIds(graphA.diff()!);
    expect([...ids].map((id) => graphA.pathOf(id) ?? 'nowhere').toSorted()).to.deep.equal(['items[0]', 'plain']);
    a.coupon = 'A';
    expect([...referencedIds(graphA.diff()!)]).to.deep.equal([0]);
  });

  it('says whether it changes the schema', () => {
    const { a, graphA } = clients();
    a.items.push(item('a'));
    expect(hasSchemaChange(graphA.diff()!)).to.equal(false);
  });
});

describe('a snapshot', () => {
  it('says where its schema stands, the same bytes for every session of the class', () => {
    const { graphA } = clients();
    const other = Graph.capture(new Cart(), model).encode();
    const section = (snapshot: Uint8Array): Buffer => {
      const { offset, lengthBytes } = schemaSection(snapshot);
      return Buffer.from(snapshot.subarray(offset, offset + lengthBytes));
    };
    expect(section(graphA.encode()).equals(section(other))).to.equal(true);
    expect(section(other).includes('coupon')).to.equal(true);
    expect(headOf(other).schema.fingerprint).to.equal(model.fingerprint);
  });

  it('holds no garbage, and its replicas forget theirs in time', () => {
    const { a, graphA } = clients();
    const backup = Graph.decode(graphA.encode());
    const bytes = graphA.encode().byteLength;
    for (let i = 0; i < 500; i++) {
      a.plain['churn'] = { i: i % 7, deep: [i % 7] };
      if (i % 2 === 0) delete a.plain['churn'];
      const delta = graphA.diff();
      if (delta !== null) backup.apply(delta);
    }
    expect(Array.from({ length: graphA.nextId }, (_, id) => backup.node(id)).filter(Boolean).length).to.be.lessThan(40);
    delete a.plain['churn'];
    backup.apply(graphA.diff()!);
    expect(backup.encode()).to.deep.equal(graphA.encode());
    expect(backup.encode().byteLength).to.be.at.most(bytes + 2);
  });
});

describe('sealing', () => {
  it('makes the immutable attributes of everything captured non-writable', () => {
    const { a, graphA } = clients();
    a.items.push(item('x'));
    graphA.diff();
    graphA.sealImmutables();
    expect(() => (a.owner = 'p')).to.throw(TypeError);
    expect(() => (a.items[1]!.sku = 'p')).to.throw(TypeError);
    expect(graphA.diff()).to.equal(null);
    graphA.sync(graphA.encode());
  });
});
