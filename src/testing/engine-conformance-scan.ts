/** What an engine that offers a pass over many partitions' snapshots must do there. */
import assert from 'node:assert/strict';
import type { SnapshotEntry } from '../engine/port.js';
import { partition, type Partition, type Revision } from '../shared/ids.js';
import { assertBytes, ODD_NAMES, P0, P1, patterned, R0, readText, text, type EngineCase } from './engine-world.js';

const P2 = partition(2);
const WANTED: ReadonlySet<Partition> = new Set([P0, P1]);

export const SCAN_CASES: readonly EngineCase[] = [
  {
    name: 'scan: hands over every key of the partitions that are wanted, of any name and size, and of no other',
    async run(room) {
      const connection = await room.connect();
      const { snapshots } = connection;
      if (snapshots.scan === undefined) return;
      const large = patterned(connection.messageBytesMax * 2 + 77, 5);
      for (const key of ODD_NAMES) await room.put(connection, P0, key, text(`of ${key}`), R0);
      let highest: Revision = await room.put(connection, P1, 'large', large, R0);
      await room.put(connection, P2, 'not wanted', text('x'), R0);
      const gone = await room.put(connection, P1, 'gone', text('x'), R0);
      highest = gone > highest ? gone : highest;
      await snapshots.remove(P1, 'gone', gone);
      const found = new Map<string, Uint8Array>();
      const upTo = await room.ask('a scan', () => {
        found.clear();
        return snapshots.scan!(WANTED, async (of, entries) => {
          for (const { key, value } of entries) found.set(`${of} ${key}`, Uint8Array.from(value));
          return true;
        });
      });
      assert.deepEqual(new Set(found.keys()), new Set([...ODD_NAMES.map((key) => `0 ${key}`), '1 large']));
      for (const key of ODD_NAMES) assert.equal(readText(found.get(`0 ${key}`)!), `of ${key}`);
      assertBytes(found.get('1 large'), large, 'a large value');
      assert.ok(upTo >= highest, 'it is complete up to what was acknowledged before, also of what was removed since');
    },
  },
  {
    name: 'scan: waits for its taker, misses nothing that is replaced meanwhile, and ends when the taker has enough',
    async run(room) {
      const connection = await room.connect();
      const { snapshots } = connection;
      if (snapshots.scan === undefined) return;
      const revisions = new Map<string, Revision>();
      const put = async (key: string, value: string): Promise<void> => {
        revisions.set(key, await room.put(connection, P0, key, text(value), revisions.get(key) ?? R0));
      };
      for (let i = 0; i < 700; i++) await put(`key ${i}`, 'old');
      const last = new Map<string, SnapshotEntry>();
      let [taking, calls] = [false, 0];
      await room.ask('a scan', () =>
        snapshots.scan!(WANTED, async (_, entries) => {
          assert.equal(taking, false, 'one portion at a time');
          taking = true;
          if (calls++ === 0) for (const key of ['key 3', 'key 690']) await put(key, 'new');
          await room.pause(1);
          for (const entry of entries) last.set(entry.key, { ...entry, value: Uint8Array.from(entry.value) });
          taking = false;
          return true;
        }),
      );
      assert.equal(last.size, 700);
      for (const [key, { revision, value }] of last) {
        // what it has is what was there at some moment since the scan began
        const isNew = revision === revisions.get(key);
        assert.ok(isNew || ['key 3', 'key 690'].includes(key));
        assert.equal(readText(value), isNew && ['key 3', 'key 690'].includes(key) ? 'new' : 'old');
      }
      let taken = 0;
      const ended = await snapshots.scan(WANTED, async () => ++taken < 1);
      assert.deepEqual([ended, taken], [undefined, 1]);
    },
  },
];
