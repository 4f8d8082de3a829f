/**
 * A log whose records are sealed on their way in and opened on their way out.
 *
 * Invariant: what does not open is silence, never a gap, an empty log or a stranger's record: a replica that lacks a key learns
 * nothing behind that record, so it can neither claim (it would have to name that record) nor trim. What is nobody's, and a copy of
 * an older record, are handed on so that every decoder refuses them. A record that is appended again, to learn what became of it, is
 * the same bytes again.
 */
import type { AppendResult, Log, LogEntry, LogRead, Subscription } from '../port.js';
import { TwinstateError } from '../../shared/errors.js';
import type { Clock, Timer } from '../../shared/clock.js';
import { sequence } from '../../shared/ids.js';
import type { Partition, Sequence } from '../../shared/ids.js';
import { refused } from './seals.js';
import type { Seals } from './seals.js';

/** A record that did not open is looked at again after so long: somebody may have taken it out. */
const AGAIN_MS = 1_000;

/** Hears what does not open. @param stops a partition cannot be read here because of it */
export type Trouble = (
  where: 'record' | 'snapshot' | 'request' | 'announcement' | 'reply',
  error: TwinstateError,
  stops: boolean,
) => void;

interface Sending {
  readonly expected: Sequence;
  readonly record: Uint8Array;
  readonly sealed: Uint8Array;
}

export class SealedLog implements Log {
  readonly #log: Log;
  readonly #generation: number;
  readonly #seals: Seals;
  readonly #clock: Clock;
  readonly #trouble: Trouble;
  readonly #contexts = new Map<Partition, Uint8Array>();
  readonly #sending = new Map<Partition, Sending>();
  /** The last record of each partition that is not sealed as records are now. */
  readonly #outdated = new Map<Partition, Sequence>();

  constructor(log: Log, generation: number, seals: Seals, clock: Clock, trouble: Trouble) {
    this.#log = log;
    this.#generation = generation;
    this.#seals = seals;
    this.#clock = clock;
    this.#trouble = trouble;
  }

  async append(partition: Partition, expected: Sequence, record: Uint8Array): Promise<AppendResult> {
    let sending = this.#sending.get(partition);
    if (sending?.record !== record || sending.expected !== expected) {
      sending = { expected, record, sealed: this.#seals.seal(this.#context(partition), expected, record) };
      this.#sending.set(partition, sending);
    }
    const result = await this.#log.append(partition, expected, sending.sealed);
    if (result.outcome === 'stored' && this.#sending.get(partition) === sending) this.#sending.delete(partition);
    return result;
  }

  async read(partition: Partition, after: Sequence, limits?: { readonly bytesMax?: number }): Promise<LogRead | undefined> {
    const read = await this.#log.read(partition, after, limits);
    if (read === undefined) return undefined;
    const entries: LogEntry[] = [];
    let before = after;
    if (after === 0) this.#outdated.delete(partition);
    for (const entry of read.entries) {
      const opened = this.#open(partition, before, entry);
      if (opened === undefined) return undefined;
      entries.push(opened);
      before = entry.sequence;
    }
    return { ...read, entries };
  }

  follow(partition: Partition, after: Sequence, listener: (entry: LogEntry) => void): Subscription {
    let before = after;
    let live = true;
    let timer: Timer | undefined;
    let inner: Subscription | undefined;
    const start = (): void => {
      let whole = true;
      inner = this.#log.follow(partition, before, (entry) => {
        if (!live || !whole) return;
        const opened = this.#open(partition, before, entry);
        if (opened === undefined) {
          whole = false;
          timer = this.#clock.after(AGAIN_MS, () => {
            inner?.stop();
            if (live) start();
          });
          return;
        }
        before = entry.sequence;
        listener(opened);
      });
    };
    start();
    return {
      stop: () => {
        live = false;
        timer?.cancel();
        inner?.stop();
      },
    };
  }

  identity(): Promise<string | null | undefined> {
    return this.#log.identity();
  }

  trim(partition: Partition, upTo: Sequence): Promise<void> {
    if ((this.#outdated.get(partition) ?? Infinity) <= upTo) this.#outdated.delete(partition);
    return this.#log.trim(partition, upTo);
  }

  outdatedUpTo(partition: Partition): Sequence {
    return this.#outdated.get(partition) ?? sequence(0);
  }

  #open(partition: Partition, before: Sequence, { sequence: at, record }: LogEntry): LogEntry | undefined {
    const what = `record ${at} of partition ${partition}`;
    try {
      const opened = this.#seals.open(this.#context(partition), 'record', record, what);
      if (opened === undefined) return { sequence: at, record: refused(record) };
      if (!opened.current) this.#outdated.set(partition, at);
      // only a copy of an older record can name a position before the one that it follows; plain ones name theirs inside
      if (opened.plain === record || opened.place >= before) return { sequence: at, record: opened.plain };
      this.#trouble('record', outOfPlace(what, opened.place, before), false);
      return { sequence: at, record: refused(record) };
    } catch (error) {
      if (!(error instanceof TwinstateError)) throw error;
      this.#trouble('record', error, true);
      return undefined;
    }
  }

  #context(partition: Partition): Uint8Array {
    let context = this.#contexts.get(partition);
    if (context === undefined) this.#contexts.set(partition, (context = this.#seals.record(this.#generation, partition)));
    return context;
  }
}

function outOfPlace(what: string, place: number, before: number): TwinstateError {
  return new TwinstateError('BYTES_CORRUPT', `${what} is a copy of an older one`, {
    expected: `one that was sealed behind position ${before}`,
    received: `one that was sealed behind position ${place}`,
    cure: 'find out who else publishes into the log; nothing of it was applied',
  });
}
