/**
 * Looks at a cluster from outside: hears who is there, and asks each of them what it knows of itself.
 *
 * Invariant: whoever looks is no member and makes nothing; a member that does not answer in time is shown as silent.
 */
import type { Engine } from '../engine/port.js';
import { askStatus, heardHeartbeat } from '../node/status-asker.js';
import type { NodeStatus } from '../node/status.js';
import { SealedBus } from '../engine/sealed/sealed-bus.js';
import { Seals } from '../engine/sealed/seals.js';
import { resolveEncryption } from './encryption.js';
import type { EncryptionOptions } from './encryption-options.js';

export type { BackupStatus, MemberStatus, NodeStatus, ReplicaStatus } from '../node/status.js';
import { nodeId } from '../shared/ids.js';
import type { NodeId } from '../shared/ids.js';
import { REAL_RUNTIME } from './real-runtime.js';

export interface ClusterStatusOptions {
  readonly engine: Engine;
  /** The cluster's name (default `default`). */
  readonly cluster?: string | undefined;
  /** How long to listen for heartbeats, which processes send five times a second, in milliseconds (default 1,000). */
  readonly listenMs?: number | undefined;
  /** How long a member has to answer, and the engine to be reached, in milliseconds (default 2,000). */
  readonly timeoutMs?: number | undefined;
  /** The cluster's keys, where it has some: what its processes say is sealed, too. */
  readonly encryption?: EncryptionOptions | undefined;
}

/** A member of a cluster, and what it says of itself. */
export interface ClusterMember {
  readonly node: string;
  readonly role: 'node' | 'client';
  /** `undefined`: it was heard of, by its heartbeat or through another member, and did not answer. */
  readonly status: NodeStatus | undefined;
}

export interface ClusterStatus {
  readonly cluster: string;
  /** In the order of their ids; empty where nobody was heard. */
  readonly members: readonly ClusterMember[];
}

/**
 * Asks every process of a cluster for its status, from outside.
 *
 * @throws {TwinstateError} `UNAVAILABLE` where the engine does not answer, `ENGINE_FAILED` where it refuses the connection
 */
export async function clusterStatus(options: ClusterStatusOptions): Promise<ClusterStatus> {
  const { engine, cluster = 'default', listenMs = 1_000, timeoutMs = 2_000 } = options;
  const { clock, random, uniqueId } = REAL_RUNTIME;
  const node = nodeId(`status~${uniqueId().slice(0, 12)}`);
  const encryption = resolveEncryption(options.encryption);
  const seals = encryption && new Seals(cluster, encryption, uniqueId);
  const connection = await engine.connect({ cluster, generation: 1, node, clock, random, timeoutMs, looksOnly: true });
  const bus = seals === undefined ? connection.bus : new SealedBus(connection.bus, node, seals, () => undefined);
  try {
    const roles = new Map<NodeId, 'node' | 'client'>();
    const left = new Set<NodeId>();
    bus.hear((body) => {
      const heartbeat = heardHeartbeat(body);
      if (heartbeat === undefined) return;
      if (heartbeat.leaving) left.add(heartbeat.node);
      else roles.set(heartbeat.node, heartbeat.role);
    });
    await new Promise<void>((resolve) => clock.after(listenMs, resolve));
    const answers = new Map<NodeId, NodeStatus | undefined>();
    // who is silent may still be known to those who are not
    for (let asked = [...roles.keys()]; asked.length > 0;) {
      const found = await Promise.all(asked.map((each) => askStatus(bus, each, timeoutMs)));
      for (const [i, status] of found.entries()) {
        answers.set(asked[i]!, status);
        for (const member of status?.members ?? []) roles.set(nodeId(member.node), member.role);
      }
      asked = [...roles.keys()].filter((each) => !answers.has(each) && !left.has(each));
    }
    const members = [...answers].map(([each, status]) => ({ node: each, role: roles.get(each)!, status }));
    return { cluster, members: members.toSorted((a, b) => (a.node < b.node ? -1 : 1)) };
  } finally {
    await connection.close();
  }
}
