/** Asks processes for their status without being one of them. */
import type { Bus } from '../engine/port.js';
import type { Heartbeat } from '../replication/membership.js';
import type { NodeId } from '../shared/ids.js';
import { decodeMessage, encodeMessage } from './message.js';
import { decodeReply } from './reply.js';
import type { NodeStatus } from './status.js';

/** What an announcement says, if it is a heartbeat; strangers' bytes are nobody. */
export function heardHeartbeat(body: Uint8Array): Heartbeat | undefined {
  try {
    const message = decodeMessage(body);
    return message.kind === 'heartbeat' ? message.heartbeat : undefined;
  } catch {
    return undefined;
  }
}

/** `undefined`: it did not answer in time, or not as a process of this release does. */
export async function askStatus(bus: Bus, node: NodeId, timeoutMs: number): Promise<NodeStatus | undefined> {
  const result = await bus.request(node, encodeMessage({ kind: 'status' }), timeoutMs);
  if (result.outcome !== 'answered') return undefined;
  try {
    const reply = decodeReply(result.body);
    return reply.kind === 'status' ? reply.status : undefined;
  } catch {
    return undefined;
  }
}
