/**
 * What is fuzzed: every decoder, and what a node does with what it hears.
 *
 * Invariant: a target returns where the bytes were valid and what came of them holds together, throws a `TwinstateError` where they
 * were not, and anything else is a finding. No target ever constructs a class that was not registered.
 */
import { isDeepStrictEqual } from 'node:util';
import { Graph } from '../../src/diff/graph.js';
import { parseDelta, referencedIds, shiftDelta, touchedSlots } from '../../src/diff/delta.js';
import { describeDelta } from '../../src/diff/delta-description.js';
import { Opening } from '../../src/diff/opening.js';
import { decodeStrictly } from '../../src/diff/snapshot.js';
import { encodeSnapshot } from '../../src/diff/snapshot-writer.js';
import { modelOf } from '../../src/model/model-of.js';
import { decodeMessage, encodeMessage } from '../../src/node/message.js';
import { decodeReply, encodeReply } from '../../src/node/reply.js';
import { decodeRecord, encodeRecord } from '../../src/replication/record.js';
import { decodeStored, encodeStored } from '../../src/replication/session-state.js';
import { AtRest } from '../../src/session/at-rest.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { version } from '../../src/shared/ids.js';
import { resolveLimits } from '../../src/wire/limits.js';
import { difference } from '../diff/topology.js';
import { World } from '../diff/world.js';
import type { Harvest } from './harvest.js';

export interface Target {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  /** The last four bytes are a checksum. */
  readonly sealed: boolean;
  run(bytes: Uint8Array): void;
}

const LIMITS = { objectsMax: 5_000, elementsMax: 5_000 };

export class BrokenDecoder extends Error {
  override readonly name = 'BrokenDecoder';
}

export function targetsOf({ snapshots, deltas, records, stored, messages, replies }: Harvest): Target[] {
  const model = modelOf(World);
  const bases = deltas.map(({ base }) => base);
  let turn = 0;
  return [
    {
      name: 'snapshot',
      seeds: snapshots,
      sealed: false,
      run(bytes) {
        const graph = Graph.decode(bytes, LIMITS);
        sameBytes('a decoded snapshot', graph.encode(), () => Graph.decode(graph.encode(), LIMITS).encode());
        AtRest.of(bytes, version(1)).snapshot();
        if (!(graph.bind(model) instanceof World)) throw new BrokenDecoder('bound to another class');
        if (graph.diff() !== null) sameBytes('a bound graph', graph.encode(), () => Graph.decode(graph.encode()).encode());
      },
    },
    {
      name: 'opened snapshot',
      seeds: snapshots,
      sealed: false,
      run(bytes) {
        const opening = Opening.of(bytes, model);
        let table;
        try {
          table = decodeStrictly(bytes, resolveLimits(model.limits), 'instance');
        } catch (error) {
          if (opening !== undefined) throw new BrokenDecoder('opened, and refused by the strict decoder', { cause: error });
          throw error;
        }
        if (opening === undefined) return void Graph.open(bytes, model);
        sameBytes('an opened snapshot', encodeSnapshot(opening.table()), () => encodeSnapshot(table));
        if (difference(opening.root, Graph.decode(bytes).bind(model)) !== undefined)
          throw new BrokenDecoder('opened as something else');
      },
    },
    {
      name: 'delta',
      seeds: deltas.map(({ delta }) => delta),
      sealed: false,
      run(bytes) {
        parseDelta(bytes);
        touchedSlots(bytes);
        referencedIds(bytes);
        shiftDelta(bytes, 1, 3);
        const graph = Graph.decode(bases[turn++ % bases.length]!, LIMITS);
        describeDelta(model, bytes, graph);
        const bound = Graph.decode(graph.encode(), LIMITS);
        bound.bind(model);
        for (const each of [graph, bound]) {
          const before = each.encode();
          try {
            each.apply(bytes);
          } catch (error) {
            sameBytes('a refused delta', each.encode(), () => before);
            throw error;
          }
          sameBytes('an applied delta', each.encode(), () => Graph.decode(each.encode()).encode());
        }
      },
    },
    {
      name: 'record',
      seeds: records,
      sealed: true,
      run: (bytes) => again('record', decodeRecord(bytes), encodeRecord, decodeRecord),
    },
    {
      name: 'stored session',
      seeds: stored,
      sealed: true,
      run: (bytes) => again('stored session', decodeStored(bytes), encodeStored, decodeStored),
    },
    {
      name: 'message',
      seeds: messages,
      sealed: false,
      run: (bytes) => again('message', decodeMessage(bytes), encodeMessage, decodeMessage),
    },
    {
      name: 'reply',
      seeds: replies,
      sealed: false,
      run: (bytes) => again('reply', decodeReply(bytes), encodeReply, decodeReply),
    },
  ];
}

/** What was decoded can be encoded, and says the same then. */
function again<T>(what: string, decoded: T, encode: (value: T) => Uint8Array, decode: (bytes: Uint8Array) => T): void {
  const bytes = encode(decoded);
  if (!isDeepStrictEqual(decode(bytes), decoded))
    throw new BrokenDecoder(`a ${what} that was taken does not survive being sent on`);
}

function sameBytes(what: string, bytes: Uint8Array, others: () => Uint8Array): void {
  if (Buffer.compare(bytes, others()) !== 0) throw new BrokenDecoder(`${what} has two encodings`);
}

/** Runs one input. @returns true where it was taken, false where it was refused; @throws what is a finding */
export function attempt(target: Target, bytes: Uint8Array): boolean {
  const before = bytes.byteLength > 0 ? bytes[0] : undefined;
  let taken = true;
  try {
    target.run(bytes);
  } catch (error) {
    if (!(error instanceof TwinstateError) || error.code === 'INVARIANT_BROKEN') throw error;
    taken = false;
  }
  if (bytes.byteLength > 0 && bytes[0] !== before) throw new BrokenDecoder('the input was written to');
  return taken;
}

const PROTOTYPES = [Object.prototype, Array.prototype, Map.prototype, Set.prototype, Function.prototype, Uint8Array.prototype];
const CLEAN = PROTOTYPES.map((each) => Reflect.ownKeys(each).map(String).join());

/** @throws where a prototype that everybody shares was changed */
export function holdPrototypes(): void {
  PROTOTYPES.forEach((each, i) => {
    if (Reflect.ownKeys(each).map(String).join() !== CLEAN[i]) throw new BrokenDecoder('a shared prototype was changed');
  });
}
