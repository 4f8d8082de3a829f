import { DIFFERENCING_FAULTS } from './differencing-faults.js';
import { SEALING_FAULTS } from './sealing-faults.js';

/** Faults to plant, each with the suite that must catch it. `find` stands exactly once in the built file `src/<file>`. */
export type Suite = 'simulation' | 'waits' | 'diff' | 'session' | 'store' | 'sealing';

export interface Fault {
  readonly name: string;
  readonly suite: Suite;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const fault = (suite: Suite, name: string, file: string, find: string, replace: string): Fault => ({
  suite,
  name,
  file,
  find,
  replace,
});

const CONTENT = 'diff/content-comparison.js';
const COMPARISON = 'diff/comparison.js';
const ARRAYS = 'diff/array-comparison.js';
const OPENING = 'diff/opening-reader.js';
const TABLE = 'diff/table-reader.js';
const LEDGER = 'replication/ledger.js';
const BATCH = 'replication/batch.js';
const PRIMARY = 'replication/primary.js';
const READING = 'replication/reading.js';
const THREE_WAY = 'session/three-way.js';
const MACHINE = 'replication/partition-machine.js';
const SUCCESSION = 'replication/succession.js';
const CLAIM = 'replication/claim.js';
const MOVES = 'replication/moves.js';
const UPKEEP = 'replication/upkeep.js';
const ROUTER = 'store/router.js';
const RECOVERY = 'replication/recovery.js';

export const FAULTS: readonly Fault[] = [
  ...SEALING_FAULTS,
  // differencing
  ...DIFFERENCING_FAULTS,
  // availability
  fault('waits', 'a paused primary is asked again as it is its turn', ROUTER, 'leader !== asked || tries', 'tries'),
  fault('waits', 'a new primary wakes nobody who waits', ROUTER, 'Math.min(tries, 5)), news.known)', 'Math.min(tries, 5)))'),
  fault('waits', 'a hint leads back to the dead', ROUTER, 'if (this.#node.leaderOf(partition) !== believed)', 'if (false)'),
  fault('diff', 'a date that changed in place is passed over', CONTENT, 'if (Object.is(time, node.time))', 'if (true)'),
  fault(
    'diff',
    'an opened session has changed strings for its benchmark',
    TABLE,
    'held === read ?',
    "typeof held === 'string' ?",
  ),
  fault(
    'diff',
    'an opened session finds objects by place, not by id',
    OPENING,
    'this.#byId === undefined ? this.objects[id]',
    'true ? this.objects[id]',
  ),
  fault(
    'diff',
    'an opened session numbers layouts from the end',
    OPENING,
    'this.#layouts.push(layout);',
    'this.#layouts.unshift(layout);',
  ),
  fault(
    'diff',
    'an opened session may have any number of objects',
    OPENING,
    'this.objects.push(live) > this.#limits.objectsMax',
    'this.objects.push(live) < 0',
  ),
  fault('diff', 'an opened session ends before its bytes do', OPENING, 'this.at !== this.end || ', ''),
  fault(
    'diff',
    'an opened session keeps the bytes that it was given',
    'diff/opening.js',
    'text : copyBytes(snapshot)',
    'text : snapshot',
  ),
  fault('diff', 'an opened session may write its immutable attributes', 'diff/class-opener.js', "!mutable ? 'seal' : ", ''),
  fault('diff', 'any bytes are taken for ASCII', 'wire/terse-reader.js', 'return units < 0x80;', 'return true;'),
  fault('diff', 'a snapshot ends before its bytes do', TABLE, 'this.at !== this.end || ', ''),
  fault('diff', 'an opened session may hold two objects of one id', OPENING, 'if (this.#byId.has(id))', 'if (false)'),
  fault('diff', 'a snapshot may hold two nodes of one id', TABLE, ' || table.nodes.has(id)', ''),
  fault('diff', 'keys that are array indices make a layout', 'diff/layout.js', 'if (next.isIndex)', 'if (false)'),
  fault(
    'diff',
    'an attribute compares with ==',
    CONTENT,
    'if (Object.is(now, stored))\n            continue;',
    'if (now == stored)\n            continue;',
  ),
  fault(
    'diff',
    'an attribute takes -0 for 0',
    CONTENT,
    'if (Object.is(now, stored))\n            continue;',
    'if (now === stored)\n            continue;',
  ),
  fault('diff', 'the benchmark does not advance', CONTENT, 'pass.draft.setSlot(node, place, now);', ''),
  fault(
    'diff',
    'bytes of the benchmark are those of the instance',
    CONTENT,
    'draft.setBytes(node, copyBytes(now));\n        writer.bytes(node);',
    'draft.setBytes(node, now);\n        writer.bytes(node);',
  ),
  fault(
    'diff',
    'bytes that changed in place are passed over',
    CONTENT,
    'else if (patches.length > 0)',
    'else if (node.bytes.byteLength !== now.byteLength)',
  ),
  fault(
    'diff',
    'a moved object is a new one',
    COMPARISON,
    'if (known !== undefined)\n            return known;\n        if (isNode(candidate)',
    'if (isNode(candidate)',
  ),
  fault(
    'diff',
    'an object visited before is adopted again',
    COMPARISON,
    "if (node.mark === this.walk || node.kind === 'blob' || !looksLike",
    "if (node.kind === 'blob' || !looksLike",
  ),
  fault(
    'diff',
    'adoption forgets immutable attributes',
    COMPARISON,
    "if (node.kind === 'instance' && !this.#sameImmutables(node, live))",
    'if (false)',
  ),
  fault(
    'diff',
    'an alias is not compared',
    COMPARISON,
    'this.#toCompare.push(node);',
    'if (node.kind !== "map") this.#toCompare.push(node);',
  ),
  fault(
    'diff',
    'a hole is undefined',
    ARRAYS,
    'return value === undefined && !Object.hasOwn(this.#live, index) ? HOLE : value;',
    'return value;',
  ),
  fault(
    'diff',
    'the common tail overlaps the head',
    ARRAYS,
    'while (oldEnd > this.#head && newEnd > this.#head && this',
    'while (oldEnd > 0 && newEnd > 0 && this',
  ),
  fault(
    'diff',
    'an element that was adopted stays where it was',
    ARRAYS,
    'settled.push([old, now]);',
    'settled.push([old, old]);',
  ),
  fault(
    'diff',
    'elements that stay may change their order',
    'diff/array-match.js',
    'if (match[tails[middle]] < position)',
    'if (match[tails[middle]] > position)',
  ),
  fault(
    'diff',
    'a failed comparison leaves the graph half advanced',
    'diff/draft.js',
    'for (const [node, copy] of this.before)',
    'for (const [node, copy] of [])',
  ),
  fault(
    'diff',
    'an error in a delta leaves half of it applied',
    'diff/graph.js',
    'catch (error) {\n            draft.rollback();\n            throw typed(error);\n        }\n        if (this.#binding',
    'catch (error) {\n            throw typed(error);\n        }\n        if (this.#binding',
  ),
  // merging and sessions at rest
  fault(
    'store',
    'ids of one’s own new objects stay where others’ have come in',
    'store/working-copy.js',
    'this.graph.shiftIds(this.#baseNextId, shift);',
    '',
  ),
  fault('session', 'the same slot merges', THREE_WAY, 'common.length === 0 ? mine', 'true ? mine'),
  fault('session', 'a delta may speak of an object that is gone', THREE_WAY, 'if (gone.length > 0)', 'if (false)'),
  fault('session', 'what one takes out drops what the other changed in it', THREE_WAY, 'if (lost.length > 0)', 'if (false)'),
  fault('session', 'a merge drops theirs', 'model/merge-rule.js', 'return sumOf([theirs, mine, -base]);', 'return mine;'),
  fault('session', 'a merge of lists drops theirs', 'session/list-merge.js', 'result.push(...other.inserted[gap]);', ''),
  fault('session', 'a primary refuses from memory without a lease', BATCH, 'own?.fresh !== false || ', 'true || '),
  fault(
    'session',
    'the base of a merge is the newest state',
    'session/at-rest.js',
    'i < at - this.#snapshotVersion',
    'i < this.#deltas.count',
  ),
  fault(
    'session',
    'ids of what is under way stay where others’ have come in',
    'store/rebase.js',
    'graph.shiftIds(from, by);',
    '',
  ),
  fault(
    'store',
    'an object that was never stored is taken for one of others',
    'store/working-copy.js',
    'this.graph.shiftIds(this.#baseNextId, OWN_IDS_FROM);',
    '',
  ),
  fault(
    'store',
    'a merged result is not told to the committer',
    BATCH,
    'rewritten: stored === undefined ||',
    'rewritten: true ||',
  ),
  fault(
    'simulation',
    'a merge drops theirs, in a cluster',
    'model/merge-rule.js',
    'return sumOf([theirs, mine, -base]);',
    'return mine;',
  ),
  fault(
    'simulation',
    'a merge applies mine twice',
    'model/merge-rule.js',
    'return sumOf([theirs, mine, -base]);',
    'return sumOf([theirs, mine, mine, -base, -base]);',
  ),
  fault(
    'simulation',
    'a merged result is not told to the committer, in a cluster',
    BATCH,
    'rewritten: stored === undefined ||',
    'rewritten: true ||',
  ),
  // the protocol
  fault(
    'simulation',
    'an operation that was stored is applied again',
    BATCH,
    'header === undefined ? undefined : findOp(header, operation.op)',
    'undefined',
  ),
  fault(
    'simulation',
    'a record whose fate is open is never sent again',
    'replication/append-slot.js',
    'return !this.#waiting && nowMs >= this.#nextMs;',
    'return false;',
  ),
  fault(
    'simulation',
    'a time-out is taken for "no"',
    MACHINE,
    'slot.undecided(attempt, now.ms, this.options.timing);',
    "this.#slot = undefined; if (slot.content.type === 'commit') this.primary.refuse(slot.content.batch, 'UNAVAILABLE', 'x'); return;",
  ),
  fault(
    'simulation',
    'a lost reply counts as never arrived',
    ROUTER,
    "if (asked.kind === 'lost')\n                        maybeStored = true;",
    '',
  ),
  fault(
    'simulation',
    'of several changes of one session in a batch the first counts',
    LEDGER,
    'if (!held.has(entry.session) && this',
    'if (!held.has(entry.session) && !changed.has(entry.session) && this',
  ),
  fault(
    'simulation',
    'a fenced primary goes on leading',
    MACHINE,
    "if (led)\n            this.primary.release('another node leads now', node);",
    'if (led)\n            return;',
  ),
  fault('simulation', 'the same slot merges, in a cluster', THREE_WAY, 'common.length === 0 ? mine', 'true ? mine'),
  fault(
    'store',
    'a commit of an earlier life is merged into the new one',
    BATCH,
    'base.incarnation !== header.incarnation',
    'false',
  ),
  fault('simulation', 'a lease never ends', PRIMARY, 'now.ms < this.#leaseUntilMs && now.ms >= this.#holdUntilMs', 'true'),
  fault(
    'simulation',
    'others’ new objects are taken in at the end of the ids',
    'store/working-copy.js',
    'this.graph.apply(delta, firstId)',
    'this.graph.apply(delta)',
  ),
  // handing over, and bringing replicas to where they belong
  fault(
    'session',
    'a successor is invited before the tail is decided',
    SUCCESSION,
    'this.#handover = new Handover(to, now.ms, timing);\n        this.#replica.pump(now);',
    'this.#handover = new Handover(to, now.ms, timing);\n        this.invite(now);',
  ),
  fault(
    'session',
    'a successor leads before it has reached the tail',
    SUCCESSION,
    'if (!this.#claim.isInvitedAt(applied))',
    'if (false)',
  ),
  fault('session', 'a primary that has invited goes on reading from memory', SUCCESSION, 'this.#replica.endLease();', ''),
  fault(
    'session',
    'a handover that comes to nothing never ends',
    'replication/handover.js',
    'return nowMs >= this.#untilMs;',
    'return false;',
  ),
  fault(
    'session',
    'what waits when a primary has handed over is dropped',
    PRIMARY,
    "for (const waiting of this.#queue)\n            this.#answer(waiting, { kind: 'retry', clean: true, hint, why });",
    '',
  ),
  fault(
    'session',
    'what a successor is asked early is forgotten',
    CLAIM,
    'return this.#early.splice(0);',
    'this.#early = []; return [];',
  ),
  fault('session', 'an invitation outlives what the primary did next', CLAIM, 'applied > invitation.position || ', ''),
  fault('session', 'an invitation never ends', CLAIM, ' || nowMs >= invitation.untilMs', ''),
  fault(
    'session',
    'a surplus replica is given up although a proper one is missing',
    MOVES,
    '!proper.every((node) => node === self || warm.includes(node))',
    'false',
  ),
  fault('session', 'a lead moves to a node that has not caught up', MOVES, '&& warm.includes(order[0])', ''),
  fault('simulation', 'surplus replicas stay', 'node/rebalancer.js', 'replicas.release(partition);', ''),
  fault('simulation', 'whoever drains keeps what it leads', 'node/rebalancer.js', '(calm || drains) && ', 'calm && !drains && '),
  fault(
    'session',
    'a gap in the log is not seen',
    LEDGER,
    'record.prev.sequence !== this.applied || record.prev.id !== this.lastId',
    'record.prev.sequence > at',
  ),
  fault('session', 'a rewritten tail is not seen', LEDGER, '|| record.prev.id !== this.lastId', ''),
  fault(
    'session',
    'records of an older term count',
    LEDGER,
    'const fenced = record.epoch !== this.epoch;',
    'const fenced = false;',
  ),
  fault(
    'session',
    'snapshots forget the last operations',
    'replication/session-state.js',
    'for (const [client, op] of header.ops)',
    'for (const [client, op] of [])',
  ),
  fault('session', 'a damaged record is taken as it is', 'replication/record.js', 'if (checksum !== computed)', 'if (false)'),
  // expiry
  fault(
    'session',
    'the clock that stamped a use is taken for the one that stamped its create',
    'replication/lifetime.js',
    'graceMs(incarnation, watch)',
    'graceMs(sequence, watch)',
  ),
  fault(
    'simulation',
    'a new primary expires by its own clock',
    'replication/lifetime.js',
    'stampedAt > term ? 0 : clockSkewMs',
    '0',
  ),
  fault(
    'simulation',
    'a touch is not counted',
    'replication/lifetime.js',
    'wallMs - touchedAtMs >= lifetime',
    'Infinity < lifetime',
  ),
  fault(
    'session',
    'what is not recorded is not granted',
    'replication/lifetime.js',
    'ttlMs * (1 + UNRECORDED_SHARE + JITTER_SHARE * spread(hash))',
    'ttlMs',
  ),
  fault(
    'simulation',
    'an open is answered before its use is recorded',
    PRIMARY,
    "read.consistency === 'primary' && this.#fresh(now) && recorded",
    "read.consistency === 'primary' && this.#fresh(now)",
  ),
  fault(
    'simulation',
    'an expired session comes back by a late commit',
    LEDGER,
    'if (isStep(entry.kind) && entry.to <= state.version)\n            return false;',
    "if (entry.kind === 'destroy' && entry.reason !== undefined) { state.version = entry.to; return true; }",
  ),
  fault(
    'simulation',
    'what was not due yet is forgotten',
    'replication/expiry.js',
    'this.#wheel.insert(hash, Math.max(',
    '(hash, Math.max(',
  ),
  // the log's length, its loss, and loading
  fault(
    'session',
    'trims what is in no snapshot yet',
    UPKEEP,
    'Math.min(ledger.beforeApplied, oldest === undefined ? Infinity : oldest - 1)',
    'ledger.beforeApplied',
  ),
  fault(
    'simulation',
    'trims what is in no snapshot yet, in a cluster',
    UPKEEP,
    'Math.min(ledger.beforeApplied, oldest === undefined ? Infinity : oldest - 1)',
    'ledger.beforeApplied',
  ),
  fault(
    'session',
    'what changed while its snapshot travelled counts as stored',
    'replication/unsaved-sessions.js',
    'this.#saving.delete(id);\n    }\n    /** What was being saved is not stored',
    'this.forget(id);\n    }\n    /** What was being saved is not stored',
  ),
  fault('session', 'a tombstone is forgotten too early', UPKEEP, 'now.wallMs - this.#options.timing.tombstoneMs', 'now.wallMs'),
  fault('session', 'a checkpoint names no revision', MACHINE, 'revision: reliedOn', 'revision: 0'),
  fault('session', 'a replica is whole before the revision was seen', RECOVERY, 'if (highest < ledger.loadUntil)', 'if (false)'),
  fault(
    'session',
    'a replica joins by snapshots older than the log relies on',
    'replication/joining.js',
    'stored !== undefined && reliesOn > highest',
    'false',
  ),
  fault(
    'session',
    'a session that is not loaded yet does not exist',
    LEDGER,
    'return this.#loading && !this.sessions.has(id);',
    'return false;',
  ),
  fault(
    'session',
    'whoever is first begins a lost log anew, however little it remembers',
    'replication/seed-choice.js',
    "other.state === 'lost' && isBetter(other, own)",
    'false',
  ),
  fault(
    'session',
    'a record behind the end of a generation counts',
    'replication/joining.js',
    'if (ended)\n            break;',
    '',
  ),
  fault('session', 'a generation is at work before its sessions are stored', MACHINE, 'if (unsaved.size === 0 &&', 'if ('),
  fault(
    'session',
    'versions go on as if no log had been lost',
    'replication/generation.js',
    'return version(from + VERSION_LEAP);',
    'return from;',
  ),
  fault(
    'session',
    'nobody asks before claiming a log that may be rolled back',
    RECOVERY,
    'return !this.#choice.missedBy(now.ms, this.#generation, this.#replica.ledger().reach);',
    'return true;',
  ),
  // reads, and what application servers keep
  fault(
    'session',
    'a lease is counted from the acceptance of an append',
    MACHINE,
    'this.primary.confirmed(slot.firstSentMs);',
    'this.primary.confirmed(now.ms);',
  ),
  fault(
    'session',
    'a strong read is answered from memory',
    PRIMARY,
    "if (read.consistency === 'primary' && this.#fresh(now) && recorded)",
    "if (read.consistency === 'strong' || (this.#fresh(now) && recorded))",
  ),
  fault(
    'session',
    'a strict takeover does not wait for the lease before it',
    PRIMARY,
    'now.ms + this.#options.timing.leaseMs : -Infinity',
    '-Infinity : -Infinity',
  ),
  fault('session', 'what a reader has seen already is not looked at', READING, 'version < read.atLeast', 'false'),
  fault(
    'simulation',
    'what is held of a session is opened without a question',
    'store/session-reader.js',
    'const asked = this.#router.read(partition, { session, ...freshness, known: held, use }, deadline);',
    "const asked = held ? Promise.resolve({ version: held.version, incarnation: held.incarnation, kind: 'same' }) : this.#router.read(partition, { session, ...freshness, known: held, use }, deadline);",
  ),
  fault('session', '"the same" is said of another incarnation', READING, '&& known.incarnation === incarnation', ''),
  fault(
    'session',
    'an operation that may have been forgotten is merged once more',
    BATCH,
    'if (mayBeForgotten(header, operation.op, base.version))',
    'if (false)',
  ),
  fault(
    'store',
    'a copy of an operation that is under way is taken in beside it',
    'node/intake.js',
    'if (same !== undefined)',
    'if (false)',
  ),
  fault(
    'store',
    'a refused try is taken in when it comes once more',
    'node/intake.js',
    'if (attempt <= (this.#refused.get(key) ?? -1))',
    'if (false)',
  ),
  fault('store', 'a read shares a question that has left', 'node/questions.js', 'outbox.reads.clear();', ''),
  fault('store', 'a second copy of a question counts as the only one', 'node/questions.js', '{ ...asked, again: true }', 'asked'),
  fault(
    'store',
    'a conflict after a lost answer is final, however much was forgotten',
    ROUTER,
    'if (maybeStored && answer.version - (operation.base?.version ?? 0) > CLIENTS_MAX)',
    'if (false)',
  ),
  fault('store', 'the next of a lane does not wait', 'store/lane.js', 'before === undefined ? task()', 'true ? task()'),
  fault(
    'session',
    'history is given up one delta too early',
    'session/at-rest.js',
    'base < this.#snapshotVersion',
    'base <= this.#snapshotVersion',
  ),
  fault('store', 'the cache knows no bound', 'store/session-cache.js', 'if (this.#bytes <= this.#bytesMax)', 'if (true)'),
];
