/**
 * The whole shop: servers, balancer and live view.
 *
 * Invariant: `close` ends everything that `open` began, and takes away what it left, whatever went wrong in between.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, memoryEngine } from 'twinstate';
import { natsEngine } from 'twinstate/nats';
import { MemoryCluster } from 'twinstate/testing';
import { startNatsServer } from '../support/nats-server.js';
import { Balancer } from './balancer.js';
import { Fleet } from './fleet.js';
import { asGuests, asProcesses } from './launch.js';
import { LiveView } from './live-view.js';
import { ShopSession } from './shop-session.js';

export interface ShopOptions {
  /** Everything in this process, without NATS (default false). */
  readonly embedded?: boolean;
  /** Default: a free one. */
  readonly port?: number;
  /** How many application servers (default 3; at least 2, so that there is a backup). */
  readonly servers?: number;
  /** How long a killed server stays away, in milliseconds (default 4,000). */
  readonly restartMs?: number;
}

export class Shop {
  readonly url: string;
  readonly fleet: Fleet;
  readonly #ends: (() => unknown)[];

  private constructor(url: string, fleet: Fleet, ends: (() => unknown)[]) {
    this.url = url;
    this.fleet = fleet;
    this.#ends = ends;
  }

  /** Starts everything, and resolves when every session would have a backup. */
  static async open({ embedded = false, port = 0, servers = 3, restartMs = 4_000 }: ShopOptions = {}): Promise<Shop> {
    const ends: (() => unknown)[] = [];
    try {
      const secret = randomBytes(24).toString('base64url');
      const world = embedded ? new MemoryCluster() : undefined;
      const nats = embedded ? undefined : await startNatsServer();
      ends.push(() => nats?.stop());
      const names = Array.from({ length: servers }, (_, i) => `server-${i + 1}`);
      const launch = world === undefined ? asProcesses(nats!.url, secret) : asGuests(world, secret);
      const fleet = new Fleet(names, launch, restartMs);
      ends.push(() => fleet.close());
      await fleet.start();
      const engine = world === undefined ? natsEngine({ servers: nats!.url }) : memoryEngine({ cluster: world });
      const store = await connect({ sessions: [ShopSession], engine, cluster: 'shop', nodeId: 'live-view', role: 'client' });
      ends.push(() => store.close());
      const live = new LiveView(store, fleet, secret);
      ends.push(() => live.close());
      const balancer = new Balancer(() => fleet.members);
      const http = createServer((request, response) => {
        if (request.url?.startsWith('/live/') === true) live.app(request, response);
        else balancer.handle(request, response).catch(() => response.destroy());
      });
      ends.push(() => ended(http));
      await new Promise<void>((resolve, reject) => http.once('error', reject).listen(port, '127.0.0.1', resolve));
      return new Shop(`http://localhost:${(http.address() as AddressInfo).port}`, fleet, ends);
    } catch (error) {
      await endAll(ends);
      throw error;
    }
  }

  close(): Promise<void> {
    return endAll(this.#ends);
  }
}

function ended(http: Server): Promise<void> {
  http.closeAllConnections();
  return new Promise((resolve) => http.close(() => resolve()));
}

async function endAll(ends: (() => unknown)[]): Promise<void> {
  for (const end of ends.splice(0).toReversed()) await end();
}
