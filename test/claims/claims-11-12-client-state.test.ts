/**
 * Claims 11 and 12. Another instance of a session need not be a backup: an application server that only opens sessions holds a
 * client state with a benchmark of its own. What changes in it is brought to the primary state, and what changes there is brought
 * to it.
 */
import 'reflect-metadata';
import { expect } from 'chai';
import { Mutable, Session } from '../../src/index.js';
import type { SessionStore } from '../../src/index.js';
import { BusEye } from '../store/bus-eye.js';
import type { Exchange } from '../store/bus-eye.js';
import { until } from '../store/world.js';
import { claimGround } from './observer.js';
import type { ClaimGround } from './observer.js';

class Card {
  @Mutable() text = '';
  @Mutable() votes = 0;
}

@Session({ name: 'retro' })
class Retro {
  @Mutable() topic = '';
  @Mutable({ type: () => Card }) cards = new Map<string, Card>();
}

const card = (text: string): Card => Object.assign(new Card(), { text });

const bytesOf = (seen: readonly Exchange[]): number => seen.reduce((sum, { bytes }) => sum + bytes, 0);

describe('claims 11, 12: client states, synchronised both ways', function () {
  this.timeout(120_000);
  let ground: ClaimGround;
  let left: SessionStore;
  let right: SessionStore;

  before(async () => {
    ground = await claimGround({ sessions: [Retro] });
    left = await ground.cluster.connect({ role: 'client', nodeId: 'left' });
    right = await ground.cluster.connect({ role: 'client', nodeId: 'right' });
  });
  after(() => ground?.close());

  async function both(): Promise<{ id: string; mine: Retro; theirs: Retro }> {
    const mine = await left.create(Retro, {
      topic: 'go',
      cards: new Map([
        ['a', card('first')],
        ['b', card('second')],
      ]),
    });
    const id = left.idOf(mine);
    return { id, mine, theirs: (await right.open(Retro, id))! };
  }

  it('a client holds no backup: no replica is on it, and nothing is ever led by it', async () => {
    const { id } = await both();
    for (const client of [left, right]) {
      expect(ground.cluster.node(client).replicas).to.deep.equal([]);
      expect(ground.cluster.node(client).led).to.deep.equal([]);
    }
    const holders = ground.cluster.stores.filter((store) =>
      ground.cluster.node(store).replicas.some(({ machine }) => machine.ledger.sessions.has(id as never)),
    );
    expect(holders).to.have.members([ground.primary, ground.backup]);
  });

  it('from the client to the primary: only its difference from its own benchmark goes there', async () => {
    const { id, theirs } = await both();
    theirs.cards.get('b')!.votes = 3;
    const { version, bytes } = await right.commit(theirs);
    expect([version, bytes < 16]).to.deep.equal([2, true]);
    const primary = (await ground.primary.open(Retro, id))!;
    expect(primary).to.deep.equal(theirs);
    expect((await ground.eye.deltasOf(id)).map(({ byteLength }) => byteLength)).to.deep.equal([bytes]);
  });

  it('both ways nothing but deltas travels, whatever the size of the session', async () => {
    const cards = new Map(Array.from({ length: 200 }, (_, i) => [`card ${i}`, card(`a text of some length ${i}`.repeat(3))]));
    const mine = await left.create(Retro, { topic: 'large', cards });
    const id = left.idOf(mine);
    const theirs = (await right.open(Retro, id))!;
    const eye = await BusEye.open(ground.world, ground.cluster, [ground.primary, ground.backup]);
    try {
      let seen = await eye.during(async () => {
        theirs.cards.get('card 150')!.votes = 3;
        await right.commit(theirs);
      });
      expect([seen.length, bytesOf(seen) < 300], 'to the primary').to.deep.equal([1, true]);
      seen = await eye.during(() => left.refresh(mine));
      expect([seen.length, bytesOf(seen) < 250], 'from the primary').to.deep.equal([1, true]);
      expect(mine).to.deep.equal(theirs);
      seen = await eye.during(async () => expect(await right.open(Retro, id)).to.deep.equal(mine));
      expect([seen.length, bytesOf(seen) < 200], 'opened once more').to.deep.equal([1, true]);
      seen = await eye.during(async () => {
        mine.topic = 'mine';
        theirs.cards.get('card 0')!.votes = 1;
        await Promise.all([left.commit(mine), right.commit(theirs)]);
        await Promise.all([left.refresh(mine), right.refresh(theirs)]);
      });
      expect(mine).to.deep.equal(theirs);
      expect(bytesOf(seen), 'changed on both sides at once').to.be.lessThan(1_500);
    } finally {
      await eye.close();
    }
  });

  it('from the primary to the client: it is told of the change and brought up to date in place', async () => {
    const { id, mine, theirs } = await both();
    const told: number[] = [];
    const watching = (async () => {
      for await (const { version } of right.watch(Retro, id)) {
        await right.refresh(theirs);
        told.push(version);
        if (version >= 3) return;
      }
    })();
    const second = theirs.cards.get('b')!;
    mine.cards.get('b')!.votes = 1;
    await left.commit(mine);
    await until('the first change is there', () => second.votes === 1);
    mine.topic = 'on';
    await left.commit(mine);
    await watching;
    expect(theirs).to.deep.equal(mine);
    expect(theirs.cards.get('b'), 'the same object as before').to.equal(second);
    expect(told.at(-1)).to.equal(3);
  });

  it('both ways at once: what both changed in different slots is merged on both sides', async () => {
    const { id, mine, theirs } = await both();
    mine.cards.get('a')!.votes = 10;
    mine.cards.set('c', card('from the left'));
    theirs.cards.get('b')!.text = 'from the right';
    theirs.cards.set('d', card('also from the right'));
    mine.topic = 'merged';
    await Promise.all([left.commit(mine), right.commit(theirs)]);
    await Promise.all([left.refresh(mine), right.refresh(theirs)]);
    expect(mine).to.deep.equal(theirs);
    expect([...mine.cards.keys()].toSorted()).to.deep.equal(['a', 'b', 'c', 'd']);
    expect([mine.topic, mine.cards.get('a')!.votes, mine.cards.get('b')!.text]).to.deep.equal(['merged', 10, 'from the right']);
    expect(await ground.primary.open(Retro, id, { consistency: 'strong' })).to.deep.equal(mine);
  });

  it('the same slot conflicts, and update repeats the change on the newer state', async () => {
    const { id } = await both();
    const vote = (store: SessionStore): Promise<unknown> =>
      store.update(Retro, id, (retro) => void retro.cards.get('a')!.votes++, { attempts: 1_000 });
    await Promise.all(Array.from({ length: 20 }, (_, i) => vote(i % 2 === 0 ? left : right)));
    expect((await ground.primary.open(Retro, id, { consistency: 'strong' }))!.cards.get('a')!.votes).to.equal(20);
  });
});
