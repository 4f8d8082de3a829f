/**
 * `npm run sample:game-room`: a room that moves 20 times a second on one of two servers, and goes on when that server is killed.
 *
 * Invariant: it ends with code 0 only if no acknowledged tick was lost and the ticks that a spectator saw never went back.
 */
import { strict as assert } from 'node:assert';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { connect } from 'twinstate';
import { natsEngine } from 'twinstate/nats';
import { startNatsServer } from '../support/nats-server.js';
import { Room } from './room.js';

const TICKS = 80;
const nats = await startNatsServer();
const acknowledged = { tick: 0, bytes: 0, count: 0 };
const start = (name: string) => fork(fileURLToPath(new URL('server.js', import.meta.url)), [nats.url, name]);
const servers = { alpha: start('alpha'), beta: start('beta') };
for (const server of Object.values(servers)) {
  server.on('message', ({ tick = 0, bytes = 0 }: { tick?: number; bytes?: number }) => {
    acknowledged.tick = Math.max(acknowledged.tick, tick);
    acknowledged.bytes += bytes;
    acknowledged.count += Math.sign(tick);
  });
}
await Promise.all(Object.values(servers).map((server) => once(server, 'message')));
// a spectator holds nothing; it only looks
const store = await connect({ sessions: [Room], engine: natsEngine({ servers: nats.url }), cluster: 'arcade', role: 'client' });
try {
  let victim: string | undefined;
  let until = 0;
  let last = { tick: 0, server: '', atMs: 0 };
  for await (const _ of store.watch(Room, 'room-1')) {
    const room = (await store.open(Room, 'room-1'))!;
    assert(room.tick >= last.tick, 'ticks never go back');
    if (victim !== undefined && last.server === victim && room.server !== victim) {
      console.log(`${room.server} plays on after ${Date.now() - last.atMs} ms, at tick ${room.tick}\n`);
    }
    if (Math.floor(room.tick / 40) > Math.floor(last.tick / 40)) console.log(`${String(room)}\n`);
    last = { tick: room.tick, server: room.server, atMs: Date.now() };
    until ||= room.tick + TICKS;
    if (room.tick < until) continue;
    if (victim !== undefined) break;
    until = room.tick + TICKS;
    victim = room.server;
    const killed = servers[victim as keyof typeof servers];
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    const { tick } = acknowledged;
    assert((await store.open(Room, 'room-1', { consistency: 'strong' }))!.tick >= tick, 'no acknowledged tick is lost');
    console.log(`kill -9 ${victim}, which was playing; its last acknowledged tick, ${tick}, is there`);
  }
  assert(victim !== undefined && last.server !== victim, 'the other server plays on');
  console.log(
    `${last.tick} ticks, ${(acknowledged.bytes / acknowledged.count).toFixed(1)} bytes each; no acknowledged tick was lost.`,
  );
} finally {
  for (const server of Object.values(servers)) server.kill('SIGKILL');
  await store.close();
  await nats.stop();
}
