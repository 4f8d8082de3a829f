/** What the replicas of one node hold, so that nodes can be compared. */
import { createHash } from 'node:crypto';
import type { ClusterNode } from '../../src/node/cluster-node.js';
import type { AtRest } from '../../src/session/at-rest.js';

/** By partition: how far a node's replica is, and a digest of all that it holds. */
export type States = ReadonlyMap<number, ReplicaState>;

export interface ReplicaState {
  readonly applied: number;
  readonly generation: number;
  readonly leads: boolean;
  readonly sessions: number;
  readonly digest: string;
}

/** Of the replicas that are up to date. */
export function statesOf(node: ClusterNode<AtRest>): States {
  const found = new Map<number, ReplicaState>();
  for (const { partition, machine } of node.replicas) {
    if (machine.role !== 'leading' && machine.role !== 'following') continue;
    const held = [...machine.ledger.sessions.states()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const hash = createHash('sha256');
    for (const { id, version, incarnation, body } of held)
      hash.update(`${id} ${version} ${incarnation} `).update(body?.snapshot() ?? '');
    found.set(partition, {
      applied: machine.ledger.applied,
      generation: machine.recovery.generation ?? 0,
      leads: machine.role === 'leading',
      sessions: held.length,
      digest: hash.digest('base64'),
    });
  }
  return found;
}
