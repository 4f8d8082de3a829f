/**
 * One NATS connection: whether it stands, and requests over it whose every ending is a value.
 *
 * Invariant: a request ends with an answer, with `no-responders`, or with `silence` and a reason: at its time-out, at a disconnect
 * (the client drops what it sends then, without an exception), or when the connection cannot carry it. It rejects only with
 * `CLOSED` after `close`, and with `ENGINE_FAILED` once the client gave up for good. No callback's error reaches the client's
 * parser, which would stop reading.
 */
import { createInbox, Events, type Msg, type MsgHdrs, type NatsConnection } from 'nats';
import type { Link, Subscription } from '../port.js';
import type { Clock, Random } from '../../shared/clock.js';
import { TwinstateError } from '../../shared/errors.js';

/** A call made while the connection is down is answered after so long: late enough that nobody spins. */
const DOWN_ANSWER_MS = 50;
/** How long closing waits for what was published last, in milliseconds. */
const FLUSH_MS_MAX = 200;
const NO_RESPONDERS = 503;

export type Answer =
  | { readonly kind: 'answer'; readonly message: Msg }
  | { readonly kind: 'no-responders' }
  | { readonly kind: 'silence'; readonly reason: string };

export interface RequestOptions {
  readonly timeoutMs: number;
  readonly headers?: MsgHdrs | undefined;
}

/** A place to which answers come until it is closed. */
export interface ReplyBox {
  readonly subject: string;
  close(): void;
}

interface BoxEvents {
  message(message: Msg): void;
  /** The connection went down: nothing more will come of what was sent. */
  down(reason: string): void;
  /** The connection is closed for good. */
  ended(error: TwinstateError): void;
}

export class NatsLink implements Link {
  readonly clock: Clock;
  readonly random: Random;
  /** How long an append, a read or another call to the server may take. */
  readonly timeoutMs: number;
  readonly #nc: NatsConnection;
  readonly #inbox: string;
  readonly #inboxPrefix: string | undefined;
  readonly #boxes = new Map<string, BoxEvents>();
  readonly #reconnected = new Set<() => void>();
  readonly #ended = new Set<(error: TwinstateError) => void>();
  #nextBox = 0;
  #up = true;
  #sinceMs: number;
  #end: TwinstateError | undefined;

