/**
 * Group commit: makes one record of what is waiting.
 *
 * Invariant: acknowledged state is only read here, never changed. What is in flight is an overlay of headers and deltas that is
 * dropped whole when its append turns out not to have happened; an answer that depends on the overlay waits for it (`late`).
 */
import { bytesEqual } from '../shared/bytes.js';
import { TwinstateError } from '../shared/errors.js';
import type { Sequence, SessionId, Version } from '../shared/ids.js';
import { EMPTY_BYTES } from '../shared/bytes.js';
import { sequence, version } from '../shared/ids.js';
import type { Ledger } from './ledger.js';
import type { Answer, Operation } from './operation.js';
import type { EndReason, Life } from './lifetime.js';
import { isWithheld } from './other-release.js';
import { entryBytes, isStep, isWhole } from './record.js';
import type { Entry, OpId } from './record.js';
import { applyEntry, copyHeader, findOp, freshState, mayBeForgotten } from './session-state.js';
import type { Bodies, SessionHeader, SessionState, VersionedDelta } from './session-state.js';

/** An operation with the token under which it is answered. */
export interface Waiting {
  readonly token: number;
  readonly operation: Operation;
}

export interface Batch {
  readonly entries: readonly Entry[];
  /** Answered once the record is stored. */
  readonly stored: readonly { readonly waiting: Waiting; readonly entry: Entry; readonly merged: boolean }[];
  /** Answered then, too, with this, or as done under this version; where it is not stored they are asked again. */
  readonly late: readonly { readonly waiting: Waiting; readonly answer: Answer | Version }[];
  /** Answered at once. */
  readonly now: readonly { readonly waiting: Waiting; readonly answer: Answer }[];
  /** For the next batch. */
  readonly rest: Waiting[];
  /** Somebody waits for backups. */
  readonly confirm: boolean;
}

/** What a primary does by itself, behind what it was asked for: whether it still should is seen there. */
export interface Own {
  /** Its lease is fresh: what its memory refuses needs no record to confirm it (rule 12). */
  readonly fresh: boolean;
  /** Sessions whose use is to be recorded. */
  readonly used: Iterable<SessionId>;
  /** Sessions that may be over. */
  readonly due: Iterable<SessionId>;
  /** Whether a session in this standing is to be recorded as used. */
  readonly useIsDue: (session: SessionHeader) => boolean;
  /** Why a session in this standing is over, if it is. */
  readonly endOf: (session: SessionHeader & Life) => EndReason | undefined;
}

export interface BatchLimits {
  readonly bytesMax: number;
  readonly entriesMax: number;
  /** Living sessions of the partition: no more are created (default: any number). */
  readonly sessionsMax?: number;
}

/** What a session will be once this record is stored. Most records change a session once: then nobody asks. */
class Overlay {
  readonly #before: SessionHeader;
  readonly #first: Entry;
  /** Behind the first one. */
  #more: Entry[] | undefined;
  #header: SessionHeader | undefined;
  /** How many of the entries are in the header. */
  #applied = 0;
  /** True where this very batch creates it: its incarnation is not known yet. */
  created: boolean;
  /** True where this very batch ends its tombstone: a new life begins at version 1 for whoever has none, so not behind this header. */
  readonly forgotten: boolean;

  constructor(before: SessionHeader, first: Entry) {
    this.#before = before;
    this.#first = first;
    this.created = beginsAnew(first);
    // of what something else in the batch changes no tombstone ends
    this.forgotten = first.kind === 'forget';
  }

