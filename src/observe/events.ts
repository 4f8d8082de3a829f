/**
 * Everything that a store tells of what happens: one `node:diagnostics_channel` for each kind, named `twinstate:<kind>`.
 *
 * Invariant: an event costs nothing while nobody listens, changes nothing, and holds no attribute's value: ids, names of classes,
 * versions, counts, bytes, durations and reasons only.
 */
import diagnostics from 'node:diagnostics_channel';

/** In every event: the cluster, and the process that tells (its name and incarnation). */
export interface Source {
  readonly cluster: string;
  readonly node: string;
}

/** One session. */
export interface OfSession {
  readonly session: string;
  /** The session class's name on the wire. */
  readonly class: string;
}

/** What each kind of event says beside its `Source`. Durations are milliseconds. */
export interface EventDetails {
  /** This process leads a partition now. `ms`: since it suspected the primary before it; absent where there was none. */
  readonly promoted: { readonly partition: number; readonly epoch: number; readonly reason: string; readonly ms?: number };
  /** It does not any more. `leader`: who does, where that is known. */
  readonly demoted: {
    readonly partition: number;
    readonly epoch: number;
    readonly reason: string;
    readonly leader: string | undefined;
  };
  /** A replica here changed what it does, or whom it follows. */
  readonly role: {
    readonly partition: number;
    readonly role: 'joining' | 'following' | 'leading' | 'lost' | 'seeding' | 'broken';
    readonly epoch: number;
    readonly leader: string | undefined;
    readonly reason: string;
  };
  /** Told by the primary's process, once the log has it. */
  readonly created: OfSession & { readonly partition: number };
  readonly destroyed: OfSession & { readonly partition: number; readonly version: number };
  /** `reason`: nobody used it for its `ttl`, or it reached its `maxAge`. */
  readonly expired: OfSession & { readonly partition: number; readonly version: number; readonly reason: 'idle' | 'age' };
  /** A commit of this process was acknowledged. `merged`: others had committed since its base. */
  readonly commit: OfSession & {
    readonly version: number;
    readonly bytes: number;
    readonly ms: number;
    readonly merged: boolean;
  };
  /** A write of this process was refused or not answered in time. `outcome` says what became of it. */
  readonly failed: OfSession & {
    readonly operation: 'create' | 'commit' | 'touch' | 'destroy';
    readonly code: string;
    readonly outcome: string | undefined;
    readonly ms: number;
  };
  /** A commit met another one that changed the same slots; `slots` is how many are known. Also told as `failed`. */
  readonly conflict: OfSession & { readonly base: number; readonly version: number; readonly slots: number };
  /** `bytes` of the snapshot or the deltas that came; 0 where there is no such session, or it is held here and has not changed. */
  readonly open: OfSession & { readonly found: boolean; readonly version: number; readonly bytes: number; readonly ms: number };
  /** An `update` ended well, after so many runs of its function. */
  readonly update: OfSession & { readonly attempts: number; readonly ms: number };
  /** A snapshot was written in the background, or could not be. */
  readonly snapshot: { readonly partition: number; readonly session: string; readonly bytes: number; readonly stored: boolean };
  /** So many sessions of a replica left memory, and so many came back, since this was told last. */
  readonly passivation: { readonly partition: number; readonly left: number; readonly came: number };
  /** The log was cut: nothing up to this sequence is needed any more. */
  readonly trim: { readonly partition: number; readonly upTo: number };
  /** The connection to the engine came up or went down. */
  readonly link: { readonly up: boolean };
  /** What an operator should know of; `notice.kind` says what. */
  readonly notice: { readonly partition: number; readonly notice: { readonly kind: string } };
  /** Bytes arrived that no process of this cluster wrote. */
  readonly malformed: { readonly where: string; readonly error: unknown };
}

export type EventKind = keyof EventDetails;
export type StoreEvent<K extends EventKind> = Source & EventDetails[K];

const channels = new Map<string, diagnostics.Channel>();

function channelOf(kind: EventKind): diagnostics.Channel {
  let channel = channels.get(kind);
  if (channel === undefined) {
    channel = diagnostics.channel(`twinstate:${kind}`);
    channels.set(kind, channel);
  }
  return channel;
}

/**
 * Calls `listener` with every event of a kind, synchronously, from all stores of this process.
 *
 * @returns ends it
 * @example
 * const stop = subscribe('expired', ({ session, reason }) => console.log(session, reason));
 */
export function subscribe<K extends EventKind>(kind: K, listener: (event: StoreEvent<K>) => void): () => void {
  const heard = (event: unknown): void => listener(event as StoreEvent<K>);
  const name = `twinstate:${kind}`;
  diagnostics.subscribe(name, heard);
  return () => void diagnostics.unsubscribe(name, heard);
}

/** The events of one store. */
export class Events {
  readonly source: Source;

  constructor(source: Source) {
    this.source = source;
  }

  /** Whether anybody listens: for what costs something before there is an event. */
  heard(kind: EventKind): boolean {
    return channelOf(kind).hasSubscribers;
  }

  /** Publishes what `make` returns; `make` runs only if somebody listens. */
  tell<K extends EventKind>(kind: K, make: () => EventDetails[K]): void {
    const channel = channelOf(kind);
    if (channel.hasSubscribers) channel.publish({ ...this.source, ...make() } satisfies StoreEvent<K>);
  }
}
