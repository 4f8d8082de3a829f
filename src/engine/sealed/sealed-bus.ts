/**
 * A bus whose messages are sealed: nobody without a key reads what nodes say to each other, or speaks for them.
 *
 * Invariant: a request opens only at the node that it was sent to, a reply only as the answer to that very request. Messages can still
 * be lost, late and repeated by whoever controls the wire, as by any network: operations have ids for that, and nothing else is
 * decided by a message. What does not open is not answered, so its sender learns that it does not know.
 */
import type { Bus, RequestHandler, RequestResult, Subscription } from '../port.js';
import { TwinstateError } from '../../shared/errors.js';
import type { NodeId } from '../../shared/ids.js';
import { isSealed } from '../../wire/sealing.js';
import type { Trouble } from './sealed-log.js';
import type { Seals } from './seals.js';

export class SealedBus implements Bus {
  readonly #bus: Bus;
  readonly #self: NodeId;
  readonly #seals: Seals;
  readonly #trouble: Trouble;

  constructor(bus: Bus, self: NodeId, seals: Seals, trouble: Trouble) {
    this.#bus = bus;
    this.#self = self;
    this.#seals = seals;
    this.#trouble = trouble;
  }

  serve(handler: RequestHandler): Subscription {
    const context = this.#seals.request(this.#self);
    return this.#bus.serve(async (body, looks) => {
      const plain = this.#open(context, 'request', body);
      if (plain === undefined) return undefined;
      const answer = await handler(plain, looks);
      // who asks in plain can read nothing else
      if (answer === undefined || !isSealed(body)) return answer;
      return this.#seals.seal(this.#seals.reply(this.#self, body), 0, answer);
    });
  }

  async request(to: NodeId, body: Uint8Array, timeoutMs: number): Promise<RequestResult> {
    const sealed = this.#seals.seal(this.#seals.request(to), 0, body);
    const result = await this.#bus.request(to, sealed, timeoutMs);
    if (result.outcome !== 'answered') return result;
    const plain = this.#open(this.#seals.reply(to, sealed), 'reply', result.body);
    return plain === undefined ? { outcome: 'unknown', reason: 'an answer that does not open' } : { ...result, body: plain };
  }

  tell(to: NodeId, body: Uint8Array): void {
    this.#bus.tell(to, this.#seals.seal(this.#seals.request(to), 0, body));
  }

  announce(body: Uint8Array): void {
    this.#bus.announce(this.#seals.seal(this.#seals.announcement(), 0, body));
  }

  hear(listener: (body: Uint8Array) => void): Subscription {
    const context = this.#seals.announcement();
    return this.#bus.hear((body) => {
      const plain = this.#open(context, 'announcement', body);
      if (plain !== undefined) listener(plain);
    });
  }

  #open(context: Uint8Array, where: 'request' | 'reply' | 'announcement', body: Uint8Array): Uint8Array | undefined {
    try {
      const opened = this.#seals.open(context, 'message', body, `a ${where}`);
      // strangers' bytes: the decoder says what is wrong with them
      return opened === undefined ? body : opened.plain;
    } catch (error) {
      if (!(error instanceof TwinstateError)) throw error;
      this.#trouble(where, error, false);
      return undefined;
    }
  }
}
