/** Faults of differencing: what generated text says, what tracking notes, how bytes are compared, what numbers become. */
import { coreOf, fault } from './fault.js';
import type { Fault } from './fault.js';

const SOURCE = 'diff/comparator-source.js';
const EDITS = 'diff/byte-edits.js';
const DRAFT = 'diff/draft.js';
const PARTIAL = 'diff/partial-comparison.js';
const FLOAT = 'wire/float.js';
const STATE = 'diff/tracked-state.js';
const ACCESSORS = 'diff/tracked-accessors.js';

const diff = (name: string, file: string, find: string, replace: string): Fault => fault('diff', name, file, find, replace);
const core = (...of: Parameters<typeof diff>): Fault => coreOf(diff(...of));

export const DIFFERENCING_FAULTS: readonly Fault[] = [
  // generated comparators
  core('a generated comparator takes -0 for 0', SOURCE, 'if (!Object.is(${a}, ${b})) {${what}', 'if (${a} !== ${b}) {${what}'),
  diff(
    'a generated comparator passes over another class',
    SOURCE,
    '`    if (Object.getPrototypeOf(live) !== prototype) findings.broken = true;`,',
    '',
  ),
  diff('a generated comparator passes over the order of keys', SOURCE, 'if (key !== KEYS[count++]) change = 3;', 'count++;'),
  diff('a generated comparator of arrays passes over a moved element', SOURCE, 'if (b.source !== a) return findings.report(this, depth, 3, start);', ''),
  core('what a generated comparator advanced is not taken back', SOURCE, '`        undo.push(this, ${place}, ${b});`,', ''),
  diff('a generated comparator writes a value that the node does not get', SOURCE, '`        this.f${place} = ${a};`,', ''),
  // comparing only what changed
  diff('what was met in no certain order is put in some order', PARTIAL, 'if (!this.#isClear)', 'if (false)'),
  diff('what an object refers to is not scanned where references changed', PARTIAL, 'if (!this.#scans || node.shared)', 'if (true)'),
  diff('an object is adopted whose other references were not looked at', PARTIAL, "if (node.shared || node.kind === 'view')", 'if (false)'),
  diff('objects below a changed one are reported twice', 'diff/findings.js', 'this.count = start;', ''),
  diff('what went from one object to another is thought to be reached', DRAFT, 'if (holder === undefined && !node.shared)', 'if (false)'),
  diff('a reference that came makes nothing shared', DRAFT, 'if (node.shared ? count < 0 : count > 0)', 'if (node.shared && count < 0)'),
  diff('what is shared stays in the tables when it left', DRAFT, 'if (node.shared ? count < 0 : count > 0)', 'if (!node.shared && count > 0)'),
  diff('a cycle refers to a node that was laid out', 'diff/laying-out.js', 'node.set(slot, this.#now(value));', ''),
  diff('an array forgets by what its elements are told apart', 'diff/laying-out.js', 'value.key ??= attributes[slot]?.key;', ''),
  // tracking
  diff('a write is noted under the mark of another attribute', ACCESSORS, 'state.marks |= ${2 ** (i % MARKS)};', 'state.marks |= 1;'),
  diff('only the first tracker is told of a write', STATE, 'watch !== undefined; watch = watch.next) {\n            if (watch.pending === 0)', 'watch !== undefined; watch = undefined) {\n            if (watch.pending === 0)'),
  core('one tracker takes the marks of all', STATE, 'watch.pending |= marks;', ';'),
  diff('marks that were taken for nothing are lost', STATE, 'own.pending |= marks;', ';'),
  // bytes
  core('portions are placed from the start, not from the end of the one before', 'diff/byte-patch.js', 'kept: from - done,', 'kept: from,'),
  diff('bytes behind an insertion are compared with those before it', EDITS, 'const begun = Math.max(begin, place);', 'const begun = begin;'),
  diff('a match of an anchor is believed to be longer', EDITS, 'this.#search({ from: match.to, to, at: match.end, end }, depth + 1);', 'this.#search({ from: match.to + 1, to, at: match.end + 1, end }, depth + 1);'),
  diff('edits are not looked for behind a match', EDITS, 'this.#search({ from: match.to, to, at: match.end, end }, depth + 1);', ''),
  diff('an alignment that many small edits support is believed', EDITS, 'const match = isDoubtful && depth < DEPTH_MAX', 'const match = false'),
  diff('bytes replaced in the benchmark are not put back', DRAFT, 'of this.#replaced.toReversed())', 'of [])'),
  diff('bytes to be put back are those that replace them', DRAFT, 'copyBytes(bytes.subarray(at, end))', 'bytes.subarray(at, end)'),
  diff("what an encoder hands out is kept, though it is the encoder's", 'diff/content-comparison.js', 'codec === undefined ? bytes : copyBytes(bytes)', 'bytes'),
  diff('bytes that changed in place are passed over in a scan', 'diff/leaf-scan.js', 'return bytesEqual(live instanceof', 'return true || bytesEqual(live instanceof'),
  // numbers
  diff('a decimal is what rounding makes of a number', FLOAT, 'if (mantissa / POWERS[digits] !== size)', 'if (Number.isInteger(size))'),
  diff('a decimal loses its sign', FLOAT, 'mantissa * 2 + (value < 0 ? 1 : 0)', 'mantissa * 2'),
  diff('a negative float is read as a positive one', FLOAT, 'LAST_BYTE_MIN + place - LAST_BYTES + 0x80', 'LAST_BYTE_MIN + place - LAST_BYTES'),
  diff('a decimal that could be shorter is read', FLOAT, '|| mantissa % 10 === 0)', ')'),
  // snapshots
  diff('a generated snapshot writes slots that were never given one by one', 'diff/comparator-source.js', '`    if (${unusual}) return false;`', '``'),
  // what is not all there
  diff('a property beside the elements is passed over', 'diff/comparison.js', 'if (extra !== undefined)', 'if (false)'),
  diff('half of a delta is written before a frozen object is met', 'diff/mirror.js', 'if (isFixed)', 'if (false)'),
]; // prettier-ignore
