/**
 * The bus of the memory engine.
 *
 * Invariant: a message is handled on the receiver's clock and its answer is heard on the sender's; whoever is cut off neither
 * hears nor is heard, and a request to a node that serves nothing is answered with `no-responders`, as NATS does.
 */
import type { Bus, RequestResult, Subscription } from '../port.js';
import { copyBytes } from '../../shared/bytes.js';
import type { NodeId } from '../../shared/ids.js';
import type { Mailbox } from './memory-cluster.js';
import { send, type MemoryLink } from './memory-link.js';

type Handler = (body: Uint8Array) => Promise<Uint8Array | undefined> | Uint8Array | undefined;

export class MemoryBus implements Bus, Mailbox {
  readonly #link: MemoryLink;
  readonly #hearers = new Set<(body: Uint8Array) => void>();
  #handler: Handler | undefined;

  constructor(link: MemoryLink) {
    this.#link = link;
    link.mailbox = this;
    link.onEnd(() => {
      this.#handler = undefined;
      this.#hearers.clear();
    });
  }

  get serves(): boolean {
    return this.#handler !== undefined;
  }

  serve(handler: Handler): Subscription {
    if (this.#link.open) this.#handler = handler;
    return {
      stop: () => {
        if (this.#handler === handler) this.#handler = undefined;
      },
    };
  }

  request(to: NodeId, body: Uint8Array, timeoutMs: number): Promise<RequestResult> {
    const { cluster, clock, node } = this.#link;
    const { faults } = cluster.options;
    const journey = faults?.request?.(node, to);
    const copy = copyBytes(body);
    return this.#link.await<RequestResult>((settle) => {
      const timer = clock.after(timeoutMs, () => settle({ outcome: 'unknown', reason: 'no answer in time' }));
      if (!this.#link.up) return;
      const back = (result: RequestResult): void => {
        const arrive = (): void => {
          if (!this.#link.up) return;
          clock.after(0, () => {
            timer.cancel();
            settle(result);
          });
        };
        if (faults === undefined || journey === undefined) arrive();
        else send(faults.clock, journey.backMs, arrive);
      };
      // a server says that there is nobody of a message that it gave to nobody, and of none that it gave to somebody
      let copies = journey?.againMs === undefined ? 1 : 2;
      const arrive = (): void =>
        this.#arrive(to, copy, (result) => {
          if (result.outcome !== 'no-responders' || --copies === 0) back(result);
        });
      if (faults === undefined || journey === undefined) return arrive();
      send(faults.clock, journey.thereMs, arrive);
      if (journey.againMs !== undefined) send(faults.clock, journey.againMs, arrive);
    });
  }

  tell(to: NodeId, body: Uint8Array): void {
    const { cluster, node, up } = this.#link;
    if (!up) return;
    const copy = copyBytes(body);
    const { faults } = cluster.options;
    const delayMs = faults?.tell?.(node, to);
    const arrive = (): void => this.#arrive(to, copy, () => undefined);
    if (faults === undefined || delayMs === undefined) arrive();
    else send(faults.clock, delayMs, arrive);
  }

  announce(body: Uint8Array): void {
    const { cluster, clusterName, node, up } = this.#link;
    if (!up) return;
    const copy = copyBytes(body);
    const { faults } = cluster.options;
    for (const other of cluster.members(clusterName)) {
      const delayMs = faults?.announce?.(node, other.node);
      if (faults === undefined || delayMs === undefined) other.mailbox?.hearFrom(copy);
      else send(faults.clock, delayMs, () => other.mailbox?.hearFrom(copy));
    }
  }

  hear(listener: (body: Uint8Array) => void): Subscription {
    // a function of one's own, so that the same listener may hear twice and stop once
    const hearer = (body: Uint8Array): void => listener(body);
    if (this.#link.open) this.#hearers.add(hearer);
    return { stop: () => this.#hearers.delete(hearer) };
  }

  /** An announcement has reached this node. */
  hearFrom(body: Uint8Array): void {
    if (!this.#link.up) return;
    for (const hearer of this.#hearers) {
      this.#link.clock.after(0, () => {
        if (this.#hearers.has(hearer)) hearer(body);
      });
    }
  }

  /** A request has reached this node. */
  ask(body: Uint8Array, back: (answer: Uint8Array) => void): void {
    this.#link.clock.after(0, () => void this.#handle(body, back));
  }

  /** A request has reached the place where `to` may be. */
  #arrive(to: NodeId, body: Uint8Array, back: (result: RequestResult) => void): void {
    const { cluster, clusterName } = this.#link;
    let served = false;
    for (const { node, up, mailbox } of cluster.members(clusterName)) {
      if (node !== to || mailbox?.serves !== true) continue;
      served = true;
      // to a node that is cut off it is simply lost
      if (up) mailbox.ask(body, (answer) => back({ outcome: 'answered', body: answer }));
    }
    if (!served) back({ outcome: 'no-responders' });
  }

  async #handle(body: Uint8Array, back: (answer: Uint8Array) => void): Promise<void> {
    const handler = this.#handler;
    if (handler === undefined) return;
    const answer = await handler(body);
    if (answer !== undefined && this.#link.up) back(copyBytes(answer));
  }
}
