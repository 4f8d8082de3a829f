/**
 * Says that this process is here, and hears who else is.
 *
 * Invariant: what is heard goes into the membership and nowhere else; an announcement that cannot be read is reported and dropped.
 */
import type { Bus, Subscription } from '../engine/port.js';
import type { Heartbeat, Membership } from '../replication/membership.js';
import type { Recall } from '../replication/seed-choice.js';
import type { NodeId, Partition } from '../shared/ids.js';
import type { Timer } from '../shared/clock.js';
import { decodeMessage, encodeMessage } from './message.js';
import type { Message } from './message.js';
import type { NodeEvent, Runtime } from './runtime.js';

export type State = 'here' | 'draining' | 'leaving';

export interface PresenceParts {
  readonly self: NodeId;
  readonly role: 'node' | 'client';
  readonly partitions: number;
  readonly runtime: Runtime;
  readonly bus: Bus;
  readonly membership: Membership;
  /** The terms of the partitions led here. */
  leads(): Heartbeat['leads'];
  /** Something was heard of a node. */
  heard(heartbeat: Heartbeat): void;
  /** A node tells what it remembers of a partition whose log is lost. */
  recalled(partition: Partition, recall: Recall): void;
  event(event: NodeEvent): void;
}

export class Presence {
  readonly #parts: PresenceParts;
  #state: State = 'here';
  #count = 0;
  #soon: Timer | undefined;
  #subscription: Subscription | undefined;

  constructor(parts: PresenceParts) {
    this.#parts = parts;
    parts.membership.heard(parts.runtime.clock.now(), this.#heartbeat());
  }

  get state(): State {
    return this.#state;
  }

  /** Begins to hear the others. */
  listen(): Subscription {
    this.#subscription = this.#parts.bus.hear((body) => this.#hear(body));
    return this.#subscription;
  }

  /** Tells everybody that this process goes, soon or now. */
  turn(state: State): void {
    this.#state = state;
    this.announce();
  }

  announce(): void {
    const { bus, membership, runtime } = this.#parts;
    const heartbeat = this.#heartbeat();
    membership.heard(runtime.clock.now(), heartbeat);
    bus.announce(encodeMessage({ kind: 'heartbeat', heartbeat }));
  }

  /** News that others wait for; several at one moment go together. */
  announceSoon(): void {
    this.#soon ??= this.#parts.runtime.clock.after(0, () => {
      this.#soon = undefined;
      this.announce();
    });
  }

  stop(): void {
    this.#soon?.cancel();
  }

  #heartbeat(): Heartbeat {
    const { self: node, role } = this.#parts;
    const leads = this.#parts.leads();
    return { node, role, leaving: this.#state === 'leaving', draining: this.#state !== 'here', count: ++this.#count, leads };
  }

  #hear(body: Uint8Array): void {
    const { self, partitions, membership, runtime } = this.#parts;
    let message: Message;
    try {
      message = decodeMessage(body);
    } catch (error) {
      return this.#parts.event({ type: 'malformed', where: 'announcement', error });
    }
    if (message.kind === 'recall') return this.#parts.recalled(message.partition, message.recall);
    if (message.kind !== 'heartbeat' || message.heartbeat.node === self) return;
    const heartbeat = {
      ...message.heartbeat,
      leads: message.heartbeat.leads.filter(({ partition }) => partition < partitions),
    };
    // a newcomer learns at once who is here
    if (membership.heard(runtime.clock.now(), heartbeat)) this.announceSoon();
    this.#parts.heard(heartbeat);
  }
}
