/**
 * Claims 4, 5, 10, 14, 18, 19, 24 and 25. The comparison may go by object graph: the graph of the mutable attributes is walked
 * beside the benchmark's graph, each object against the object that corresponds to it, and what is sent are the objects and links
 * that differ.
 */
import 'reflect-metadata';
import { expect } from 'chai';
import { paths, Replica } from '../../src/diff/index.js';
import { Immutable, Mutable, Session } from '../../src/index.js';
import { claimGround, rebuilt } from './observer.js';
import type { ClaimGround } from './observer.js';

class Player {
  @Immutable() name!: string;
  @Mutable() score = 0;
  @Mutable() friend?: Player;
}

class Team {
  @Mutable() title = '';
  @Mutable({ type: () => Player }) members: Player[] = [];
}

@Session({ name: 'room' })
class Room {
  @Mutable({ type: () => Team, diff: 'graph' }) teams: Team[] = [];
  @Mutable({ type: () => Player, diff: 'graph' }) winner?: Player;
  @Mutable({ type: () => Player, diff: 'graph' }) byName = new Map<string, Player>();
  @Mutable({ diff: 'graph' }) board: unknown = undefined;
}

function player(name: string): Player {
  return Object.assign(new Player(), { name });
}

function room(): { teams: Team[] } {
  const names = ['red', 'blue'];
  return {
    teams: names.map((title) =>
      Object.assign(new Team(), { title, members: Array.from({ length: 50 }, (_, i) => player(`${title} ${i}`)) }),
    ),
  };
}

describe('claims 4, 5, 10, 14, 18, 19, 24, 25: object graph differencing', function () {
  this.timeout(120_000);
  let ground: ClaimGround;
  before(async () => (ground = await claimGround({ sessions: [Room] })));
  after(() => ground?.close());

  async function made(): Promise<{ mine: Room; id: string }> {
    const mine = await ground.primary.create(Room, room());
    return { mine, id: ground.primary.idOf(mine) };
  }

  /** Commits, and says which paths travelled and what the backup holds then. */
  async function commit(mine: Room): Promise<{ bytes: number; changed: string[]; backup: Room }> {
    const id = ground.primary.idOf(mine);
    const before = await ground.eye.entriesOf(id);
    const { bytes } = await ground.primary.commit(mine, { ack: { backups: 1 } });
    const replica = Replica.restore(Room, before[0]!.payload);
    for (const { payload } of before.slice(1)) replica.apply(payload);
    const delta = (await ground.eye.deltasOf(id)).at(-1)!;
    const changed = paths(Room, delta, replica);
    const backup = (await ground.backup.open(Room, id, { consistency: 'local' }))!;
    return { bytes, changed, backup };
  }

  it('object is held against corresponding object: one that changed among a hundred is all that is sent', async () => {
    const { mine } = await made();
    mine.teams[1]!.members[17]!.score = 9;
    const { bytes, changed, backup } = await commit(mine);
    expect(changed).to.deep.equal(['teams[1].members[17].score']);
    expect(bytes).to.be.lessThan(16);
    expect(backup).to.deep.equal(mine);
  });

  it('an object that moved is sent as a link, not as content', async () => {
    const { mine } = await made();
    const [red, blue] = mine.teams as [Team, Team];
    blue.members.push(red.members.splice(3, 1)[0]!);
    mine.winner = blue.members.at(-1)!;
    const { bytes, backup } = await commit(mine);
    const delta = (await ground.eye.deltasOf(ground.primary.idOf(mine))).at(-1)!;
    expect(Buffer.from(delta).includes('red 3'), 'its name is known there').to.equal(false);
    expect(bytes).to.be.lessThan(40);
    expect(backup).to.deep.equal(mine);
    expect(backup.winner, 'one object in two places').to.equal(backup.teams[1]!.members.at(-1));
  });

  it('objects made anew with the same content correspond to those in whose place they stand', async () => {
    const { mine } = await made();
    mine.board = { rows: Array.from({ length: 30 }, (_, i) => ({ cells: [i, i + 1, i + 2] })) };
    await commit(mine);
    mine.board = JSON.parse(JSON.stringify(mine.board));
    (mine.board as { rows: { cells: number[] }[] }).rows[20]!.cells[1] = -1;
    const { bytes, changed, backup } = await commit(mine);
    expect(
      changed.every((path) => path.startsWith('board.rows[20]')),
      changed.join(),
    ).to.equal(true);
    expect(bytes).to.be.lessThan(24);
    expect(backup.board).to.deep.equal(mine.board);
  });

  it('cycles and shared objects arrive as cycles and shared objects', async () => {
    const { mine } = await made();
    const [a, b] = mine.teams[0]!.members as [Player, Player];
    a.friend = b;
    b.friend = a;
    mine.byName.set('a', a).set('b', b);
    const { backup } = await commit(mine);
    const [x, y] = [backup.byName.get('a')!, backup.byName.get('b')!];
    expect(x.friend).to.equal(y);
    expect(y.friend).to.equal(x);
    expect(x).to.equal(backup.teams[0]!.members[0]);
    expect(x).to.be.instanceOf(Player);
  });

  it('what is reachable no more is dropped, and what is new is sent whole', async () => {
    const { mine, id } = await made();
    mine.teams.shift();
    mine.teams.push(Object.assign(new Team(), { title: 'green', members: [player('newcomer')] }));
    const { backup } = await commit(mine);
    const delta = Buffer.from((await ground.eye.deltasOf(id)).at(-1)!);
    expect(delta.includes('newcomer')).to.equal(true);
    expect(delta.includes('blue 1')).to.equal(false);
    expect(backup.teams.map(({ title }) => title)).to.deep.equal(['blue', 'green']);
    expect(backup).to.deep.equal(mine);
  });

  it('the deltas alone make the backup, links included', async () => {
    const { mine, id } = await made();
    for (let i = 0; i < 12; i++) {
      const [red, blue] = mine.teams as [Team, Team];
      red.members[i]!.friend = blue.members[(i * 7) % 40]!;
      if (i % 3 === 0) red.members.reverse();
      if (i % 4 === 1) blue.members.splice(i, 2, player(`late ${i}`));
      await ground.primary.commit(mine);
    }
    const again = await rebuilt(ground.eye, Room, id);
    expect(again).to.deep.equal(mine);
    const indexOf = (of: Room): number[] =>
      of.teams[0]!.members.map(({ friend }) => (friend === undefined ? -1 : of.teams[1]!.members.indexOf(friend)));
    expect(indexOf(again), 'each link leads to the same object').to.deep.equal(indexOf(mine));
  });
});
