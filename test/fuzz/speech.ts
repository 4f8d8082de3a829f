/**
 * What strangers say to a live cluster: messages of its own, recorded as they went by and damaged, in the names and terms that are
 * true there.
 *
 * Invariant: nothing that comes from here is a well-formed operation, record or answer: those a member may make, and a member is
 * trusted. All other kinds may be as well-formed as they like.
 */
import { split } from '../../src/engine/nats/transfers.js';
import { decodeMessage, encodeMessage } from '../../src/node/message.js';
import type { BatchPart, Message, Term } from '../../src/node/message.js';
import { decodeReply } from '../../src/node/reply.js';
import { decodeRecord } from '../../src/replication/record.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { epoch, nodeId, sessionId } from '../../src/shared/ids.js';
import type { Epoch, Partition } from '../../src/shared/ids.js';
import type { SessionStore } from '../../src/index.js';
import type { TestCluster } from '../store/world.js';
import type { Harvest } from './harvest.js';
import type { Mutation } from './mutation.js';

const RECALL_STATES = ['none', 'claiming', 'lost', 'seeding', 'here'] as const;
/** Who says that it is a node, and answers what it is asked. */
export const STRANGER = nodeId('n9~stranger00000');
const WAIT_MS = 30_000;

/** What a message asks for. */
export type Asks = 'an answer' | 'an answer, some time' | 'nothing';

export class Speech {
  readonly #mutation: Mutation;
  readonly #messages: readonly Uint8Array[];
  readonly #records: readonly Uint8Array[];
  readonly #stored: readonly Uint8Array[];
  readonly #replies: readonly Uint8Array[];
  readonly #claims: readonly Term[];
  #frames = 0;

