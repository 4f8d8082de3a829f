/**
 * Offers what a node remembers of a session to whoever leads its partition, until there is a final answer.
 *
 * Invariant: what is offered stays true whatever becomes of the replica that remembers it, so asking once more is never wrong.
 */
import type { Clock } from '../shared/clock.js';
import type { NodeId } from '../shared/ids.js';
import type { Answer } from '../replication/operation.js';

/** An offer that got no final answer is made again after so long. */
const AGAIN_MS = 200;

export interface OfferWays {
  readonly clock: Clock;
  /** `undefined`: no answer. */
  readonly ask: (to: NodeId) => Promise<Answer | undefined>;
  /** Who leads, as far as is known. */
  readonly leader: () => NodeId | undefined;
  readonly over: () => boolean;
}

/** @returns `undefined` where it is over before there is a final answer */
export async function offer(first: NodeId, { clock, ask, leader, over }: OfferWays): Promise<Answer | undefined> {
  for (let to = first; !over();) {
    const answer = await ask(to);
    if (answer !== undefined && answer.kind !== 'retry') return answer;
    to = (answer?.kind === 'retry' ? answer.hint : undefined) ?? leader() ?? first;
    await new Promise<void>((resolve) => void clock.after(AGAIN_MS, resolve));
  }
  return undefined;
}
