/**
 * Follows one partition through reconnects, restarts of the server and lost consumers.
 *
 * Invariant: records are handed out in the order of their sequences and once each; after any trouble a new run of the consumer
 * begins behind the last message *taken*, and what was taken is handed out first. While the parts of a large record are fetched
 * the records behind it wait, and the server is not told to send more.
 */
import type { LogEntry, Subscription } from '../port.js';
import type { Timer } from '../../shared/clock.js';
import { sequence, type Sequence } from '../../shared/ids.js';
import type { JetStreamApi } from './jetstream-api.js';
import { guard } from './nats-link.js';
import { decodeStored, type Assembled, type Head } from './parts.js';
import { PushConsumer } from './push-consumer.js';

const AGAIN_MS = 100;

/** Fetches the parts of a split record; `gone` where the record itself was trimmed meanwhile. */
export type Assemble = (head: Head, raw: Uint8Array, at: number) => Promise<Assembled>;

type Waiting = { readonly at: number; readonly data: Uint8Array } | { readonly flow: () => void };

export class LogFollower implements Subscription {
  readonly #api: JetStreamApi;
  readonly #stream: string;
  readonly #subject: string;
  readonly #listener: (entry: LogEntry) => void;
  readonly #assemble: Assemble;
  readonly #stopped: () => void;
  readonly #waiting: Waiting[] = [];
  #taken: number;
  #busy = false;
  #live = true;
  #consumer: PushConsumer | undefined;
  #timer: Timer | undefined;

  constructor(
    api: JetStreamApi,
    source: { readonly stream: string; readonly subject: string; readonly after: Sequence },
    listener: (entry: LogEntry) => void,
    assemble: Assemble,
    stopped: () => void,
  ) {
    this.#api = api;
    this.#stream = source.stream;
    this.#subject = source.subject;
    this.#taken = source.after;
    this.#listener = listener;
    this.#assemble = assemble;
    this.#stopped = stopped;
  }

  start(): void {
    if (!this.#live) return;
    this.#consumer = new PushConsumer(
      this.#api,
      { stream: this.#stream, filter: this.#subject, from: this.#taken + 1 },
      {
        message: ({ sequence: at, data }) => {
          if (at <= this.#taken) return;
          this.#taken = at;
          this.#add({ at, data });
        },
        flow: (answer) => this.#add({ flow: answer }),
        trouble: () => this.#again(),
      },
    );
  }

  stop(): void {
    if (!this.#live) return;
    this.#live = false;
    this.#consumer?.stop();
    this.#timer?.cancel();
    this.#waiting.length = 0;
    this.#stopped();
  }

  #again(): void {
    const { clock, random } = this.#api.link;
    this.#timer = clock.after(AGAIN_MS * (0.5 + random()), () => this.start());
  }

  #add(item: Waiting): void {
    if (this.#busy) {
      this.#waiting.push(item);
      return;
    }
    const large = this.#hand(item);
    if (large !== undefined) void this.#workOff(large);
  }

  /** Hands out what can be handed out at once. @returns what cannot */
  #hand(item: Waiting): { head: Head; data: Uint8Array; at: number } | undefined {
    if ('flow' in item) {
      item.flow();
      return undefined;
    }
    const stored = decodeStored(item.data, item.at);
    if (stored.kind === 'head') return { head: stored.head, data: item.data, at: item.at };
    this.#deliver(item.at, stored.bytes);
    return undefined;
  }

  async #workOff(first: { head: Head; data: Uint8Array; at: number }): Promise<void> {
    this.#busy = true;
    try {
      for (let large: typeof first | undefined = first; this.#live;) {
        if (large !== undefined) {
          const { head, data, at } = large;
          const assembled = await this.#assemble(head, data, at);
          if (!this.#live) return;
          if (assembled.kind === 'silence') {
            await new Promise<void>((resolve) => {
              this.#timerFor(resolve);
            });
            continue;
          }
          if (assembled.kind === 'bytes') this.#deliver(at, assembled.bytes);
        }
        const next = this.#waiting.shift();
        if (next === undefined) return;
        large = this.#hand(next);
      }
    } catch {
      // the link has ended, and this with it
      this.stop();
    } finally {
      this.#busy = false;
    }
  }

  #timerFor(fn: () => void): void {
    this.#api.link.clock.after(AGAIN_MS, fn);
  }

  #deliver(at: number, record: Uint8Array): void {
    if (this.#live) guard(() => this.#listener({ sequence: sequence(at), record }));
  }
}