  constructor(
    mutation: Mutation,
    harvest: Harvest,
    cluster: TestCluster,
    stores: readonly SessionStore[],
    victims: readonly string[],
  ) {
    this.#mutation = mutation;
    const own = stores.map((store) => store.nodeId);
    const here = (bytes: Uint8Array): Uint8Array => inNamesOf(bytes, () => mutation.pick(own));
    const recorded = harvest.messages.map(here);
    // what a cluster at peace says seldom or never is as many of the seeds as all else
    const rare = stores.flatMap((store) => rareOf(cluster, store, victims));
    const times = Math.max(1, Math.floor(recorded.length / rare.length));
    this.#messages = [...recorded, ...Array.from({ length: times }, () => rare).flat()];
    this.#claims = stores.flatMap((store) =>
      cluster.node(store).replicas.map(({ machine, partition: at }) => later(at, machine)),
    );
    this.#records = harvest.records;
    this.#stored = harvest.stored;
    this.#replies = harvest.replies.map(here);
  }

  /** Of the seeds. */
  get kinds(): ReadonlySet<Message['kind']> {
    return new Set(this.#messages.flatMap((bytes) => decoded(bytes)?.kind ?? []));
  }

  message(): { readonly bytes: Uint8Array; readonly asks: Asks } {
    for (;;) {
      const bytes = this.#mutation.of(this.#messages, false);
      const message = decoded(bytes);
      if (message === undefined || !isOperation(message)) return { bytes, asks: asksOf(message) };
    }
  }

  /** That the stranger leads everything; said in so many words, and newer each time. */
  claim(count: number): Uint8Array {
    const beat = { role: 'node', leaving: false, draining: false } as const;
    return encodeMessage({ kind: 'heartbeat', heartbeat: { ...beat, node: STRANGER, count, leads: this.#claims } });
  }

  record(): Uint8Array {
    return this.#unreadable(this.#records, true, decodeRecord);
  }

  stored(): Uint8Array {
    return this.#mutation.of(this.#stored, true);
  }

  /** What is answered to a node that takes the stranger for another node. */
  reply(): Uint8Array {
    return this.#unreadable(this.#replies, false, decodeReply);
  }

  /** What the bus of the NATS engine splits messages into, damaged. */
  frame(): Uint8Array {
    const whole = this.#mutation.pick(this.#messages);
    const frames = split(whole, `${this.#frames++ % 400}`, Math.max(1, whole.byteLength >> this.#mutation.below(5)));
    for (;;) {
      const bytes = this.#mutation.of(frames, false);
      if (bytes[0] !== 0 || !isOperation(decoded(bytes.subarray(1)))) return bytes;
    }
  }

  #unreadable(seeds: readonly Uint8Array[], checksummed: boolean, decode: (bytes: Uint8Array) => unknown): Uint8Array {
    for (;;) {
      const bytes = this.#mutation.of(seeds, checksummed && this.#mutation.below(2) === 0);
      try {
        decode(bytes);
      } catch (error) {
        // a record of another release stops its partition, as SECURITY.md says: to step over it would be to lose what it says
        if (!(error instanceof TwinstateError) || error.code !== 'FORMAT_UNSUPPORTED') return bytes;
      }
    }
  }
}

/** The names of the nodes of the recorded cluster become those of nodes that are here. */
function inNamesOf(bytes: Uint8Array, own: () => string): Uint8Array {
  const text = Buffer.from(bytes)
    .toString('latin1')
    .replaceAll(/n[01]~[\w-]{12}/g, own);
  return Buffer.from(text, 'latin1');
}

/** What a cluster at peace says seldom or never, with names and terms that are true here. */
function rareOf(cluster: TestCluster, store: SessionStore, victims: readonly string[]): Uint8Array[] {
  const from = nodeId(store.nodeId);
  const { replicas } = cluster.node(store);
  const messages = replicas.flatMap(({ partition: at, machine }): Message[] => {
    const { applied: position, sessions } = machine.ledger;
    const term = { partition: at, epoch: machine.epoch };
    const beat = { role: 'node', leaving: false, draining: false, count: 1 } as const;
    const recalls = RECALL_STATES.map((state): Message => {
      const recall = { node: from, state, generation: 1, epoch: machine.epoch, position, identity: '' };
      return { kind: 'recall', partition: at, recall };
    });
    // those that wait are told of every change
    const waits = victims.flatMap((victim): Message[] => {
      const state = sessions.get(sessionId(victim));
      if (state === undefined) return [];
      const known = { version: state.version, incarnation: state.incarnation };
      const read = { session: state.id, consistency: 'primary', known, atLeast: undefined, use: false } as const;
      return [{ kind: 'read', partition: at, read, waitMs: WAIT_MS }];
    });
    const parts = waits.flatMap((wait): BatchPart[] => (wait.kind === 'read' ? [{ ...wait, waitMs: 0 }] : []));
    return [
      ...recalls,
      ...waits,
      { kind: 'batch', parts },
      { kind: 'report', term, from, position },
      { kind: 'invite', term, from, position },
      { kind: 'release', term, from },
      { kind: 'heartbeat', heartbeat: { ...beat, node: STRANGER, leads: [term] } },
      { kind: 'heartbeat', heartbeat: { ...beat, node: STRANGER, leads: [later(at, machine)] } },
      { kind: 'heartbeat', heartbeat: { ...beat, node: from, leads: [term], leaving: true } },
    ];
  });
  return messages.map((message) => encodeMessage(message));
}

/** The term that would follow. */
function later(at: Partition, { epoch: now }: { readonly epoch: Epoch }): Term {
  return { partition: at, epoch: epoch(now + 1) };
}

function decoded(bytes: Uint8Array): Message | undefined {
  try {
    return decodeMessage(bytes);
  } catch {
    return undefined;
  }
}

function isOperation(message: Message | undefined): boolean {
  return message?.kind === 'operate' || (message?.kind === 'batch' && message.parts.some(({ kind }) => kind === 'operate'));
}

function asksOf(message: Message | undefined): Asks {
  switch (message?.kind) {
    case 'heartbeat':
    case 'recall':
    case 'report':
    case 'release':
      return 'nothing';
    case 'read':
      return message.waitMs > 0 ? 'an answer, some time' : 'an answer';
    case 'batch':
      return message.parts.some((part) => part.kind === 'read' && part.waitMs > 0) ? 'an answer, some time' : 'an answer';
    default:
      return 'an answer';
  }
}
