/** What every engine's connections must do. */
import assert from 'node:assert/strict';
import type { LogEntry } from '../engine/port.js';
import { assertRejects, ODD_NAMES, P0, R0, readText, S0, text, type EngineCase } from './engine-world.js';

export const CONNECTION_CASES: readonly EngineCase[] = [
  {
    name: 'connection: what is stored outlives the connections that stored it',
    async run(room) {
      const first = await room.connect();
      await room.store(first, P0, S0, text('record'));
      await room.put(first, P0, 'key', text('value'), R0);
      await first.close();
      const second = await room.connect();
      assert.equal((await room.readAll(second, P0)).length, 1);
      assert.equal(readText((await second.snapshots.get(P0, 'key'))!.value), 'value');
    },
  },
  {
    name: 'connection: after close everything rejects with CLOSED and nothing is heard; closing twice is harmless',
    async run(room) {
      const [open, closing] = [await room.connect(), await room.connect()];
      const heard: LogEntry[] = [];
      closing.log.follow(P0, S0, (entry) => heard.push(entry));
      closing.bus.hear(() => assert.fail('an announcement was heard after close'));
      await room.store(open, P0, S0, text('first'));
      await room.until('the first was heard', () => heard.length === 1);
      // nobody answers this one: it is under way when the connection is closed
      const node = room.node();
      const silent = await room.connect({ node });
      silent.bus.serve(() => undefined);
      await room.until('it serves', async () => (await open.bus.request(node, text('?'), 20)).outcome === 'unknown');
      const underWay = closing.bus.request(node, text('?'), 60_000);
      const rejected = assertRejects(underWay, 'CLOSED', 'a request under way');
      await closing.close();
      await closing.close();
      await rejected;
      await assertRejects(closing.log.append(P0, S0, text('late')), 'CLOSED', 'append');
      await assertRejects(closing.log.read(P0, S0), 'CLOSED', 'read');
      await assertRejects(closing.log.trim(P0, S0), 'CLOSED', 'trim');
      await assertRejects(closing.snapshots.put(P0, 'key', text('late'), R0), 'CLOSED', 'put');
      await assertRejects(closing.snapshots.get(P0, 'key'), 'CLOSED', 'get');
      await assertRejects(closing.snapshots.list(P0), 'CLOSED', 'list');
      await assertRejects(closing.snapshots.remove(P0, 'key', R0), 'CLOSED', 'remove');
      await assertRejects(closing.bus.request(node, text('?'), 100), 'CLOSED', 'request');
      closing.bus.tell(node, text('lost'));
      closing.bus.announce(text('lost'));
      closing.log.follow(P0, S0, (entry) => heard.push(entry)).stop();
      closing.log.follow(P0, S0, (entry) => heard.push(entry));
      closing.bus.serve(() => undefined).stop();
      closing.bus.hear(() => undefined).stop();
      assert.equal(closing.link.up, false);
      open.bus.announce(text('somebody has left'));
      const entries = await room.readAll(open, P0);
      await room.store(open, P0, entries.at(-1)!.sequence, text('second'));
      await room.pause(100);
      assert.equal(heard.length, 1);
    },
  },
  {
    name: 'connection: connecting can be aborted, before and while it goes on',
    async run(room) {
      const before = AbortSignal.abort();
      await assertRejects(room.connect({ signal: before }), 'ABORTED', 'connecting with an aborted signal');
      const controller = new AbortController();
      const connecting = room.connect({ signal: controller.signal });
      controller.abort();
      await assertRejects(connecting, 'ABORTED', 'connecting while it is aborted');
    },
  },
  {
    name: 'connection: two clusters see nothing of each other, and a cluster may have any name',
    async run(room) {
      const names = ODD_NAMES.map((name) => `${name}${room.cluster.slice(-4)}`);
      const connections = await Promise.all(names.map((cluster) => room.connect({ cluster })));
      const heard: string[] = [];
      connections[1]!.bus.hear((body) => heard.push(readText(body)));
      for (const [i, connection] of connections.entries()) {
        await room.store(connection, P0, S0, text(`record of ${names[i]}`));
        await room.put(connection, P0, 'key', text(`value of ${names[i]}`), R0);
        connection.bus.announce(text(`from ${names[i]}`));
      }
      for (const [i, connection] of connections.entries()) {
        const entries = await room.readAll(connection, P0);
        assert.deepEqual(
          entries.map(({ record }) => readText(record)),
          [`record of ${names[i]}`],
        );
        assert.equal(readText((await connection.snapshots.get(P0, 'key'))!.value), `value of ${names[i]}`);
      }
      assert.ok(heard.every((body) => body === `from ${names[1]}`));
    },
  },
  {
    name: 'connection: two generations share neither log nor snapshots, and late writes to the old one meet nothing',
    async run(room) {
      const [old, next] = [await room.connect({ generation: 1 }), await room.connect({ generation: 2 })];
      const first = await room.store(old, P0, S0, text('old'));
      await room.put(old, P0, 'key', text('old'), R0);
      assert.deepEqual(await room.readAll(next, P0), []);
      assert.equal(await next.snapshots.get(P0, 'key'), null);
      await room.store(next, P0, S0, text('new'));
      await room.store(old, P0, first, text('late'));
      assert.deepEqual(
        (await room.readAll(next, P0)).map(({ record }) => readText(record)),
        ['new'],
      );
    },
  },
  {
    name: 'connection: the link says that it stands, and since when',
    async run(room) {
      const connection = await room.connect();
      assert.equal(connection.link.up, true);
      assert.ok(connection.link.sinceMs <= room.world.clock.now());
      assert.ok(connection.messageBytesMax >= 512);
    },
  },
  {
    name: 'connection: a restart shows in the link, which comes back by itself',
    needs: ['restart'],
    async run(room) {
      const connection = await room.connect();
      const { sinceMs } = connection.link;
      await room.world.restart!();
      await room.until('the link is back', () => connection.link.up && connection.link.sinceMs > sinceMs);
      const again = await room.occupy(connection, P0, S0, text('after'));
      assert.equal(readText(again.record), 'after');
    },
  },
];
