/** What every engine's snapshots must do. */
import assert from 'node:assert/strict';
import type { EngineConnection } from '../engine/port.js';
import { partition, revision, type Revision } from '../shared/ids.js';
import {
  assertBytes,
  ODD_NAMES,
  P0,
  P1,
  patterned,
  R0,
  readText,
  text,
  type ConformanceRoom,
  type EngineCase,
} from './engine-world.js';

async function listed(
  room: ConformanceRoom,
  connection: EngineConnection,
  of = P0,
): Promise<{ found: Map<string, string>; highest: Revision }> {
  const { entries, highest } = await room.ask('a listing', () => connection.snapshots.list(of));
  const found = new Map(entries.map(({ key, value }) => [key, readText(value)]));
  assert.equal(found.size, entries.length, 'a key was listed twice');
  for (const entry of entries) assert.ok(entry.revision <= highest, 'a revision lies above the highest');
  return { found, highest };
}

export const SNAPSHOT_CASES: readonly EngineCase[] = [
  {
    name: 'snapshots: a value is stored only if its revision is the expected one',
    async run(room) {
      const connection = await room.connect();
      const { snapshots } = connection;
      assert.equal(await snapshots.get(P0, 'key'), null);
      assert.deepEqual(await snapshots.put(P0, 'key', text('too early'), revision(1)), { outcome: 'refused' });
      const first = await room.put(connection, P0, 'key', text('one'), R0);
      assert.deepEqual(await snapshots.put(P0, 'key', text('as if absent'), R0), { outcome: 'refused' });
      const second = await room.put(connection, P0, 'key', text('two'), first);
      assert.ok(second > first);
      assert.deepEqual(await snapshots.put(P0, 'key', text('late'), first), { outcome: 'refused' });
      const entry = await room.ask('a get', () => snapshots.get(P0, 'key'));
      assert.equal(entry!.key, 'key');
      assert.equal(entry!.revision, second);
      assert.equal(readText(entry!.value), 'two');
    },
  },
  {
    name: 'snapshots: of many that race for a key one wins, each time',
    async run(room) {
      const connections = await Promise.all([room.connect(), room.connect()]);
      let expected = R0;
      for (let round = 0; round < 10; round++) {
        const results = await Promise.all(
          [0, 1, 2, 3, 4, 5].map((i) => connections[i % 2]!.snapshots.put(P0, 'contested', text(`${round}.${i}`), expected)),
        );
        const winners = results.flatMap((result, i) => (result.outcome === 'stored' ? [{ i, revision: result.revision }] : []));
        assert.equal(winners.length, 1);
        assert.equal(results.filter(({ outcome }) => outcome === 'refused').length, 5);
        const entry = await room.ask('a get', () => connections[0].snapshots.get(P0, 'contested'));
        assert.equal(readText(entry!.value), `${round}.${winners[0]!.i}`);
        assert.equal(entry!.revision, winners[0]!.revision);
        expected = entry!.revision;
      }
    },
  },
  {
    name: "snapshots: a listing holds every key of its partition, the latest value of each, and no other partition's",
    async run(room) {
      const connection = await room.connect();
      const { snapshots } = connection;
      assert.deepEqual((await listed(room, connection)).found, new Map());
      const keys = Array.from({ length: 120 }, (_, i) => `key ${i}`);
      const revisions = await Promise.all(keys.map((key) => room.put(connection, P0, key, text(`old ${key}`), R0)));
      await room.put(connection, P1, 'key 1', text('of another partition'), R0);
      await room.put(connection, undefined, 'key 1', text("the cluster's own"), R0);
      await room.put(connection, partition(10), 'key 1', text('of a partition with a longer number'), R0);
      const newer = await room.put(connection, P0, 'key 7', text('new'), revisions[7]!);
      const { found, highest } = await listed(room, connection);
      assert.deepEqual([...found.keys()].toSorted(), [...keys].toSorted());
      assert.equal(found.get('key 7'), 'new');
      assert.equal(found.get('key 8'), 'old key 8');
      assert.ok(highest >= newer);
      assert.equal(readText((await snapshots.get(undefined, 'key 1'))!.value), "the cluster's own");
    },
  },
  {
    name: 'snapshots: a key is removed only at the expected revision, is absent then, and may be stored anew',
    async run(room) {
      const connection = await room.connect();
      const { snapshots } = connection;
      const first = await room.put(connection, P0, 'key', text('one'), R0);
      const other = await room.put(connection, P0, 'other', text('stays'), R0);
      const second = await room.put(connection, P0, 'key', text('two'), first);
      await snapshots.remove(P0, 'key', first);
      assert.equal((await snapshots.get(P0, 'key'))?.revision, second);
      // a revision of another key is not this key's
      await snapshots.remove(P0, 'key', other);
      assert.equal((await snapshots.get(P0, 'other'))?.revision, other);
      await snapshots.remove(P0, 'key', second);
      assert.equal(await snapshots.get(P0, 'key'), null);
      const { found, highest } = await listed(room, connection);
      assert.deepEqual([...found.keys()], ['other']);
      assert.ok(highest >= second, 'the highest revision went back when its key was removed');
      assert.deepEqual(await snapshots.put(P0, 'key', text('late'), second), { outcome: 'refused' });
      assert.ok((await room.put(connection, P0, 'key', text('three'), R0)) > second);
    },
  },
  {
    name: 'snapshots: values of any size are stored whole, and large and small ones replace each other',
    async run(room) {
      const connection = await room.connect();
      const max = connection.messageBytesMax;
      let at = R0;
      for (const size of [0, max - 1, max, max + 1, 3 * max + 5, 2 * max, 3, 2 * max]) {
        const value = patterned(size, size);
        at = await room.put(connection, P0, 'key', value, at);
        const entry = await room.ask('a get', () => connection.snapshots.get(P0, 'key'));
        assert.equal(entry!.revision, at);
        assertBytes(entry!.value, value, `the value of ${size} bytes`);
        const { entries } = await room.ask('a listing', () => connection.snapshots.list(P0));
        assert.equal(entries.length, 1);
        assertBytes(entries[0]!.value, value, `the listed value of ${size} bytes`);
      }
      const late = await connection.snapshots.put(P0, 'key', patterned(2 * max, 1), R0);
      assert.deepEqual(late, { outcome: 'refused' });
      await connection.snapshots.remove(P0, 'key', at);
      assert.equal(await connection.snapshots.get(P0, 'key'), null);
    },
  },
  {
    name: 'snapshots: a large value that is replaced while others read it is read whole, old or new',
    async run(room) {
      const [writer, reader] = [await room.connect(), await room.connect()];
      const size = writer.messageBytesMax * 2;
      let at = await room.put(writer, P0, 'key', patterned(size, 0), R0);
      let writing = true;
      const reads = (async () => {
        let count = 0;
        for (; writing; count++) {
          const entry = await reader.snapshots.get(P0, 'key');
          if (entry === undefined) continue;
          const seed = entry!.value[0] === patterned(1, 0)[0] ? 0 : 1;
          assertBytes(entry!.value, patterned(size, seed), 'the value');
        }
        return count;
      })();
      try {
        for (let i = 1; i <= 12; i++) at = await room.put(writer, P0, 'key', patterned(size, i % 2), at);
      } finally {
        writing = false;
      }
      assert.ok((await reads) > 0);
    },
  },
  {
    name: 'snapshots: keys may hold any characters, and similar keys are different keys',
    async run(room) {
      const connection = await room.connect();
      for (const key of ODD_NAMES) await room.put(connection, P0, key, text(`value of ${key}`), R0);
      for (const key of ODD_NAMES) {
        const entry = await room.ask('a get', () => connection.snapshots.get(P0, key));
        assert.equal(entry!.key, key);
        assert.equal(readText(entry!.value), `value of ${key}`);
      }
      const { found } = await listed(room, connection);
      assert.deepEqual([...found.keys()].toSorted(), [...ODD_NAMES].toSorted());
    },
  },
  {
    name: 'snapshots: where nobody answers, a put is unknown and a read is undefined',
    needs: ['cut'],
    async run(room) {
      const node = room.node();
      const connection = await room.connect({ node });
      const at = await room.put(connection, P0, 'key', text('one'), R0);
      const mend = await room.world.cut!([node]);
      try {
        const [put, get, list] = await Promise.all([
          connection.snapshots.put(P0, 'key', text('two'), at),
          connection.snapshots.get(P0, 'key'),
          connection.snapshots.list(P0),
        ]);
        assert.equal(put.outcome, 'unknown');
        assert.equal(get, undefined);
        assert.equal(list, undefined);
      } finally {
        await mend();
      }
      const entry = await room.ask('a get', () => connection.snapshots.get(P0, 'key'));
      assert.ok(['one', 'two'].includes(readText(entry!.value)));
    },
  },
  {
    name: 'snapshots: a restart keeps them and their revisions',
    needs: ['restart'],
    async run(room) {
      const connection = await room.connect();
      const at = await room.put(connection, P0, 'key', text('one'), R0);
      await room.world.restart!();
      const entry = await room.ask('a get', () => connection.snapshots.get(P0, 'key'));
      assert.equal(entry!.revision, at);
      await room.until(
        'it can be replaced',
        async () => (await connection.snapshots.put(P0, 'key', text('two'), at)).outcome !== 'unknown',
      );
      assert.ok((await listed(room, connection)).highest > at);
    },
  },
];
