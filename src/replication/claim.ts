/**
 * Why a follower would lead: its primary is in doubt, or invited it to.
 *
 * Invariant: a claim is only ever a conditional append, which the log decides. An invitation is good for one position, the one at
 * which the primary that sent it had stopped: a `LEAD` stored there proves that it has stored nothing since, and so has neither
 * acknowledged a commit nor begun a lease. What is asked of the invited one meanwhile waits until the invitation is decided.
 */
import type { Sequence } from '../shared/ids.js';
import type { Operation, Read } from './operation.js';
import type { Timing } from './timing.js';

/** Asked of a follower that is about to lead. */
export type Early = { readonly token: number; readonly operation: Operation } | { readonly token: number; readonly read: Read };

export class Claim {
  readonly #timing: Timing;
  #doubtedSinceMs: number | undefined;
  #invitation: { readonly position: Sequence; readonly untilMs: number } | undefined;
  #early: Early[] = [];

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** The primary is in doubt, from the first such call on. */
  doubt(nowMs: number): void {
    this.#doubtedSinceMs ??= nowMs;
  }

  /** The primary is there. */
  trust(): void {
    this.#doubtedSinceMs = undefined;
  }

  /** An outage: doubt begins anew. */
  postpone(nowMs: number): void {
    this.#doubtedSinceMs = nowMs;
  }

  /** True once this place among the claimants has waited long enough: the best one claims at once (rule 14). */
  isDue(nowMs: number, rank: number): boolean {
    return this.#doubtedSinceMs !== undefined && nowMs - this.#doubtedSinceMs >= rank * this.#timing.rankMs;
  }

  get doubtedSinceMs(): number | undefined {
    return this.#doubtedSinceMs;
  }

  /** True while there is a reason to lead; without one a `LEAD` is not sent again. */
  get wanted(): boolean {
    return this.#doubtedSinceMs !== undefined || this.#invitation !== undefined;
  }

  /** The primary stopped at this position, and asks for a `LEAD` there. */
  invite(nowMs: number, position: Sequence): void {
    this.#invitation = { position, untilMs: nowMs + this.#timing.handoverMs };
  }

  get invited(): boolean {
    return this.#invitation !== undefined;
  }

  isInvitedAt(position: Sequence): boolean {
    return this.#invitation?.position === position;
  }

  /** True once the invitation can come to nothing any more: the log went past it, or its time is up. */
  isVoid(nowMs: number, applied: Sequence): boolean {
    const invitation = this.#invitation;
    return invitation !== undefined && (applied > invitation.position || nowMs >= invitation.untilMs);
  }

  /** Keeps what was asked until the invitation is decided; false where there is none. */
  hold(early: Early): boolean {
    if (this.#invitation === undefined) return false;
    this.#early.push(early);
    return true;
  }

  /** The invitation is decided, whichever way; hands out what waited for that. */
  decide(): readonly Early[] {
    this.#invitation = undefined;
    return this.#early.splice(0);
  }
}
