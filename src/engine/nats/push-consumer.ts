/**
 * One run of a consumer of the server's: messages of a filter, in order, until anything goes wrong.
 *
 * Invariant: messages come without a gap in the consumer's own numbering, or `trouble` is called once and nothing after it. A run
 * is never repaired: its owner begins another one behind what it has. Runs are short-lived on the server too (in memory, gone a
 * few seconds after nobody listens), so nothing of ours is left there.
 */
import type { Msg } from 'nats';
import type { Subscription } from '../port.js';
import type { Timer } from '../../shared/clock.js';
import type { JetStreamApi } from './jetstream-api.js';

const HEARTBEAT_MS = 1000;
/** Silence for so long means that the consumer is gone, or the way to it. */
const SILENCE_MS = 3500;
const INACTIVE_MS = 10_000;
const NANOSECONDS = 1_000_000;
const STATUS_CONTROL = 100;
const STATUS_FIRST_ERROR = 400;

export interface ConsumedMessage {
  readonly subject: string;
  /** Its sequence in the stream. */
  readonly sequence: number;
  readonly data: Uint8Array;
  /** How many more the filter matched when this one was sent. */
  readonly pending: number;
}

export interface ConsumerEvents {
  message(message: ConsumedMessage): void;
  /** Nothing waits on the server at the moment. */
  idle?(): void;
  /** The server wants to know that so much was taken; call `answer` when what came before is worked off. */
  flow(answer: () => void): void;
  trouble(reason: string): void;
}

export interface ConsumerStart {
  readonly stream: string;
  readonly filter: string;
  /** Begin with this sequence, or with the last message of each subject. */
  readonly from: number | 'last-per-subject';
}

export class PushConsumer {
  readonly #api: JetStreamApi;
  readonly #events: ConsumerEvents;
  readonly #subscription: Subscription;
  #delivered = 0;
  #watchdog: Timer | undefined;
  #heardMs: number;
  #live = true;
  readonly #offReconnect: () => void;

  constructor(api: JetStreamApi, start: ConsumerStart, events: ConsumerEvents) {
    this.#api = api;
    this.#events = events;
    const { clock } = api.link;
    this.#heardMs = clock.now();
    const inbox = api.link.newInbox();
    this.#subscription = api.link.subscribe(inbox, (message) => this.#take(message));
    // what was on its way at a disconnect is lost; a new run is quicker than finding out
    this.#offReconnect = api.link.onReconnect(() => this.#fail('the connection was lost'));
    this.#watch();
    void this.#create(start, inbox);
  }

  stop(): void {
    if (!this.#live) return;
    this.#live = false;
    this.#watchdog?.cancel();
    this.#offReconnect();
    this.#subscription.stop();
  }

  async #create({ stream, filter, from }: ConsumerStart, inbox: string): Promise<void> {
    const config = {
      deliver_subject: inbox,
      ack_policy: 'none',
      max_deliver: 1,
      replay_policy: 'instant',
      filter_subject: filter,
      flow_control: true,
      idle_heartbeat: HEARTBEAT_MS * NANOSECONDS,
      inactive_threshold: INACTIVE_MS * NANOSECONDS,
      mem_storage: true,
      num_replicas: 1,
      ...(from === 'last-per-subject'
        ? { deliver_policy: 'last_per_subject' }
        : { deliver_policy: 'by_start_sequence', opt_start_seq: from }),
    };
    try {
      const answer = await this.#api.call(`CONSUMER.CREATE.${stream}`, { stream_name: stream, config });
      if (answer.kind === 'error') this.#fail(`${answer.description} (${answer.errCode})`);
      else if (answer.kind === 'silence') this.#fail(answer.reason);
    } catch {
      // the link has ended; whoever listens has been told so by its own call
      this.stop();
    }
  }

  #take(message: Msg): void {
    if (!this.#live) return;
    this.#heardMs = this.#api.link.clock.now();
    const place = parseReply(message.reply);
    if (place === undefined) return this.#status(message);
    if (place.delivered !== this.#delivered + 1) return this.#fail('a message of the consumer is missing');
    this.#delivered = place.delivered;
    this.#events.message({ subject: message.subject, sequence: place.sequence, data: message.data, pending: place.pending });
  }

  /** What has no place in the stream. Headers are read only here: those of a million stored messages cost seconds and say nothing. */
  #status(message: Msg): void {
    const code = message.headers?.code ?? 0;
    if (code === STATUS_CONTROL) return this.#control(message);
    if (code >= STATUS_FIRST_ERROR) this.#fail(message.headers?.description ?? `status ${code}`);
  }

  #control(message: Msg): void {
    const { reply, headers } = message;
    const answer = (to: string) => () => void this.#api.link.publish(to, new Uint8Array(0));
    if (reply !== undefined && reply !== '') return this.#events.flow(answer(reply));
    const stalled = headers?.get('Nats-Consumer-Stalled') ?? '';
    if (stalled !== '') this.#events.flow(answer(stalled));
    const last = Number(headers?.get('Nats-Last-Consumer') ?? '');
    if (last > this.#delivered) this.#fail('the last messages of the consumer are missing');
    else if (stalled === '') this.#events.idle?.();
  }

  #watch(): void {
    const { link } = this.#api;
    this.#watchdog = link.clock.after(HEARTBEAT_MS, () => {
      if (link.clock.now() - this.#heardMs > SILENCE_MS) this.#fail('the consumer fell silent');
      else this.#watch();
    });
  }

  #fail(reason: string): void {
    if (!this.#live) return;
    this.stop();
    this.#events.trouble(reason);
  }
}

/**
 * Reads where a message stands from its reply subject: `$JS.ACK.<stream>.<consumer>.<tries>.<sequence>.<delivered>.<time>.<pending>`,
 * with a domain and an account before the stream and a token at the end on newer servers (NATS ADR-15).
 */
function parseReply(reply: string | undefined): { sequence: number; delivered: number; pending: number } | undefined {
  if (reply === undefined || !reply.startsWith('$JS.ACK.')) return undefined;
  const tokens = reply.split('.');
  const at = tokens.length === 9 ? 5 : tokens.length >= 11 ? 7 : -1;
  const sequence = Number(tokens[at]);
  const delivered = Number(tokens[at + 1]);
  const pending = Number(tokens[at + 3]);
  return at > 0 && sequence > 0 && delivered > 0 && pending >= 0 ? { sequence, delivered, pending } : undefined;
}
