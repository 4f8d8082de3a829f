/**
 * A connection over which everything that holds a session's content goes sealed: records, snapshots, messages.
 *
 * Invariant: what is above it sees plain bytes and knows nothing of keys; what is below it sees none. Trouble with keys ends no
 * replica: it reads nothing until the key is there. `refusal` tells the first one, so that whoever connects learns the reason.
 */
import type { Bus, EngineConnection, Link, Log, Snapshots, StoredGeneration } from '../port.js';
import type { TwinstateError } from '../../shared/errors.js';
import type { Clock } from '../../shared/clock.js';
import type { NodeId } from '../../shared/ids.js';
import { SEALED_BYTES_MORE } from '../../wire/sealing.js';
import { SealedBus } from './sealed-bus.js';
import { SealedLog } from './sealed-log.js';
import type { Trouble } from './sealed-log.js';
import { SealedSnapshots } from './sealed-snapshots.js';
import type { Seals } from './seals.js';

/** The same trouble comes again with every try: it is told once, and anew when so many others came. */
const TOLD_MAX = 256;

export class SealedConnection implements EngineConnection {
  readonly generation: number;
  readonly log: Log;
  readonly snapshots: Snapshots;
  readonly bus: Bus;
  readonly messageBytesMax: number;
  readonly link: Link;
  /** Rejects when something stored cannot be read here, and it is not one session's matter. Never resolves. */
  readonly refusal: Promise<never>;
  /** Hears what does not open. */
  onTrouble: Trouble | undefined;
  readonly #inner: EngineConnection;
  readonly #seals: Seals;
  readonly #clock: Clock;
  readonly #told = new Set<string>();
  readonly #trouble: Trouble;

  constructor(inner: EngineConnection, self: NodeId, seals: Seals, clock: Clock) {
    let refuse!: (error: TwinstateError) => void;
    this.refusal = new Promise((_, reject) => (refuse = reject));
    this.refusal.catch(() => undefined);
    this.#trouble = (where, error, stops) => {
      if (stops) refuse(error);
      if (this.#told.has(error.message)) return;
      if (this.#told.size >= TOLD_MAX) this.#told.clear();
      this.#told.add(error.message);
      this.onTrouble?.(where, error, stops);
    };
    this.#inner = inner;
    this.#seals = seals;
    this.#clock = clock;
    this.generation = inner.generation;
    const { log, snapshots } = this.#sealed(inner);
    this.log = log;
    this.snapshots = snapshots;
    this.bus = new SealedBus(inner.bus, self, seals, this.#trouble);
    this.messageBytesMax = inner.messageBytesMax - SEALED_BYTES_MORE;
    this.link = inner.link;
  }

  async open(generation: number): Promise<StoredGeneration> {
    return this.#sealed(await this.#inner.open(generation));
  }

  generations(): Promise<readonly number[] | undefined> {
    return this.#inner.generations();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #sealed({ generation, log, snapshots }: StoredGeneration): StoredGeneration & { readonly snapshots: SealedSnapshots } {
    return {
      generation,
      log: new SealedLog(log, generation, this.#seals, this.#clock, this.#trouble),
      snapshots: new SealedSnapshots(snapshots, generation, this.#seals, this.#trouble),
    };
  }
}
