/**
 * How the lead of a partition passes from one replica to another: by doubt, or by agreement.
 *
 * Invariant: nothing here decides who leads. Doubt and invitations end in a `LEAD` that is appended behind what this replica has
 * applied (rule 3), or in none; whether it leads then is decided by the log, and told here by `newTerm`. A primary that hands
 * over and is not succeeded in time goes on.
 */
import type { Epoch, NodeId, Sequence } from '../shared/ids.js';
import { Claim } from './claim.js';
import type { Early } from './claim.js';
import type { Effect, Role } from './effect.js';
import { Handover } from './handover.js';
import type { Ledger } from './ledger.js';
import type { Instant, View } from './machine-options.js';
import type { Operation, Read } from './operation.js';
import type { Timing } from './timing.js';

/** The replica around it. */
export interface Replica {
  readonly self: NodeId;
  readonly timing: Timing;
  role(): Role;
  ledger(): Pick<Ledger<unknown>, 'applied' | 'epoch' | 'leader'>;
  /** A record of its own is under way. */
  busy(): boolean;
  logAnswers(now: Instant): boolean;
  emit(effect: Effect): void;
  /** Whether those who may remember more of a lost log were waited for. */
  mayClaim(now: Instant, doubtedSinceMs: number): boolean;
  poll(now: Instant): void;
  appendLead(now: Instant): void;
  /** Nothing is answered from memory until an append that is sent from now on was accepted. */
  endLease(): void;
  /** Appends what waits. */
  pump(now: Instant): void;
  operate(now: Instant, token: number, operation: Operation): void;
  read(now: Instant, token: number, read: Read): void;
}

export class Succession {
  readonly #replica: Replica;
  readonly #claim: Claim;
  #handover: Handover | undefined;

  constructor(replica: Replica) {
    this.#replica = replica;
    this.#claim = new Claim(replica.timing);
  }

  /** To whom this primary hands over at this moment. */
  get handingOverTo(): NodeId | undefined {
    return this.#handover?.to;
  }

  /** True while a `LEAD` under way should be sent again. */
  get claims(): boolean {
    return this.#claim.wanted;
  }

  /** True for a `LEAD` behind this position that the primary has asked for. */
  isInvitedAt(position: Sequence): boolean {
    return this.#claim.isInvitedAt(position);
  }

  /** The replica has begun anew. */
  joined(): void {
    this.#claim.trust();
  }

  /** Looks at whoever leads, in the eyes of this node. */
  suspect(now: Instant, view: View, leaderless: boolean): void {
    if (!(leaderless || (view.suspected && view.stable)) || view.rank < 0) return this.#claim.trust();
    this.#claim.doubt(now.ms);
    this.#replica.poll(now);
    // claim only while the log answers: an outage resets all timers, and must not end in a wave of claims
    if (!this.#replica.logAnswers(now)) return this.#claim.postpone(now.ms);
    const mayClaim = this.#replica.mayClaim(now, this.#claim.doubtedSinceMs ?? now.ms);
    if (!this.#replica.busy() && mayClaim && this.#claim.isDue(now.ms, view.rank)) this.#replica.appendLead(now);
  }

  /** Takes an invitation; false where this replica cannot lead behind that position of that term. */
  invited(now: Instant, from: NodeId, epoch: Epoch, position: Sequence): boolean {
    const { leader, epoch: term, applied } = this.#replica.ledger();
    if (this.#replica.role() !== 'following' || from !== leader || epoch !== term || applied > position) return false;
    this.#claim.invite(now.ms, position);
    this.heed(now);
    return true;
  }

  /** Keeps what is asked of a follower that is about to lead; false where it is not. */
  hold(early: Early): boolean {
    return this.#claim.hold(early);
  }

  /** Does what an invitation asks, as soon as that is possible; what waits for its end goes on then. */
  heed(now: Instant): void {
    const { applied } = this.#replica.ledger();
    if (this.#replica.role() !== 'following' || this.#claim.isVoid(now.ms, applied)) return this.decide(now);
    if (!this.#claim.invited) return;
    if (!this.#claim.isInvitedAt(applied)) this.#replica.poll(now);
    else if (!this.#replica.busy()) this.#replica.appendLead(now);
  }

  /** No invitation stands any more. */
  decide(now: Instant): void {
    for (const early of this.#claim.decide()) {
      if ('read' in early) this.#replica.read(now, early.token, early.read);
      else this.#replica.operate(now, early.token, early.operation);
    }
  }

  /** Begins to hand over to a follower that has caught up. */
  handOver(now: Instant, to: NodeId): void {
    const { self, timing } = this.#replica;
    if (this.#replica.role() !== 'leading' || this.#handover !== undefined || to === self) return;
    this.#handover = new Handover(to, now.ms, timing);
    this.#replica.pump(now);
  }

  /** Invites the successor, once nothing is under way: so nothing can begin a lease again before that leads. */
  invite(now: Instant): void {
    const handover = this.#handover;
    if (handover === undefined || !handover.mayInvite(now.ms)) return;
    const { epoch, applied } = this.#replica.ledger();
    this.#replica.endLease();
    this.#replica.emit({ type: 'invite', to: handover.to, epoch, position: applied });
  }

  /** The follower that was invited in this term will not lead. */
  declined(now: Instant, epoch: Epoch, why: string): void {
    if (epoch === this.#replica.ledger().epoch) this.#carryOn(now, why);
  }

  /** Lets no handover take longer than it may. */
  tick(now: Instant): void {
    if (this.#handover?.isOverdue(now.ms) === true) this.#carryOn(now, 'it does not lead in time');
  }

  /** A term has begun. Says whether it was handed to `node` by this replica. */
  newTerm(node: NodeId): boolean {
    const agreed = this.#handover?.to === node;
    this.#handover = undefined;
    this.#claim.trust();
    return agreed;
  }

  /** The replica leads no more, or begins anew. */
  end(): void {
    this.#handover = undefined;
  }

  #carryOn(now: Instant, why: string): void {
    const handover = this.#handover;
    if (handover === undefined) return;
    this.#handover = undefined;
    this.#replica.emit({ type: 'notice', notice: { kind: 'handover-failed', to: handover.to, why } });
    this.#replica.pump(now);
  }
}