  constructor(nc: NatsConnection, clock: Clock, random: Random, timeoutMs: number, inboxPrefix?: string) {
    this.#nc = nc;
    this.#inboxPrefix = inboxPrefix;
    this.#inbox = this.newInbox();
    this.clock = clock;
    this.random = random;
    this.timeoutMs = timeoutMs;
    this.#sinceMs = clock.now();
    this.subscribe(`${this.#inbox}.*`, (message) => {
      this.#boxes.get(message.subject.slice(this.#inbox.length + 1))?.message(message);
    });
    void this.#watch();
    void nc.closed().then((cause) => this.#finish(gaveUp(cause)));
  }

  get up(): boolean {
    return this.#up;
  }

  get sinceMs(): number {
    return this.#sinceMs;
  }

  get closed(): boolean {
    return this.#end !== undefined;
  }

  /** The largest payload the server takes, headers included, in bytes. */
  get payloadBytesMax(): number {
    return this.#nc.info?.max_payload ?? 1024 * 1024;
  }

  /** Which server the connection stands to, or stood to last. */
  get serverId(): string {
    return this.#nc.info?.server_id ?? '';
  }

  /** @throws {TwinstateError} `CLOSED` or `ENGINE_FAILED` where the connection has ended */
  assertOpen(): void {
    if (this.#end !== undefined) throw this.#end;
  }

  request(subject: string, data: Uint8Array, options: RequestOptions): Promise<Answer> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise<Answer>((resolve, reject) => {
      const settle = (answer: Answer): void => {
        timer.cancel();
        box.close();
        resolve(answer);
      };
      const box = this.box({
        message: (message) => settle(isNoResponders(message) ? { kind: 'no-responders' } : { kind: 'answer', message }),
        down: (reason) => settle({ kind: 'silence', reason }),
        ended: (error) => {
          timer.cancel();
          reject(error);
        },
      });
      const timeoutMs = this.#up ? options.timeoutMs : Math.min(DOWN_ANSWER_MS, options.timeoutMs);
      const reason = this.#up ? 'no answer in time' : 'not connected';
      const timer = this.clock.after(timeoutMs, () => settle({ kind: 'silence', reason }));
      const trouble = this.#up ? this.publish(subject, data, box.subject, options.headers) : undefined;
      if (trouble !== undefined) settle({ kind: 'silence', reason: trouble });
    });
  }

  /** A subject that nobody else knows, to which the server may deliver. */
  newInbox(): string {
    return createInbox(this.#inboxPrefix);
  }

  /** Opens a place for answers; its subject is known to nobody else. */
  box(events: BoxEvents): ReplyBox {
    const name = (this.#nextBox++).toString(36);
    this.#boxes.set(name, events);
    return { subject: `${this.#inbox}.${name}`, close: () => this.#boxes.delete(name) };
  }

  /** Sends, as far as the connection can. @returns why it could not */
  publish(subject: string, data: Uint8Array, reply?: string, headers?: MsgHdrs): string | undefined {
    if (!this.#up || this.#end !== undefined) return 'not connected';
    try {
      this.#nc.publish(subject, data, { ...(reply !== undefined && { reply }), ...(headers !== undefined && { headers }) });
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Subscribes until `stop`; the client subscribes again after every reconnect. Does nothing once the connection has ended. */
  subscribe(subject: string, listener: (message: Msg) => void): Subscription {
    let live = this.#end === undefined;
    if (!live) return { stop: () => undefined };
    const subscription = this.#nc.subscribe(subject, {
      callback: (error, message) => {
        if (error === null && live) guard(() => listener(message));
      },
    });
    return {
      stop: () => {
        if (!live) return;
        live = false;
        if (this.#end === undefined) subscription.unsubscribe();
      },
    };
  }

  /** Calls back each time the connection stands again. */
  onReconnect(fn: () => void): () => void {
    this.#reconnected.add(fn);
    return () => this.#reconnected.delete(fn);
  }

  /** Calls back once when the connection has ended for good, at once where it already has. */
  onEnd(fn: (error: TwinstateError) => void): () => void {
    if (this.#end !== undefined) fn(this.#end);
    this.#ended.add(fn);
    return () => this.#ended.delete(fn);
  }

  async close(): Promise<void> {
    const stood = this.#up;
    this.#finish(new TwinstateError('CLOSED', 'this engine connection was closed', { cure: 'connect again' }));
    if (this.#nc.isClosed()) return;
    if (stood) await this.#flushed();
    await this.#nc.close();
  }

  /**
   * Resolves when what was published last has left, or when it can not. The client stops listening to its socket when it closes;
   * an error that a write meets just then, because the server is leaving too, would end the process. Here it still is heard.
   */
  async #flushed(): Promise<void> {
    let stop!: () => void;
    const late = new Promise<void>((resolve) => {
      const timer = this.clock.after(FLUSH_MS_MAX, resolve);
      stop = () => timer.cancel();
    });
    await Promise.race([this.#nc.flush().catch(() => undefined), late]);
    stop();
  }

  async #watch(): Promise<void> {
    for await (const status of this.#nc.status()) {
      if (status.type === Events.Disconnect) this.#down();
      else if (status.type === Events.Reconnect && !this.#up && this.#end === undefined) {
        this.#up = true;
        this.#sinceMs = this.clock.now();
        for (const fn of [...this.#reconnected]) guard(fn);
      }
    }
  }

  #down(): void {
    if (!this.#up) return;
    this.#up = false;
    this.#sinceMs = this.clock.now();
    for (const box of [...this.#boxes.values()]) guard(() => box.down('the connection was lost'));
  }

  #finish(error: TwinstateError): void {
    if (this.#end !== undefined) return;
    this.#end = error;
    if (this.#up) this.#sinceMs = this.clock.now();
    this.#up = false;
    for (const box of [...this.#boxes.values()]) guard(() => box.ended(error));
    this.#boxes.clear();
    for (const fn of [...this.#ended]) guard(() => fn(error));
    this.#reconnected.clear();
    this.#ended.clear();
  }
}

export function isNoResponders(message: Msg): boolean {
  return message.data.length === 0 && message.headers?.code === NO_RESPONDERS;
}

/** Runs a callback; its error becomes an uncaught one of the process, as in any other callback, and harms nothing here. */
export function guard(fn: () => void): void {
  try {
    fn();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function gaveUp(cause: unknown): TwinstateError {
  return new TwinstateError('ENGINE_FAILED', 'the NATS client gave up its connection', {
    received: cause instanceof Error ? cause.message : 'a closed connection',
    cure: 'see the cause; connect again',
    cause,
  });
}
