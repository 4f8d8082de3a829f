/** Records, bodies and times for the tests of the state machines: bodies are lists of texts, so that every state can be read. */
import { EMPTY_BYTES } from '../../src/shared/bytes.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { epoch, nodeId, revision, sequence, sessionId, version } from '../../src/shared/ids.js';
import type { NodeId, Version } from '../../src/shared/ids.js';
import type { Operation } from '../../src/replication/operation.js';
import type { CommitRecord, Entry, EntryKind, LeadRecord, LogRecord } from '../../src/replication/record.js';
import type { Bodies, VersionedDelta } from '../../src/replication/session-state.js';

export const A: NodeId = nodeId('a~1');
export const B: NodeId = nodeId('b~1');
export const C: NodeId = nodeId('c~1');

export const text = (value: string): Uint8Array => Buffer.from(value, 'utf8');
export const read = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

/** A body is what was created and every delta after it; a delta `key=value` conflicts with another one of the same key. */
export interface TextBody {
  readonly created: string;
  readonly deltas: VersionedDelta[];
}

const slotOf = (delta: Uint8Array): string => read(delta).split('=')[0]!;

export const textBodies: Bodies<TextBody> = {
  create(snapshot) {
    if (read(snapshot) === 'poison') throw new TwinstateError('BYTES_CORRUPT', 'this snapshot is poison');
    return { created: read(snapshot), deltas: [] };
  },
  check(_, payload) {
    if (read(payload) === 'malformed') throw new TwinstateError('BYTES_CORRUPT', 'this payload is malformed');
  },
  hold: () => undefined,
  append(body, delta, at) {
    if (read(delta) === 'poison') throw new TwinstateError('BYTES_CORRUPT', 'this delta is poison');
    body.deltas.push({ version: at, delta });
  },
  snapshot(body) {
    const late = body.deltas.find(({ delta }) => read(delta) === 'late poison');
    if (late !== undefined) throw new TwinstateError('DELTA_MISMATCH', 'this delta fits nothing');
    return text([body.created, ...body.deltas.map(({ delta }) => read(delta))].join(','));
  },
  salvage: ({ created }) => text(created),
  settle: () => undefined,
  pack: ({ created, deltas }) => {
    const kept = deltas.map(({ version: at, delta }) => [at, read(delta)]);
    return { common: EMPTY_BYTES, own: text(JSON.stringify({ created, kept })), settled: true };
  },
  unpack: (_, own) => {
    const { created, kept } = JSON.parse(read(own)) as { created: string; kept: [number, string][] };
    return { created, deltas: kept.map(([at, delta]) => ({ version: version(at), delta: text(delta) })) };
  },
  since: (body, base) => body.deltas.filter((delta) => delta.version > base),
  merge(body, pending, base, delta) {
    const others = [...body.deltas, ...pending].filter((each) => each.version > base);
    const both = others.filter((each) => slotOf(each.delta) === slotOf(delta)).map((each) => slotOf(each.delta));
    return both.length > 0 ? { merged: false, slots: both, why: '' } : { merged: true, delta };
  },
};

let counter = 0;

export function entry(kind: EntryKind, session: string, from: number, payload = '', more: Partial<Entry> = {}): Entry {
  return {
    kind,
    session: sessionId(session),
    op: { client: 'client', counter: ++counter },
    from: version(from),
    to: version(kind === 'touch' ? from : from + 1),
    incarnation: sequence(0),
    atMs: 1_000,
    className: kind === 'create' ? 'text' : '',
    payload: payload === '' ? EMPTY_BYTES : text(payload),
    ...more,
  };
}

export function operation(
  kind: EntryKind,
  session: string,
  base: number | undefined,
  payload = '',
  more: Partial<Operation> = {},
): Operation {
  return {
    kind,
    session: sessionId(session),
    op: { client: 'client', counter: ++counter },
    base: base === undefined ? undefined : { version: version(base), incarnation: sequence(2) },
    className: 'text',
    rebased: false,
    payload: text(payload),
    backups: 0,
    waitMs: 0,
    ...more,
  };
}

/** Records that follow each other, as one writer makes them. */
export class Chain {
  at = 0;
  id = '';
  epoch = 0;

  lead(node: NodeId = A): LeadRecord {
    const record: LeadRecord = { type: 'lead', id: `r${this.at + 1}`, prev: { sequence: sequence(this.at), id: this.id }, node };
    this.#next(record);
    this.epoch = this.at;
    return record;
  }

  commit(entries: readonly Entry[], more: Partial<CommitRecord> = {}): CommitRecord {
    const record: CommitRecord = {
      type: 'commit',
      id: `r${this.at + 1}`,
      prev: { sequence: sequence(this.at), id: this.id },
      epoch: epoch(this.epoch),
      node: A,
      confirm: false,
      entries,
      ...more,
    };
    this.#next(record);
    return record;
  }

  checkpoint(floor: number, at: number): LogRecord {
    const record: LogRecord = {
      type: 'checkpoint',
      id: `r${this.at + 1}`,
      prev: { sequence: sequence(this.at), id: this.id },
      epoch: epoch(this.epoch),
      node: A,
      floor: sequence(floor),
      revision: revision(at),
      digests: [],
      seeding: undefined,
    };
    this.#next(record);
    return record;
  }

  #next(record: LogRecord): void {
    this.at++;
    this.id = record.id;
  }
}

export const V = (n: number): Version => version(n);