  get header(): SessionHeader {
    const header = (this.#header ??= copyHeader(this.#before));
    const entries = this.#entries;
    while (this.#applied < entries.length) applyEntry(header, entries[this.#applied++]!, IN_THIS_RECORD);
    return header;
  }

  get deltas(): VersionedDelta[] {
    return this.#entries.filter(({ kind }) => kind === 'commit').map(({ to, payload }) => ({ version: to, delta: payload }));
  }

  add(entry: Entry): void {
    (this.#more ??= []).push(entry);
    this.created ||= beginsAnew(entry);
  }

  get #entries(): readonly Entry[] {
    return [this.#first, ...(this.#more ?? [])];
  }
}

/** What the session is then, no state that is here says. */
function beginsAnew({ kind }: Entry): boolean {
  return isWhole(kind) || kind === 'forget';
}

/** A session that is taken over stays at the version that it was at, also where nothing of it is known here. */
function reachedBy({ kind, base }: Operation): number {
  return kind === 'adopt' ? (base?.version ?? 0) : 0;
}

const IN_THIS_RECORD = sequence(0);

export function makeBatch<B>(
  ledger: Ledger<B>,
  bodies: Bodies<B>,
  queue: readonly Waiting[],
  wallMs: number,
  limits: BatchLimits,
  own?: Own,
): Batch {
  // as it will be read again
  const atMs = Math.max(0, Math.floor(wallMs));
  const overlays = new Map<SessionId, Overlay>();
  const entries: Entry[] = [];
  const stored: { waiting: Waiting; entry: Entry; merged: boolean }[] = [];
  const late: { waiting: Waiting; answer: Answer | Version }[] = [];
  const now: { waiting: Waiting; answer: Answer }[] = [];
  const rest: Waiting[] = [];
  let bytes = 0;
  let confirm = false;
  let created = 0;
  const { sessionsMax = Infinity } = limits;
  for (const waiting of queue) {
    if (entries.length >= limits.entriesMax || (bytes >= limits.bytesMax && entries.length > 0)) {
      rest.push(waiting);
      continue;
    }
    const { operation } = waiting;
    if (ledger.sessions.isPassive(operation.session)) {
      now.push({ waiting, answer: AT_REST });
      continue;
    }
    const state = ledger.session(operation.session);
    const overlay = overlays.get(operation.session);
    const header = overlay?.header ?? state;
    const known = header === undefined ? undefined : findOp(header, operation.op);
    if (known !== undefined) {
      const answer = known === 'overtaken' ? OVERTAKEN : known.version;
      // in the overlay it is only about to be done: its incarnation is not known before the record is stored
      if (overlay !== undefined) late.push({ waiting, answer });
      else now.push({ waiting, answer: typeof answer === 'number' ? doneAgain(ledger, bodies, operation, answer) : answer });
      continue;
    }
    if (overlay?.created === true && (!isWhole(operation.kind) || (overlay.forgotten && operation.kind === 'create'))) {
      rest.push(waiting);
      continue;
    }
    let decided = decide(ledger, bodies, operation, state, header, overlay);
    if (operation.kind === 'create' && decided.answer === undefined && ledger.living + created >= sessionsMax)
      decided = { answer: tooMany(sessionsMax) };
    if (decided.answer !== undefined) {
      // without a lease another one may lead, and know better
      const isSure = overlay === undefined && (own?.fresh !== false || decided.answer.kind === 'retry');
      (isSure ? now : late).push({ waiting, answer: decided.answer });
      continue;
    }
    if (operation.kind === 'touch' && operation.backups === 0 && own?.useIsDue(header!) === false) {
      // that the record is stored says that this primary still leads; the session needs none of its own
      late.push({ waiting, answer: header!.version });
      continue;
    }
    if (operation.kind === 'create') created++;
    const from = header?.version ?? version(0);
    const made: Entry = {
      kind: operation.kind,
      session: operation.session,
      op: operation.op,
      from,
      to: isStep(operation.kind) ? version(Math.max(from + 1, reachedBy(operation))) : from,
      incarnation:
        operation.kind === 'create'
          ? IN_THIS_RECORD
          : operation.kind === 'adopt'
            ? operation.base!.incarnation
            : header!.incarnation,
      atMs,
      className: operation.className,
      payload: decided.payload,
    };
    const entry = operation.lifetime === undefined ? made : { ...made, lifetime: operation.lifetime };
    const size = entryBytes(entry);
    if (entries.length > 0 && bytes + size > limits.bytesMax) {
      rest.push(waiting);
      bytes = limits.bytesMax;
      continue;
    }
    if (overlay === undefined) overlays.set(operation.session, new Overlay(state ?? freshState(operation.session), entry));
    else overlay.add(entry);
    entries.push(entry);
    stored.push({ waiting, entry, merged: decided.merged });
    bytes += size;
    confirm ||= operation.backups > 0;
  }
  if (own !== undefined) {
    for (const entry of ownEntries(ledger, overlays, own, atMs)) {
      if (entries.length >= limits.entriesMax || bytes >= limits.bytesMax) break;
      entries.push(entry);
      bytes += entryBytes(entry);
    }
  }
  return { entries, stored, late, now, rest, confirm };
}

const NOBODY: OpId = { client: '', counter: 0 };

/** Adds what the primary does by itself to sessions that nothing else in this record changes, as far as there is room. */
function* ownEntries<B>(ledger: Ledger<B>, overlays: ReadonlyMap<SessionId, Overlay>, own: Own, atMs: number): Iterable<Entry> {
  const used = new Set(own.used);
  for (const session of new Set([...used, ...own.due])) {
    // used by somebody in this very record, or over already
    if (overlays.has(session)) continue;
    const state = ledger.session(session);
    if (state === undefined || state.dead) continue;
    const { version: from, incarnation } = state;
    const made = { session, op: NOBODY, from, incarnation, atMs, className: '', payload: EMPTY_BYTES };
    if (used.has(session)) {
      if (!state.passive && own.useIsDue(state)) yield { ...made, kind: 'touch', to: from };
    } else {
      const reason = own.endOf(state);
      if (reason !== undefined) yield { ...made, kind: 'destroy', to: version(from + 1), reason };
    }
  }
}

const OVERTAKEN: Answer = { kind: 'retry', clean: false, hint: undefined, why: 'a later operation of this client is known' };

const AT_REST_WHY = 'it is being fetched from its stored snapshot';
/** It left memory after it was asked for, which who uses a session prevents. */
const AT_REST: Answer = { kind: 'retry', clean: true, hint: undefined, why: AT_REST_WHY };

const UNREADABLE: Answer = { kind: 'refused', code: 'SESSION_QUARANTINED', why: 'its stored bytes cannot be read' };

type Decision =
  | { readonly answer: Answer; readonly payload?: undefined; readonly merged?: undefined }
  | { readonly answer?: undefined; readonly payload: Uint8Array; readonly merged: boolean };

function decide<B>(
  ledger: Ledger<B>,
  bodies: Bodies<B>,
  operation: Operation,
  state: SessionState<B> | undefined,
  header: SessionHeader | undefined,
  overlay: Overlay | undefined,
): Decision {
  const { kind, base, payload } = operation;
  const quarantine = state?.quarantine;
  if (quarantine !== undefined && isWithheld(quarantine))
    return { answer: { kind: 'refused', code: quarantine.code, why: quarantine.received ?? '' } };
  if (kind === 'create') {
    if (header !== undefined && !header.dead) return { answer: { kind: 'exists' } };
    return { payload, merged: false };
  }
  if (kind === 'adopt') return decideAdoption(ledger, operation, overlay);
  if (kind === 'forget' && header?.dead === true && overlay === undefined && base?.version === header.version) {
    return { payload, merged: false };
  }
  if (header === undefined || header.dead) return { answer: { kind: 'gone', ended: header?.ended } };
  // another session of this id lives: what became of the one that is meant is not known any more
  if (base !== undefined && base.incarnation !== header.incarnation) return { answer: { kind: 'gone', ended: undefined } };
  if (kind === 'forget') return { answer: { kind: 'gone', ended: header.ended } };
  if (operation.className !== header.className && header.className !== '') {
    return { answer: { kind: 'refused', code: 'CLASS_UNKNOWN', why: `it is a session of the class ${header.className}` } };
  }
  if (kind !== 'commit') return { payload, merged: false };
  if (state?.body === undefined) return { answer: UNREADABLE };
  if (base === undefined || base.version > header.version) {
    return { answer: { kind: 'retry', clean: true, hint: undefined, why: 'this base is not known here' } };
  }
  const { body } = state;
  const tooLarge = (delta: Uint8Array): Answer | undefined =>
    refusalOf(() => bodies.hold(body, delta, overlay?.deltas ?? [], operation.className));
  if (base.version === header.version && !operation.rebased) {
    const answer = tooLarge(payload);
    return answer === undefined ? { payload, merged: false } : { answer };
  }
  if (mayBeForgotten(header, operation.op, base.version)) {
    const why = 'so many clients have committed since that an earlier try of it may have been stored and forgotten';
    return { answer: { kind: 'conflict', version: header.version, slots: [], why } };
  }
  const result = ledger.readBody(state, (body) => bodies.merge(body, overlay?.deltas ?? [], base.version, payload));
  if (result === undefined) return { answer: UNREADABLE };
  if (!result.merged) return { answer: { kind: 'conflict', version: header.version, slots: result.slots, why: result.why } };
  const problem =
    result.delta === payload
      ? tooLarge(payload)
      : (refusalOf(() => bodies.check('commit', result.delta, operation.className)) ?? tooLarge(result.delta));
  return problem === undefined ? { payload: result.delta, merged: base.version < header.version } : { answer: problem };
}

function tooMany(sessionsMax: number): Answer {
  const why =
    `its partition has as many living sessions as it may: expected at most ${sessionsMax}, its share of \`limits.sessionsMax\`, ` +
    'received one more; destroy some, give them a shorter `ttl`, or raise the limit on every node';
  return { kind: 'refused', code: 'LIMIT_EXCEEDED', why };
}

/** Why a payload can never be stored; `undefined` where it stands the check. */
export function refusalOf(check: () => void): Answer | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (!(error instanceof TwinstateError)) throw error;
    return { kind: 'refused', code: error.code, why: error.message };
  }
}

/** A session is taken over as a node remembers it where that is ahead, and nobody has changed it since the log began anew (rule 10). */
function decideAdoption<B>(ledger: Ledger<B>, { session, base, payload }: Operation, overlay: Overlay | undefined): Decision {
  const { seeding } = ledger;
  if (seeding === undefined || base === undefined) return { answer: { kind: 'gone', ended: undefined } };
  const state = ledger.session(session);
  if (state === undefined && overlay === undefined) return { payload, merged: false };
  const version = overlay?.header.version ?? state!.version;
  if (overlay !== undefined || state!.sequence !== seeding.at)
    return { answer: { kind: 'conflict', version, slots: [], why: 'it was changed since the log began anew' } };
  const { incarnation } = state!;
  // one that cannot be read is mended by the same state, and never by an older one: what was acknowledged behind that would be missing unsaid
  if (state!.quarantine !== undefined && base.incarnation === incarnation && base.version === version)
    return { payload, merged: false };
  const ahead = base.incarnation > incarnation || (base.incarnation === incarnation && base.version > version);
  return ahead ? { payload, merged: false } : { answer: { kind: 'gone', ended: undefined } };
}

/** The answer to an operation that was stored before, whoever stored it. */
export function doneAgain<B>(ledger: Ledger<B>, bodies: Bodies<B>, operation: Operation, at: Version): Answer {
  const state = ledger.session(operation.session);
  if (state?.passive === true) return { kind: 'retry', clean: false, hint: undefined, why: AT_REST_WHY };
  const base = operation.base?.version;
  const merged = operation.kind === 'commit' && base !== undefined && at > base + 1;
  return done(bodies, state, operation, at, state?.incarnation ?? (0 as Sequence), merged);
}

/** The answer to an operation that this record stored. */
export function doneNow<B>(ledger: Ledger<B>, bodies: Bodies<B>, operation: Operation, entry: Entry, merged: boolean): Answer {
  const { kind, incarnation, to } = entry;
  if (kind !== 'create' && !merged)
    return { kind: 'done', version: to, incarnation, merged, others: NOTHING, rewritten: undefined };
  const state = ledger.session(entry.session);
  return done(bodies, state, operation, to, kind === 'create' ? (state?.incarnation ?? (0 as Sequence)) : incarnation, merged);
}

const NOTHING: readonly VersionedDelta[] = [];

/** Whoever stored it, and however often it is asked: what it became is read from what is stored. */
function done<B>(
  bodies: Bodies<B>,
  state: SessionState<B> | undefined,
  operation: Operation,
  at: Version,
  incarnation: Sequence,
  merged: boolean,
): Answer {
  const since =
    merged && state?.body !== undefined && operation.base !== undefined
      ? bodies.since(state.body, operation.base.version)
      : undefined;
  const stored = since?.find((delta) => delta.version === at)?.delta;
  return {
    kind: 'done',
    version: at,
    incarnation,
    merged,
    others: since?.filter((delta) => delta.version < at) ?? NOTHING,
    rewritten: stored === undefined || bytesEqual(stored, operation.payload) ? undefined : stored,
  };
}
