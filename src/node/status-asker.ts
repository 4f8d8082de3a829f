/** Asks processes for their status without being one of them. */
import type { Bus } from '../engine/port.js';
import type { Heartbeat } from '../replication/membership.js';
import type { NodeId } from '../shared/ids.js';
import { ask, pick } from './asked.js';
import { decodeMessage } from './message.js';
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
  const asked = pick(await ask(bus, node, { kind: 'status' }, timeoutMs, () => undefined), (reply) =>
    reply.kind === 'status' ? reply.status : undefined,
  );
  return asked.kind === 'answered' ? asked.answer : undefined;
}
