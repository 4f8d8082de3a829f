/** What every engine must do about the generations of a log: keep them apart, name them, and say when one was lost. */
import assert from 'node:assert/strict';
import { assertBytes, P0, P1, R0, readText, S0, text, type ConformanceRoom, type EngineCase } from './engine-world.js';
import type { EngineConnection, Log } from '../engine/port.js';

const identityOf = (room: ConformanceRoom, log: Log): Promise<string | null> => room.ask('which log it is', () => log.identity());
const generationsOf = (room: ConformanceRoom, connection: EngineConnection): Promise<readonly number[]> =>
  room.ask('the list of generations', () => connection.generations());

export const GENERATION_CASES: readonly EngineCase[] = [
  {
    name: 'generations: what is stored in one is not in another, over the same connection',
    async run(room) {
      const connection = await room.connect();
      const second = await connection.open(2);
      assert.deepEqual([connection.generation, second.generation], [1, 2]);
      await room.store(connection, P0, S0, text('in the first'));
      assert.equal((await second.log.append(P0, S0, text('in the second'))).outcome, 'stored');
      await room.put(connection, P1, 'key', text('in the first'), R0);
      assert.equal((await second.snapshots.put(P1, 'key', text('in the second'), R0)).outcome, 'stored');
      const read = await room.ask('a read', () => second.log.read(P0, S0));
      assert.deepEqual(
        read.entries.map(({ record }) => readText(record)),
        ['in the second'],
      );
      const kept = await room.ask('a get', () => connection.snapshots.get(P1, 'key'));
      assertBytes(kept?.value, text('in the first'), 'the value of the first generation');
    },
  },
  {
    name: 'generations: several nodes that open one at once find the same, and its first position is won once',
    async run(room) {
      const connections = await Promise.all([room.connect(), room.connect(), room.connect()]);
      const opened = await Promise.all(connections.map((connection) => connection.open(2)));
      const results = await Promise.all(opened.map(({ log }, i) => log.append(P0, S0, text(`node ${i}`))));
      assert.equal(results.filter(({ outcome }) => outcome === 'stored').length, 1);
      for (const { log } of opened) assert.equal((await room.ask('a read', () => log.read(P0, S0))).entries.length, 1);
    },
  },
  {
    name: 'generations: are listed as they are made, and `newest` opens the highest one',
    async run(room) {
      const fresh = await room.connect({ generation: 'newest' });
      assert.equal(fresh.generation, 1);
      assert.deepEqual(await generationsOf(room, fresh), [1]);
      await fresh.open(3);
      assert.deepEqual(await generationsOf(room, fresh), [1, 3]);
      const later = await room.connect({ generation: 'newest' });
      assert.equal(later.generation, 3);
      const other = await room.connect({ cluster: `${room.cluster}-other` });
      assert.deepEqual(await generationsOf(room, other), [1], 'those of another cluster are not listed');
    },
  },
  {
    name: 'identity: is the same for everybody and whatever is stored, and another one for another generation',
    async run(room) {
      const [one, two] = [await room.connect(), await room.connect()];
      const identity = await identityOf(room, one.log);
      assert.equal(typeof identity, 'string');
      await room.store(one, P0, S0, text('record'));
      assert.equal(await identityOf(room, one.log), identity);
      assert.equal(await identityOf(room, two.log), identity);
    },
  },
  {
    name: 'identity: stays through a restart',
    needs: ['restart'],
    async run(room) {
      const connection = await room.connect();
      const identity = await identityOf(room, connection.log);
      await room.world.restart!();
      assert.equal(await identityOf(room, connection.log), identity);
    },
  },
  {
    name: 'identity: a log that was lost and made anew under its name is another one, which sorts behind, and is empty',
    needs: ['lose'],
    async run(room) {
      const connection = await room.connect();
      await room.store(connection, P0, S0, text('lost'));
      const identity = await identityOf(room, connection.log);
      await room.world.lose!(room.cluster, 1);
      await room.until('it is missing or another one', async () => (await connection.log.identity()) !== identity);
      const again = await room.connect();
      const other = await identityOf(room, again.log);
      assert.ok(typeof other === 'string' && typeof identity === 'string' && other > identity, `${other} after ${identity}`);
      const read = await room.ask('a read', () => again.log.read(P0, S0));
      assert.deepEqual([read.entries.length, read.last], [0, 0]);
    },
  },
];
