/** What every engine's log must do. */
import assert from 'node:assert/strict';
import type { EngineConnection, LogEntry } from '../engine/port.js';
import { partition, sequence, type Sequence } from '../shared/ids.js';
import { assertBytes, P0, P1, patterned, readText, S0, text, type ConformanceRoom, type EngineCase } from './engine-world.js';

const texts = (entries: readonly LogEntry[]): string[] => entries.map(({ record }) => readText(record));

/** Appends `count` numbered records. @returns their sequences */
async function fill(
  room: ConformanceRoom,
  connection: EngineConnection,
  count: number,
  of = P0,
  after = S0,
): Promise<Sequence[]> {
  const sequences: Sequence[] = [];
  for (let i = 0; i < count; i++) {
    sequences.push(await room.store(connection, of, sequences.at(-1) ?? after, text(`record ${i}`)));
  }
  return sequences;
}

export const LOG_CASES: readonly EngineCase[] = [
  {
    name: 'log: an append is stored at the expected position and refused at any other',
    async run(room) {
      const { log } = await room.connect();
      const first = await log.append(P0, S0, text('first'));
      assert.equal(first.outcome, 'stored');
      const at = (first as { sequence: Sequence }).sequence;
      assert.ok(at > 0);
      assert.deepEqual(await log.append(P0, S0, text('again at 0')), { outcome: 'refused', reason: 'position' });
      assert.deepEqual(await log.append(P0, sequence(at + 7), text('ahead')), { outcome: 'refused', reason: 'position' });
      const second = await log.append(P0, at, text('second'));
      assert.equal(second.outcome, 'stored');
      assert.ok((second as { sequence: Sequence }).sequence > at);
      assert.deepEqual(await log.append(P0, at, text('behind')), { outcome: 'refused', reason: 'position' });
    },
  },
  {
    name: 'log: of many writers that race for a position one wins, and the log holds the winners and nothing else',
    async run(room) {
      const connections = await Promise.all([room.connect(), room.connect(), room.connect()]);
      const won = new Map<Sequence, string>();
      const write = async (connection: EngineConnection, name: string): Promise<void> => {
        // a race has an end also where nobody wins
        for (let i = 0; won.size < 60 && i < 1000; i++) {
          const { last } = await room.ask('a read', () => connection.log.read(P0, S0, { bytesMax: 1 }));
          const record = `${name} ${i}`;
          const result = await connection.log.append(P0, last, text(record));
          assert.notEqual(result.outcome, 'unknown');
          if (result.outcome !== 'stored') continue;
          assert.ok(!won.has(result.sequence), `two appends won ${result.sequence}`);
          won.set(result.sequence, record);
        }
      };
      await Promise.all(connections.flatMap((connection, c) => [0, 1, 2, 3].map((w) => write(connection, `writer ${c}.${w}`))));
      const entries = await room.readAll(connections[0], P0);
      assert.deepEqual(
        entries.map((entry) => [entry.sequence, readText(entry.record)]),
        [...won].toSorted(([a], [b]) => a - b),
      );
    },
  },
  {
    name: 'log: appends to many partitions may be under way at once, and partitions do not mix',
    async run(room) {
      const connection = await room.connect();
      const partitions = Array.from({ length: 16 }, (_, i) => partition(i));
      await Promise.all(
        partitions.map(async (of) => {
          let last = S0;
          for (let i = 0; i < 5; i++) last = await room.store(connection, of, last, text(`${of}.${i}`));
        }),
      );
      for (const of of partitions) {
        const entries = await room.readAll(connection, of);
        assert.deepEqual(
          texts(entries),
          [0, 1, 2, 3, 4].map((i) => `${of}.${i}`),
        );
        entries.forEach(({ sequence: at }, i) => assert.ok(i === 0 || at > entries[i - 1]!.sequence));
      }
    },
  },
  {
    name: 'log: a read returns what lies behind a position, in pages, up to the last record',
    async run(room) {
      const connection = await room.connect();
      const { log } = connection;
      assert.deepEqual(await log.read(P0, S0), { entries: [], last: S0, truncated: false });
      const sequences = await fill(room, connection, 150);
      await room.store(connection, P1, S0, text('another partition'));
      const last = sequences.at(-1)!;
      const whole = await room.ask('a read', () => log.read(P0, S0));
      assert.equal(whole.truncated, false);
      assert.equal(whole.last, last);
      assert.deepEqual(
        whole.entries.map((entry) => entry.sequence),
        sequences,
      );
      assert.equal(readText(whole.entries[149]!.record), 'record 149');

      const rest = await room.ask('a read', () => log.read(P0, sequences[146]!));
      assert.deepEqual(texts(rest.entries), ['record 147', 'record 148', 'record 149']);
      const nothing = await room.ask('a read', () => log.read(P0, last));
      assert.deepEqual(nothing, { entries: [], last, truncated: false });

      const page = await room.ask('a read', () => log.read(P0, S0, { bytesMax: 500 }));
      assert.equal(page.truncated, true);
      assert.equal(page.last, last);
      assert.ok(page.entries.length > 0 && page.entries.length < 100);
      const one = await room.ask('a read', () => log.read(P0, sequences[9]!, { bytesMax: 1 }));
      assert.deepEqual(texts(one.entries), ['record 10']);
      assert.equal(one.truncated, true);
    },
  },
  {
    name: 'log: a follower hears every record behind its position once and in order, old ones and new ones',
    async run(room) {
      const [writer, reader] = [await room.connect(), await room.connect()];
      const fromStart: LogEntry[] = [];
      const fromMiddle: LogEntry[] = [];
      reader.log.follow(P0, S0, (entry) => fromStart.push(entry));
      const sequences = await fill(room, writer, 20);
      reader.log.follow(P0, sequences[9]!, (entry) => fromMiddle.push(entry));
      sequences.push(...(await fill(room, writer, 20, P0, sequences.at(-1))));
      await room.until('both followers have heard the last', () => fromStart.length >= 40 && fromMiddle.length >= 30);
      await room.pause(50);
      assert.deepEqual(
        fromStart.map((entry) => entry.sequence),
        sequences,
      );
      assert.deepEqual(
        fromMiddle.map((entry) => entry.sequence),
        sequences.slice(10),
      );
      assert.equal(readText(fromStart[19]!.record), 'record 19');
    },
  },
  {
    name: 'log: a follower hears nothing after it was stopped, not even from within its own listener',
    async run(room) {
      const connection = await room.connect();
      const heard: Sequence[] = [];
      const sequences = await fill(room, connection, 10);
      const subscription = connection.log.follow(P0, S0, (entry) => {
        heard.push(entry.sequence);
        if (heard.length === 3) subscription.stop();
      });
      await room.until('three records were heard', () => heard.length >= 3);
      await room.store(connection, P0, sequences.at(-1)!, text('later'));
      await room.pause(100);
      assert.deepEqual(heard, sequences.slice(0, 3));
      subscription.stop();
    },
  },
  {
    name: 'log: a trim forgets what is old and keeps what is later, for readers and followers',
    async run(room) {
      const connection = await room.connect();
      const sequences = await fill(room, connection, 10);
      await room.store(connection, P1, S0, text('not concerned'));
      await connection.log.trim(P0, sequences[5]!);
      assert.deepEqual(texts(await room.readAll(connection, P0)), ['record 6', 'record 7', 'record 8', 'record 9']);
      assert.equal((await room.readAll(connection, P1)).length, 1);
      const heard: LogEntry[] = [];
      connection.log.follow(P0, S0, (entry) => heard.push(entry));
      await room.until('the follower has heard what is left', () => heard.length >= 4);
      assert.deepEqual(texts(heard), ['record 6', 'record 7', 'record 8', 'record 9']);
      assert.ok((await room.store(connection, P0, sequences.at(-1)!, text('on'))) > sequences.at(-1)!);
    },
  },
  {
    name: 'log: an emptied partition expects 0 again, and its sequences go on rising',
    async run(room) {
      const connection = await room.connect();
      const sequences = await fill(room, connection, 3);
      const heard: Sequence[] = [];
      connection.log.follow(P0, S0, (entry) => heard.push(entry.sequence));
      await connection.log.trim(P0, sequences.at(-1)!);
      assert.deepEqual(await room.ask('a read', () => connection.log.read(P0, S0)), { entries: [], last: S0, truncated: false });
      const refused = await connection.log.append(P0, sequences.at(-1)!, text('at the old position'));
      assert.equal(refused.outcome, 'refused');
      const next = await room.store(connection, P0, S0, text('from 0'));
      assert.ok(next > sequences.at(-1)!);
      await room.until('the follower goes on', () => heard.at(-1) === next);
    },
  },
  {
    name: 'log: records of any size are stored, read and followed whole, in order with small ones',
    async run(room) {
      const connection = await room.connect();
      const max = connection.messageBytesMax;
      const sizes = [0, 1, max - 1, max, max + 1, 7, 3 * max + 11, 2 * max, 5];
      const records = sizes.map((size, i) => patterned(size, i));
      const heard: LogEntry[] = [];
      connection.log.follow(P0, S0, (entry) => heard.push(entry));
      const sequences: Sequence[] = [];
      for (const record of records) sequences.push(await room.store(connection, P0, sequences.at(-1) ?? S0, record));
      const again = await connection.log.append(P0, sequences[5]!, records[6]!);
      assert.deepEqual(again, { outcome: 'refused', reason: 'position' });
      const entries = await room.readAll(connection, P0);
      await room.until('the follower has heard all', () => heard.length >= records.length);
      for (const [i, record] of records.entries()) {
        assert.equal(entries[i]!.sequence, sequences[i]);
        assertBytes(entries[i]!.record, record, `the record of ${sizes[i]} bytes that was read`);
        assert.equal(heard[i]!.sequence, sequences[i]);
        assertBytes(heard[i]!.record, record, `the record of ${sizes[i]} bytes that was followed`);
      }
    },
  },
  {
    name: 'log: a read while the log is trimmed misses nothing between what it has and the end',
    async run(room) {
      const [{ log }, trimmer] = [await room.connect(), await room.connect()];
      const sequences = await fill(room, trimmer, 60);
      for (let upTo = 4; upTo < 52; upTo += 4) {
        const [read] = await Promise.all([room.ask('a read', () => log.read(P0, S0)), trimmer.log.trim(P0, sequences[upTo]!)]);
        const found = read.entries.map((entry) => entry.sequence);
        assert.deepEqual(found, sequences.slice(sequences.length - found.length));
        assert.ok(found.length >= sequences.length - upTo - 1);
      }
    },
  },
  {
    name: 'log: a trim just before a large record leaves it whole',
    async run(room) {
      const connection = await room.connect();
      const large = patterned(connection.messageBytesMax * 2, 1);
      const first = await room.store(connection, P0, S0, large);
      const second = await room.store(connection, P0, first, large);
      await room.store(connection, P1, S0, text('between'));
      await connection.log.trim(P0, first);
      // a position that is no record's, right before the record
      await connection.log.trim(P0, sequence(second - 1));
      const entries = await room.readAll(connection, P0);
      assert.equal(entries.length, 1);
      assertBytes(entries[0]!.record, large, 'the large record that stays');
    },
  },
  {
    name: "log: the caller's buffer is its own again as soon as the call returned",
    async run(room) {
      const connection = await room.connect();
      const small = text('before');
      const large = patterned(connection.messageBytesMax * 2, 3);
      const kept = new Uint8Array(large);
      const appends = [connection.log.append(P0, S0, small), connection.log.append(P1, S0, large)];
      small.fill(0);
      large.fill(0);
      assert.ok((await Promise.all(appends)).every(({ outcome }) => outcome === 'stored'));
      assert.deepEqual(texts(await room.readAll(connection, P0)), ['before']);
      assertBytes((await room.readAll(connection, P1))[0]?.record, kept, 'the large record');
    },
  },
  {
    name: 'log: a full log refuses and forgets nothing; a trim makes room',
    needs: ['limitsLog'],
    async run(room) {
      const connection = await room.connect({ engine: room.world.engine({ logBytesMax: 64 * 1024 }) });
      const sequences: Sequence[] = [];
      const record = patterned(4096, 1);
      let refusal;
      for (let i = 0; i < 32 && refusal === undefined; i++) {
        const result = await connection.log.append(P0, sequences.at(-1) ?? S0, record);
        if (result.outcome === 'stored') sequences.push(result.sequence);
        else refusal = result;
      }
      assert.deepEqual(refusal, { outcome: 'refused', reason: 'full' });
      assert.ok(sequences.length > 5);
      assert.equal((await room.readAll(connection, P0)).length, sequences.length);
      await connection.log.trim(P0, sequences[4]!);
      await room.store(connection, P0, sequences.at(-1)!, record);
    },
  },
  {
    name: 'log: what is unknown is resent at its position until that is occupied, and stands in the log once',
    needs: ['cut'],
    async run(room) {
      const node = room.node();
      const connection = await room.connect({ node });
      const first = await room.store(connection, P0, S0, text('before'));
      const mend = await room.world.cut!([node]);
      try {
        const result = await connection.log.append(P0, first, text('unknown'));
        assert.equal(result.outcome, 'unknown');
        assert.ok((result as { reason: string }).reason.length > 0);
        assert.equal(await connection.log.read(P0, S0), undefined);
      } finally {
        await mend();
      }
      const second = await room.occupy(connection, P0, first, text('unknown'));
      assert.equal(readText(second.record), 'unknown');
      await room.store(connection, P0, second.sequence, text('after'));
      assert.deepEqual(texts(await room.readAll(connection, P0)), ['before', 'unknown', 'after']);
    },
  },
  {
    name: 'log: a follower that was cut off goes on behind what it has heard',
    needs: ['cut'],
    async run(room) {
      const [reader, node] = [room.node(), room.node()];
      const following = await room.connect({ node: reader });
      const writer = await room.connect({ node });
      const heard: string[] = [];
      following.log.follow(P0, S0, (entry) => heard.push(readText(entry.record)));
      let last = await room.store(writer, P0, S0, text('0'));
      await room.until('the first was heard', () => heard.length === 1);
      const mend = await room.world.cut!([reader]);
      // where the cut concerns everybody, this is stored only when it has been mended
      const during = room.occupy(writer, P0, last, text('1'));
      await room.pause(200);
      await mend();
      last = (await during).sequence;
      for (let i = 2; i < 10; i++) last = (await room.occupy(writer, P0, last, text(String(i)))).sequence;
      await room.until('all were heard', () => heard.length >= 10);
      assert.deepEqual(heard, ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    },
  },
  {
    name: 'log: a restart keeps the records, and followers and writers go on',
    needs: ['restart'],
    async run(room) {
      const connection = await room.connect();
      const large = patterned(connection.messageBytesMax * 2, 5);
      const sequences = await fill(room, connection, 5);
      const heard: LogEntry[] = [];
      connection.log.follow(P0, S0, (entry) => heard.push(entry));
      await room.until('five were heard', () => heard.length === 5);
      await room.world.restart!();
      let last = (await room.occupy(connection, P0, sequences.at(-1)!, large)).sequence;
      for (let i = 6; i < 10; i++) last = (await room.occupy(connection, P0, last, text(`record ${i}`))).sequence;
      await room.until('all were heard', () => heard.length >= 10);
      const entries = await room.readAll(connection, P0);
      assert.deepEqual(
        entries.map((entry) => entry.sequence),
        heard.map((entry) => entry.sequence),
      );
      assertBytes(heard[5]!.record, large, 'the large record');
      assert.equal(readText(heard[9]!.record), 'record 9');
    },
  },
];
