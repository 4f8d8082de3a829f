/**
 * The planned end of a term, on the side of the primary that gives it up (DESIGN.md, section 5).
 *
 * Invariant: while a handover is under way nothing is appended and no read is answered from memory, so that the invitation, which
 * names the last position, stays true for as long as it can be accepted. It needs no record of its own: the successor's `LEAD` at
 * that position ends the term; where none comes in time the primary goes on as if nothing had been, and a late one still fences.
 */
import type { NodeId } from '../shared/ids.js';
import type { Timing } from './timing.js';

/** Invitations sent in the time that a handover may take, should they be lost. */
const INVITATIONS = 5;

export class Handover {
  readonly to: NodeId;
  readonly #untilMs: number;
  readonly #againMs: number;
  #invitedMs = -Infinity;

  constructor(to: NodeId, nowMs: number, { handoverMs }: Timing) {
    this.to = to;
    this.#untilMs = nowMs + handoverMs;
    this.#againMs = handoverMs / INVITATIONS;
  }

  isOverdue(nowMs: number): boolean {
    return nowMs >= this.#untilMs;
  }

  /** True where an invitation is due; it counts as sent then. */
  mayInvite(nowMs: number): boolean {
    if (nowMs - this.#invitedMs < this.#againMs) return false;
    this.#invitedMs = nowMs;
    return true;
  }
}
