/** The bus as an outsider sees it: every request to a node and its answers, with the bytes that they are on the wire. */
import { connect } from 'nats';
import type { Msg, NatsConnection } from 'nats';
import { Names } from '../../src/engine/nats/names.js';
import { decodeMessage } from '../../src/node/message.js';
import type { Message } from '../../src/node/message.js';
import { decodeReply } from '../../src/node/reply.js';
import type { Reply } from '../../src/node/reply.js';
import { nodeId } from '../../src/shared/ids.js';
import type { SessionStore } from '../../src/index.js';
import { pause } from './world.js';
import type { TestCluster, World } from './world.js';

export interface Exchange {
  readonly request: Message;
  readonly reply: Reply | undefined;
  /** Of request and answer, subjects included. */
  readonly bytes: number;
}

interface Seen {
  readonly request: Message;
  reply: Reply | undefined;
  bytes: number;
}

export class BusEye {
  readonly #nc: NatsConnection;
  #open = new Map<string, Seen>();
  #seen: Seen[] = [];

  private constructor(nc: NatsConnection) {
    this.#nc = nc;
  }

  /** Looks at what is asked of these stores' nodes from now on; probes and reports are none of its business. */
  static async open(world: World, cluster: TestCluster, nodes: readonly SessionStore[]): Promise<BusEye> {
    const nc = await connect({ servers: world.server!.url });
    const eye = new BusEye(nc);
    const names = new Names(cluster.name, 1);
    for (const node of nodes) nc.subscribe(names.node(nodeId(node.nodeId)), { callback: (_, message) => eye.#asked(message) });
    nc.subscribe('_INBOX.>', { callback: (_, message) => eye.#answered(message) });
    await nc.flush();
    return eye;
  }

  /** What was asked and answered while `act` ran. */
  async during(act: () => Promise<unknown>): Promise<readonly Exchange[]> {
    // what was said before may still be on its way here
    await this.#nc.flush();
    this.#seen = [];
    this.#open = new Map();
    await act();
    // what the asker has heard is on its way here, too
    for (let i = 0; i < 200 && (this.#seen.length === 0 || this.#seen.some(({ reply }) => reply === undefined)); i++) {
      await this.#nc.flush();
      await pause(5);
    }
    return this.#seen;
  }

  close(): Promise<void> {
    return this.#nc.close();
  }

  #asked({ data, subject, reply }: Msg): void {
    const request = decodeMessage(data.subarray(1));
    if (request.kind === 'probe' || request.kind === 'report') return;
    const seen: Seen = { request, reply: undefined, bytes: data.byteLength + subject.length + (reply?.length ?? 0) };
    this.#seen.push(seen);
    if (reply !== undefined) this.#open.set(reply, seen);
  }

  #answered({ data, subject }: Msg): void {
    const seen = this.#open.get(subject);
    if (seen === undefined) return;
    seen.reply = decodeReply(data.subarray(1));
    seen.bytes += data.byteLength + subject.length;
  }
}
