/**
 * The two sides of `bench:browsing`, each as two servers without stickiness, and what their servers got to write.
 *
 * Invariant: bytes are counted as they come in, so that what is trimmed, replaced or expires later counts too.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisStore } from 'connect-redis';
import { connect as connectNats, type MsgHdrs } from 'nats';
import { createClient } from 'redis';
import { natsEngine } from '../../../src/engine/nats/index.js';
import { express, HttpSession } from '../../../src/integrations/express.js';
import { connectWith } from '../../../src/store/connect.js';
import { REAL_RUNTIME } from '../../../src/store/real-runtime.js';
import type { ClusterNode } from '../../../src/node/cluster-node.js';
import { decodeRecord } from '../../../src/replication/record.js';
import type { AtRest } from '../../../src/session/at-rest.js';
import { freePort } from '../../support/free-port.js';
import { startNatsServer } from '../../support/nats-server.js';
import { RedisPair } from '../../support/redis-server.js';
import { serveShop, type Shop } from './shop.js';

export interface Bytes {
  /** By what they were written for. */
  readonly parts: Readonly<Record<string, number>>;
  readonly written: number;
  /** All that the server got, reads and its protocol included. */
  readonly received: number;
}

export interface Side {
  readonly name: string;
  readonly server: string;
  readonly shops: readonly [Shop, Shop];
  /** What has come in since the last call, once all that is to be written has been. */
  count(): Promise<Bytes>;
  close(): Promise<void>;
}

const CLUSTER = 'browsing';
const LOG = new RegExp(`^twin\\.${CLUSTER}\\.\\d+\\.`);
const sumOf = (parts: Readonly<Record<string, number>>): number => Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);

export async function twinstate(): Promise<Side> {
  const monitor = await freePort();
  const nats = await startNatsServer({ config: `http: "127.0.0.1:${monitor}"` });
  const received = async (): Promise<number> => {
    const answer = await fetch(`http://127.0.0.1:${monitor}/varz`);
    return ((await answer.json()) as { in_bytes: number }).in_bytes;
  };
  const nodes: ClusterNode<AtRest>[] = [];
  const open = (nodeId: string) =>
    connectWith(
      {
        sessions: [HttpSession],
        engine: natsEngine({ servers: nats.url }),
        cluster: CLUSTER,
        nodeId,
        backups: 1,
      },
      REAL_RUNTIME,
      (node) => nodes.push(node),
    );
  const stores = [await open('shop-1'), await open('shop-2')] as const;
  const shops = [await serveShop(express({ store: stores[0] })), await serveShop(express({ store: stores[1] }))] as const;

  const eye = await connectNats({ servers: nats.url });
  const names = { commits: 'commits', others: 'records without a change', snapshots: 'snapshots in the background' } as const;
  let parts: Record<string, number> = {};
  const add = (part: string, bytes: number): void => void (parts[part] = (parts[part] ?? 0) + bytes);
  eye.subscribe('>', {
    callback: (_, { subject, reply, data, headers }) => {
      // what the server sends to those that follow bears the same subject
      if (reply?.startsWith('$JS.ACK.') === true) return;
      const bytes = data.byteLength + headerBytes(headers);
      if (subject.startsWith('$KV.')) add(names.snapshots, bytes);
      else if (LOG.test(subject)) add(hasChange(data) ? names.commits : names.others, bytes);
    },
  });
  await eye.flush();
  let before = await received();
  return {
    name: 'twinstate',
    server: `nats-server ${nats.version}`,
    shops,
    async count() {
      const isUnsaved = (): boolean =>
        nodes.some(({ replicas }) =>
          replicas.some(({ machine }) => machine.role === 'leading' && machine.ledger.unsaved.size > 0),
        );
      while (isUnsaved()) await sleep(50);
      await eye.flush();
      const now = await received();
      const bytes = { parts, written: sumOf(parts), received: now - before };
      parts = {};
      before = now;
      return bytes;
    },
    async close() {
      await Promise.all(shops.map((shop) => shop.close()));
      await Promise.all(stores.map((store) => store.close()));
      await eye.close();
      await nats.stop();
    },
  };
}

/** Whether a record of the log changes a session; others begin terms, renew leases, and say what may be trimmed. */
function hasChange(data: Uint8Array): boolean {
  // the engine says first whether this is a whole record; a part of one is a part of a long change
  if (data[0] !== 0) return true;
  const record = decodeRecord(data.subarray(1));
  return record.type === 'commit' && record.entries.length > 0;
}

function headerBytes(headers: MsgHdrs | undefined): number {
  if (headers === undefined) return 0;
  // `NATS/1.0`, a line for each value, and an empty one
  let bytes = 12;
  for (const [key, values] of headers) for (const value of values) bytes += key.length + value.length + 4;
  return bytes;
}

export async function connectRedis(): Promise<Side> {
  const redis = await RedisPair.start();
  const parts = { 'SET of whole sessions': 0, EXPIRE: 0 };
  let written = { ...parts };
  const open = async (): Promise<{ shop: Shop; destroy: () => void; received: () => Promise<number> }> => {
    const client = await createClient({ url: redis.url }).connect();
    const { set, expire } = client;
    const counted = client as { set: typeof set; expire: typeof expire };
    // keys and values only; Redis' own count, beside it, has the rest
    counted.set = ((key: string, value: string, ...more: never[]) => {
      written['SET of whole sessions'] += Buffer.byteLength(key) + Buffer.byteLength(value);
      return set.call(client, key, value, ...more);
    }) as typeof set;
    counted.expire = ((key: string, ...more: [number]) => {
      written.EXPIRE += Buffer.byteLength(key) + 8;
      return expire.call(client, key, ...more);
    }) as typeof expire;
    return {
      shop: await serveShop(new RedisStore({ client })),
      destroy: () => client.destroy(),
      received: async () => Number(/total_net_input_bytes:(\d+)/.exec(await client.info('stats'))![1]),
    };
  };
  const servers = [await open(), await open()] as const;
  let before = await servers[0].received();
  return {
    name: 'connect-redis',
    server: `Redis ${redis.version}`,
    shops: [servers[0].shop, servers[1].shop],
    async count() {
      const now = await servers[0].received();
      const bytes = { parts: written, written: sumOf(written), received: now - before };
      written = { ...parts };
      before = now;
      return bytes;
    },
    async close() {
      for (const { shop, destroy } of servers) {
        await shop.close();
        destroy();
      }
      await redis.stop();
    },
  };
}
