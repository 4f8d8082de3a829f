/** The stores that are held against the compliance suite, each as two servers would have it. */
import { MemoryStore } from 'express-session';
import { RedisStore } from 'connect-redis';
import { createClient } from 'redis';
import { RedisPair } from '../../samples/support/redis-server.js';
import { connect, memoryEngine, type SessionStore } from '../../src/index.js';
import { express, HttpSession } from '../../src/integrations/express.js';
import type { StorePair } from './compliance.js';

export async function ours(): Promise<StorePair> {
  const engine = memoryEngine();
  const open = (nodeId: string): Promise<SessionStore> =>
    connect({ sessions: [HttpSession], engine, cluster: 'web', nodeId, backups: 1, partitions: 4 });
  const stores = await Promise.all([open('web-1'), open('web-2')]);
  return {
    first: express({ store: stores[0] }),
    second: express({ store: stores[1] }),
    close: async () => void (await Promise.all(stores.map((store) => store.close()))),
  };
}

/** express-session's own; two servers can only share it by being one process. */
export function bundled(): Promise<StorePair> {
  const store = new MemoryStore();
  return Promise.resolve({ first: store, second: store, close: () => Promise.resolve() });
}

/** connect-redis with a real Redis and a replica of it. */
export async function redis(): Promise<StorePair> {
  const pair = await RedisPair.start();
  const clients = await Promise.all([createClient({ url: pair.url }).connect(), createClient({ url: pair.url }).connect()]);
  const [first, second] = clients.map((client) => new RedisStore({ client })) as [RedisStore, RedisStore];
  return {
    first,
    second,
    close: async () => {
      for (const client of clients) client.destroy();
      await pair.stop();
    },
  };
}
