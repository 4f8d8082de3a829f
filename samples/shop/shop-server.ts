/**
 * One application server of the shop: a node of the cluster, its web application, and its reports to the live view.
 *
 * Invariant: it keeps no state that is not in a session, so it may be killed at any moment.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, subscribe, type ConnectOptions } from 'twinstate';
import { application } from './application.js';
import { nowMs, TOLD, type EventTold, type FromServer } from './messages.js';
import { ShopSession } from './shop-session.js';

/** What changes without an event, how far a backup has come, is looked at this often. */
const STATUS_MS = 200;

export interface ShopServerOptions {
  readonly engine: ConnectOptions['engine'];
  readonly name: string;
  readonly secret: string;
  readonly tell: (message: FromServer) => void;
}

export interface ShopServer {
  /** As the others know it: name and incarnation. */
  readonly node: string;
  readonly port: number;
  /** Stops to serve, and to tell. The node itself is ended by whoever runs it. */
  halt(): void;
  leave(): Promise<void>;
}

/** Joins the cluster and begins to serve on a free port of this machine. */
export async function openServer({ engine, name, secret, tell }: ShopServerOptions): Promise<ShopServer> {
  const stops: (() => void)[] = [];
  const store = await connect({ sessions: [ShopSession], engine, cluster: 'shop', nodeId: name, backups: 1 });
  for (const kind of TOLD) {
    stops.push(
      subscribe(kind, (event) => {
        if (event.node === store.nodeId)
          tell({ type: 'event', atMs: nowMs(), kind, event } as { type: 'event'; atMs: number } & EventTold);
      }),
    );
  }
  const report = (): void => tell({ type: 'status', replicas: store.status().replicas });
  const timer = setInterval(report, STATUS_MS);
  stops.push(
    () => clearInterval(timer),
    subscribe('role', ({ node }) => void (node === store.nodeId && setImmediate(reportIfOpen))),
  );

  const http = createServer(application({ store, secret, name }));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  let isOpen = true;
  function reportIfOpen(): void {
    if (isOpen) report();
  }
  report();
  tell({ type: 'up', port, node: store.nodeId });
  const halt = (): void => {
    isOpen = false;
    for (const stop of stops.splice(0)) stop();
    http.closeAllConnections();
    http.close();
  };
  return {
    node: store.nodeId,
    port,
    halt,
    leave: async () => {
      halt();
      await store.close();
    },
  };
}
