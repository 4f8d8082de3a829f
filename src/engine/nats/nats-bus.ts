/**
 * The bus on plain NATS messages: a subject for each node, one for presence.
 *
 * Invariant: nothing here is stored or repeated; what is lost is lost, and the caller was told that it may be. The server itself
 * answers `no responders` where nobody listens, which is how a killed process shows within milliseconds.
 */
import { nuid, type Msg } from 'nats';
import type { Bus, RequestHandler, RequestResult, Subscription } from '../port.js';
import { TwinstateError } from '../../shared/errors.js';
import type { NodeId } from '../../shared/ids.js';
import type { Names } from './names.js';
import { isNoResponders, type NatsLink } from './nats-link.js';
import { messageBytesMax } from './parts.js';
import { split, TRANSFER_BYTES_MAX, Transfers } from './transfers.js';

export class NatsBus implements Bus {
  readonly #link: NatsLink;
  readonly #names: Names;
  readonly #node: NodeId;
  readonly #looksOnly: boolean;

  constructor(link: NatsLink, names: Names, node: NodeId, looksOnly: boolean) {
    this.#link = link;
    this.#names = names;
    this.#node = node;
    this.#looksOnly = looksOnly;
  }

  serve(handler: RequestHandler): Subscription {
    const asked = this.#listen(this.#names.node(this.#node), (body, message) => void this.#answer(handler, body, false, message));
    const looked = this.#listen(this.#names.look(this.#node), (body, message) => void this.#answer(handler, body, true, message));
    return {
      stop: () => {
        asked.stop();
        looked.stop();
      },
    };
  }

  async request(to: NodeId, body: Uint8Array, timeoutMs: number): Promise<RequestResult> {
    this.#link.assertOpen();
    assertSendable(body);
    return new Promise<RequestResult>((resolve, reject) => {
      const answer = new Transfers(this.#link.clock);
      const settle = (result: RequestResult): void => {
        timer.cancel();
        box.close();
        resolve(result);
      };
      const box = this.#link.box({
        message: (message) => {
          if (isNoResponders(message)) return settle({ outcome: 'no-responders' });
          const whole = answer.take(message.data);
          if (whole !== undefined) settle({ outcome: 'answered', body: whole });
        },
        down: (reason) => settle({ outcome: 'unknown', reason }),
        ended: (error) => {
          timer.cancel();
          reject(error);
        },
      });
      const timer = this.#link.clock.after(timeoutMs, () => settle({ outcome: 'unknown', reason: 'no answer in time' }));
      this.#send(this.#looksOnly ? this.#names.look(to) : this.#names.node(to), body, box.subject);
    });
  }

  tell(to: NodeId, body: Uint8Array): void {
    assertSendable(body);
    this.#send(this.#names.node(to), body);
  }

  announce(body: Uint8Array): void {
    assertSendable(body);
    this.#send(this.#names.presence, body);
  }

  hear(listener: (body: Uint8Array) => void): Subscription {
    return this.#listen(this.#names.presence, listener);
  }

  #listen(subject: string, listener: (body: Uint8Array, message: Msg) => void): Subscription {
    const transfers = new Transfers(this.#link.clock);
    return this.#link.subscribe(subject, (message) => {
      const body = transfers.take(message.data);
      if (body !== undefined) listener(body, message);
    });
  }

  async #answer(handler: RequestHandler, body: Uint8Array, looks: boolean, { reply }: Msg): Promise<void> {
    const answer = await handler(body, looks);
    if (answer === undefined || reply === undefined || reply === '') return;
    // an answer that cannot be sent is an answer that does not come: the asker learns that it does not know
    if (answer.byteLength <= TRANSFER_BYTES_MAX) this.#send(reply, answer);
  }

  #send(subject: string, body: Uint8Array, reply?: string): void {
    const bytesMax = messageBytesMax(this.#link.payloadBytesMax);
    const id = body.byteLength <= bytesMax ? '' : nuid.next();
    for (const message of split(body, id, bytesMax)) this.#link.publish(subject, message, reply);
  }
}

function assertSendable(body: Uint8Array): void {
  if (body.byteLength <= TRANSFER_BYTES_MAX) return;
  throw new TwinstateError('LIMIT_EXCEEDED', 'this message is too large to be sent to another node', {
    expected: `at most ${TRANSFER_BYTES_MAX} bytes`,
    received: `${body.byteLength}`,
    cure: 'keep bulk data elsewhere and its address in the session',
    outcome: 'not-stored',
  });
}
