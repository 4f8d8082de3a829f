/**
 * A game server: `server.js NATS-ADDRESS NAME`. It plays while nobody else does: who sees the room stand still takes it over, and who
 * finds that somebody else has moved it goes back to watching.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, TwinstateError } from 'twinstate';
import { natsEngine } from 'twinstate/nats';
import { Room } from './room.js';

const [servers, nodeId] = process.argv.slice(2) as [string, string];
const TICK_MS = 50;
const STILL_MS = 3 * TICK_MS;

const store = await connect({ sessions: [Room], engine: natsEngine({ servers }), cluster: 'arcade', nodeId, backups: 1 });
process.on('disconnect', () => process.exit(0));
// whoever waits for this server finds a room
await store.update(Room, 'room-1', () => {}, { create: {} });
process.send?.({ joined: nodeId });

for (;;) {
  try {
    const room = (await store.open(Room, 'room-1'))!;
    const { tick } = room;
    await sleep(STILL_MS);
    await store.refresh(room);
    if (room.tick === tick) await play(room);
  } catch (error) {
    // somebody else plays, or nobody can be reached: what was not acknowledged did not happen
    if (!(error instanceof TwinstateError)) throw error;
    await sleep(TICK_MS);
  }
}

async function play(room: Room): Promise<never> {
  for (let nextMs = Date.now(); ; await sleep(Math.max(0, nextMs - Date.now()))) {
    nextMs += TICK_MS;
    room.step(nodeId);
    const { bytes } = await store.commit(room);
    process.send?.({ tick: room.tick, bytes });
  }
}
