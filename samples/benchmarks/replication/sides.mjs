/**
 * The sides of `bench:replication`. Each holds the same sessions, changes one scalar of one (`updatedAt`), and resolves once its
 * own promise of safety is given. `inFlight` is how many changes it is given at once.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectNats, headers } from 'nats';
import { connect } from '../../../dist/src/index.js';
import { natsEngine } from '../../../dist/src/engine/nats/index.js';
import { cartOf } from './cart.mjs';

const T0 = 1_790_000_200_000;
/** Until partitions rest with their nodes. */
const SHARED_OUT_MS = 4_000;
/** A replica that does not hold a change within so long has failed. */
const REPLICA_MS_MAX = 10_000;

export async function twinstate(servers, size, { sessions, inFlight, partitions }, diff) {
  const name = `twinstate (${diff === 'tracked' ? "diff: 'tracked', asked for" : 'graph, the default'}), NATS JetStream, one backup`;
  const { type, make, plain } = cartOf(size, diff);
  const cluster = `bench-${size}-${Math.random().toString(36).slice(2, 8)}`;
  const more = partitions === undefined ? {} : { partitions };
  const store = await connect({
    sessions: [type],
    engine: natsEngine({ servers }),
    cluster,
    nodeId: 'primary',
    backups: 1,
    ...more,
  });
  const backup = fork(new URL('./backup.mjs', import.meta.url), [JSON.stringify({ servers, cluster, partitions })]);
  await once(backup, 'message');
  // the other node takes its share of the partitions; a new session goes where this process leads, as with sticky requests
  await sleep(SHARED_OUT_MS);
  const carts = [];
  for (let i = 0; i < sessions; i += 50) {
    const some = Array.from({ length: Math.min(50, sessions - i) }, () => store.create(make()));
    carts.push(...(await Promise.all(some)));
  }
  const commit = (i) => {
    const cart = carts[i % sessions];
    cart.updatedAt = T0 + i;
    return store.commit(cart);
  };
  // the first comparisons of an instance lay out its nodes: that is part of creating it
  let warm = 0;
  const warmUp = async () => {
    while (warm < sessions * 3) await commit(warm++);
  };
  await Promise.all(Array.from({ length: 64 }, warmUp));
  return {
    name,
    inFlight,
    jsonBytes: JSON.stringify(plain()).length,
    /** What the streams of this cluster's log hold, by the server's own count. */
    logBytes: () => bytesOf(servers, cluster),
    commit,
    async close() {
      const exited = once(backup, 'exit');
      backup.disconnect();
      await exited;
      await store.close();
    },
  };
}

async function bytesOf(servers, cluster) {
  const connection = await connectNats({ servers });
  let bytes = 0;
  for await (const { config, state } of (await connection.jetstreamManager()).streams.list()) {
    if (config.name.includes(cluster) && !config.name.startsWith('KV_')) bytes += state.bytes;
  }
  await connection.close();
  return bytes;
}

/** A client that is not connected again where Redis closes it: what it was asked for then rejects, and its side has failed. */
async function redisClient(url) {
  const { createClient } = await import('redis');
  const client = createClient({ url, socket: { reconnectStrategy: false } });
  // told by the command that fails for it
  client.on('error', () => undefined);
  return client.connect();
}

/** Redis, as one would do it by hand: the whole state as JSON, `SET`, and `WAIT 1` on the same connection. */
export async function redisWait(url, size, { sessions }, connections) {
  const { plain } = cartOf(size);
  const clients = await Promise.all(Array.from({ length: connections }, () => redisClient(url)));
  const states = Array.from({ length: sessions }, plain);
  return {
    name: `Redis, SET of the whole + WAIT 1, ${connections} connections`,
    inFlight: connections,
    jsonBytes: JSON.stringify(plain()).length,
    async commit(i) {
      const state = states[i % sessions];
      state.updatedAt = T0 + i;
      const client = clients[i % connections];
      const set = client.set(`cart:${i % sessions}`, JSON.stringify(state));
      const [held] = await Promise.all([client.wait(1, REPLICA_MS_MAX), set]);
      if (held < 1) throw new Error('no replica holds it');
    },
    async close() {
      for (const client of clients) if (client.isOpen) client.destroy();
    },
  };
}

/** connect-redis, as express-session calls it: no replica is waited for. */
export async function connectRedis(url, size, { sessions, inFlight }) {
  const { RedisStore } = await import('connect-redis');
  const { plain } = cartOf(size);
  const client = await redisClient(url);
  const store = new RedisStore({ client, ttl: 3600 });
  const states = Array.from({ length: sessions }, () => ({ cookie: { originalMaxAge: 3_600_000 }, ...plain() }));
  return {
    name: 'connect-redis set (no replica waited for)',
    inFlight,
    jsonBytes: JSON.stringify(plain()).length,
    async commit(i) {
      const state = states[i % sessions];
      state.updatedAt = T0 + i;
      await store.set(`cart:${i % sessions}`, state);
    },
    async close() {
      if (client.isOpen) client.destroy();
    },
  };
}

/** What the log itself can do: conditional appends of 60 bytes to one stream, one subject each in flight. */
export async function bareAppends(servers, inFlight) {
  const connection = await connectNats({ servers });
  const manager = await connection.jetstreamManager();
  const stream = `BARE_${Math.random().toString(36).slice(2, 8)}`;
  await manager.streams.add({ name: stream, subjects: [`${stream}.>`] });
  const last = Array.from({ length: inFlight }, () => 0);
  const record = new Uint8Array(60);
  return {
    name: 'a bare conditional append of 60 bytes',
    inFlight,
    async commit(i) {
      const lane = i % inFlight;
      const expected = headers();
      expected.set('Nats-Expected-Last-Subject-Sequence', String(last[lane]));
      const answer = await connection.request(`${stream}.${lane}`, record, { headers: expected, timeout: 5000 });
      last[lane] = answer.json().seq;
    },
    async close() {
      await manager.streams.delete(stream);
      await connection.close();
    },
  };
}
