/** Commits that changed the same slot, by rules, from several processes: whoever commits sees what became of it. */
import 'reflect-metadata';
import { expect } from 'chai';
import { Immutable, Mutable, Session } from '../../src/index.js';
import type { ConflictError, SessionStore } from '../../src/index.js';
import { refused } from './refused.js';
import { clusterOf, inBothWorlds } from './world.js';

class Seat {
  @Immutable() name!: string;
  @Mutable({ merge: 'add' }) points = 0;
  @Mutable() mood = '';
}

@Session({ name: 'table' })
class Table {
  @Mutable({ merge: 'add' }) visits = 0;
  @Mutable({ merge: 'max' }) lastSeen = new Date(0);
  @Mutable({ merge: 'union' }) tags = new Set<string>();
  @Mutable({ type: () => Seat, merge: 'append' }) seats: Seat[] = [];
  @Mutable({ merge: 'append' }) log: string[] = [];
  @Mutable() title = '';
  @Mutable({ merge: (_: string, mine: string, theirs: string) => `${theirs}+${mine}` }) both = '';
}

const seat = (name: string, points = 0): Seat => Object.assign(new Seat(), { name, points });

inBothWorlds('commits that follow merge rules', (world) => {
  const cluster = clusterOf(world, 2, { sessions: [Table], backups: 1 });
  const here = (): SessionStore => cluster().stores[0]!;
  const there = (): SessionStore => cluster().stores[1]!;

  async function two(init: Partial<Table> = {}): Promise<{ id: string; mine: Table; theirs: Table }> {
    const id = here().idOf(await here().create(Object.assign(new Table(), init)));
    return { id, mine: (await here().open(Table, id))!, theirs: (await there().open(Table, id))! };
  }

  /** What is stored, and that both instances equal it. */
  async function stored(id: string, ...instances: [SessionStore, Table][]): Promise<Table> {
    const now = (await here().open(Table, id, { consistency: 'strong' }))!;
    for (const [store, instance] of instances) {
      expect(instance, 'without a refresh').to.deep.equal(now);
      expect((await store.commit(instance)).bytes, 'nothing is left to commit').to.equal(0);
    }
    return now;
  }

  it('count both, and the committer holds the sum at once', async () => {
    const { id, mine, theirs } = await two();
    theirs.visits++;
    await there().commit(theirs);
    mine.visits++;
    expect((await here().commit(mine)).version).to.equal(3);
    expect(mine.visits).to.equal(2);
    await stored(id, [here(), mine]);
  });

  it('let pushed objects of both arrive, which stay the objects that were pushed', async () => {
    const { id, mine, theirs } = await two({ seats: [seat('Ada', 1)] });
    theirs.seats.push(seat('Grace'));
    theirs.seats[0]!.points += 10;
    await there().commit(theirs);
    const own = seat('Mary', 3);
    mine.seats.push(own);
    mine.seats[0]!.points += 100;
    mine.tags.add('mine');
    await here().commit(mine);
    expect(mine.seats.map(({ name, points }) => [name, points])).to.deep.equal([['Ada', 111], ['Grace', 0], ['Mary', 3]]); // prettier-ignore
    expect(mine.seats[2]).to.equal(own);
    await stored(id, [here(), mine]);
    own.points = 4;
    await here().commit(mine);
    await there().refresh(theirs);
    expect(theirs.seats[2]!.points).to.equal(4);
    await stored(id, [here(), mine], [there(), theirs]);
  });

  it('hold for commits that are under way together, each on the one before', async () => {
    const { id, mine, theirs } = await two();
    theirs.visits = 1_000;
    theirs.seats.push(seat('theirs'));
    theirs.log.push('theirs');
    theirs.both = 't';
    await there().commit(theirs);
    const seats = ['a', 'b', 'c'].map((name) => seat(name));
    const commits = seats.map((each, i) => {
      mine.visits += 10 ** i;
      mine.seats.push(each);
      mine.log.push(each.name);
      if (i === 1) seats[0]!.points += 5;
      if (i < 2) mine.both += each.name;
      return here().commit(mine);
    });
    const versions = (await Promise.all(commits)).map(({ version }) => version);
    expect(versions).to.deep.equal([3, 4, 5]);
    expect(mine.visits).to.equal(1_111);
    expect(mine.log).to.deep.equal(['theirs', 'a', 'b', 'c']);
    expect(mine.seats.slice(1)).to.have.ordered.members(seats);
    expect(mine.both).to.equal('t+a+ab');
    expect((await stored(id, [here(), mine])).seats[1]!.points).to.equal(5);
  });

  it('keep what the user changed meanwhile, merged as well, and leave it to the next commit', async () => {
    const { id, mine, theirs } = await two();
    theirs.visits = 10;
    theirs.log.push('theirs');
    theirs.title = 'theirs';
    await there().commit(theirs);
    mine.visits++;
    const under = here().commit(mine);
    mine.visits++;
    mine.log.push('mine');
    const own = seat('mine');
    mine.seats.push(own);
    await under;
    expect([mine.visits, mine.log, mine.title]).to.deep.equal([12, ['theirs', 'mine'], 'theirs']);
    expect(mine.seats).to.have.ordered.members([own]);
    expect((await here().open(Table, id, { consistency: 'strong' }))!.visits, 'not stored yet').to.equal(11);
    expect((await here().commit(mine)).version).to.equal(4);
    await stored(id, [here(), mine]);
  });

  it('say at the next commit where what the user changed meanwhile conflicts', async () => {
    const { mine, theirs } = await two();
    theirs.visits = 10;
    theirs.title = 'theirs';
    await there().commit(theirs);
    mine.visits++;
    const under = here().commit(mine);
    mine.title = 'mine';
    await under;
    expect(mine.title, 'nobody took it away').to.equal('mine');
    const error = (await refused(here().commit(mine), 'CONFLICT', 'not-stored')) as ConflictError;
    expect(error.slots).to.deep.equal(['title']);
    await here().refresh(mine);
    expect([mine.title, mine.visits]).to.deep.equal(['theirs', 11]);
    mine.title = 'mine';
    expect((await here().commit(mine)).version).to.equal(4);
  });

  it('conflict under way where a rule says so, and name the slot as people write it', async () => {
    const { mine, theirs } = await two({ seats: [seat('Ada')] });
    theirs.seats[0]!.mood = 'theirs';
    theirs.visits = 1;
    await there().commit(theirs);
    mine.visits++;
    const first = here().commit(mine);
    mine.seats[0]!.mood = 'mine';
    const second = here().commit(mine);
    expect((await first).version).to.equal(3);
    const error = (await refused(second, 'CONFLICT', 'not-stored')) as ConflictError;
    expect([error.slots, error.base, error.version]).to.deep.equal([['seats[0].mood'], 3, 3]);
  });

  it('by several writers at once lose and repeat nothing', async () => {
    const { id } = await two();
    const writers = await Promise.all(
      [here(), there(), here(), there()].map(async (store) => ({ store, mine: (await store.open(Table, id))! })),
    );
    await Promise.all(
      writers.map(async ({ store, mine }, writer) => {
        const under: Promise<unknown>[] = [];
        for (let i = 0; i < 12; i++) {
          mine.visits++;
          mine.log.push(`${writer}.${i}`);
          mine.tags.add(`${writer}.${i}`);
          mine.lastSeen = new Date(writer * 100 + i);
          if (i % 4 === 0) mine.seats.push(seat(`${writer}.${i}`));
          under.push(store.commit(mine));
          if (i % 3 === 2) await Promise.all(under);
        }
        await Promise.all(under);
      }),
    );
    const expected = [0, 1, 2, 3].flatMap((writer) => Array.from({ length: 12 }, (_, i) => `${writer}.${i}`));
    const end = await stored(id);
    expect([end.visits, end.lastSeen]).to.deep.equal([48, new Date(311)]);
    expect([...end.tags]).to.have.members(expected);
    expect(end.log).to.have.members(expected).and.to.have.length(48);
    expect(end.seats).to.have.length(12);
    for (const writer of [0, 1, 2, 3]) {
      const own = end.log.filter((entry) => entry.startsWith(`${writer}.`));
      expect(own, 'each in its own order').to.deep.equal(expected.filter((entry) => entry.startsWith(`${writer}.`)));
    }
    for (const { store, mine } of writers) {
      await store.refresh(mine);
      expect(mine).to.deep.equal(end);
    }
  });
});
