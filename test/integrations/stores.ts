/** The stores that are held against the compliance suite, each as two servers would have it. */
import { MemoryStore as FastifyMemoryStore } from '@fastify/session';
import { MemoryStore, type Store } from 'express-session';
import { RedisStore } from 'connect-redis';
import { createClient } from 'redis';
import { RedisPair } from '../../samples/support/redis-server.js';
import { connect, memoryEngine, type SessionStore } from '../../src/index.js';
import { express, HttpSession } from '../../src/integrations/express.js';
import { fastify } from '../../src/integrations/fastify.js';
import type { StorePair } from './compliance.js';
import { EXPRESS, FASTIFY, type Framework } from './frameworks.js';

export async function ours(framework: Framework): Promise<StorePair> {
  const engine = memoryEngine();
  const open = (nodeId: string): Promise<SessionStore> =>
    connect({ sessions: [HttpSession], engine, cluster: 'web', nodeId, backups: 1, partitions: 4 });
  const stores = await Promise.all([open('web-1'), open('web-2')]);
  const web = (store: SessionStore): Store => (framework === EXPRESS ? express({ store }) : fastify({ store })) as Store;
  const [first, second] = stores.map(web) as [Store, Store];
  return {
    first,
    second,
    framework,
    cut: async () => {
      const store = await open('web-3');
      await store.close();
      return web(store);
    },
    close: async () => void (await Promise.all(stores.map((store) => store.close()))),
  };
}

/** The framework's own; two servers can only share it by being one process. */
export function bundled(framework: Framework): Promise<StorePair> {
  const store = framework === FASTIFY ? (new FastifyMemoryStore() as Store) : new MemoryStore();
  return Promise.resolve({
    first: store,
    second: store,
    framework,
    cut: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  });
}

/** connect-redis with a real Redis and a replica of it. */
export async function redis(framework: Framework): Promise<StorePair> {
  const pair = await RedisPair.start();
  const clients = await Promise.all([createClient({ url: pair.url }).connect(), createClient({ url: pair.url }).connect()]);
  const [first, second] = clients.map((client) => new RedisStore({ client })) as [RedisStore, RedisStore];
  return {
    first,
    second,
    framework,
    cut: async () => {
      const client = await createClient({ url: pair.url }).connect();
      client.destroy();
      return new RedisStore({ client });
    },
    close: async () => {
      for (const client of clients) client.destroy();
      await pair.stop();
    },
  };
}
