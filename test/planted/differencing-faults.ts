/** Faults of differencing: what generated text says, what tracking notes, how bytes are compared, what numbers become. */
import type { Fault } from './faults.js';

const SOURCE = 'diff/comparator-source.js';
const EDITS = 'diff/byte-edits.js';
const DRAFT = 'diff/draft.js';
const FLOAT = 'wire/float.js';
const STATE = 'diff/tracked-state.js';
const ACCESSORS = 'diff/tracked-accessors.js';

const diff = (name: string, file: string, find: string, replace: string): Fault => ({ suite: 'diff', name, file, find, replace });

export const DIFFERENCING_FAULTS: readonly Fault[] = [
  // generated comparators
  diff('a generated comparator takes -0 for 0', SOURCE, 'if (!Object.is(a${i}, ${b})) {${what}', 'if (a${i} !== ${b}) {${what}'),
  diff(
    'a generated comparator passes over another class',
    SOURCE,
    '`    if (Object.getPrototypeOf(live) !== prototype) findings.broken = true;`,',
    '',
  ),
  diff('a generated comparator passes over the order of keys', SOURCE, 'if (key !== KEYS[count++]) same = false;', 'count++;'),
  diff('a generated comparator of arrays passes over a moved element', SOURCE, 'if (b.source !== a) findings.broken = true;', 'if (false) {}'),
  diff('what a generated comparator advanced is not taken back', SOURCE, '`      undo.push(this, ${i}, b${i});`,', ''),
  diff('a generated comparator writes a value that the node does not get', SOURCE, '`      node.slots[${place}] = this.f${i} = a${i};`', '`      this.f${i} = a${i};`'),
  // tracking
  diff('a write is noted under the mark of another attribute', ACCESSORS, 'state.marks |= ${2 ** (i % MARKS)};', 'state.marks |= 1;'),
  diff('only the first tracker is told of a write', STATE, 'watch !== undefined; watch = watch.next) {\n            if (watch.pending === 0)', 'watch !== undefined; watch = undefined) {\n            if (watch.pending === 0)'),
  diff('one tracker takes the marks of all', STATE, 'watch.pending |= marks;', ';'),
  diff('marks that were taken for nothing are lost', STATE, 'own.pending |= marks;', ';'),
  // bytes
  diff('portions are placed from the start, not from the end of the one before', 'diff/byte-patch.js', 'kept: from - done,', 'kept: from,'),
  diff('bytes behind an insertion are compared with those before it', EDITS, 'const begun = Math.max(begin, place);', 'const begun = begin;'),
  diff('a match of an anchor is believed to be longer', EDITS, 'this.#search({ from: match.to, to, at: match.end, end }, depth + 1);', 'this.#search({ from: match.to + 1, to, at: match.end + 1, end }, depth + 1);'),
  diff('edits are not looked for behind a match', EDITS, 'this.#search({ from: match.to, to, at: match.end, end }, depth + 1);', ''),
  diff('an alignment that many small edits support is believed', EDITS, 'const match = isDoubtful && depth < DEPTH_MAX', 'const match = false'),
  diff('bytes replaced in the benchmark are not put back', DRAFT, 'of this.#replaced.toReversed())', 'of [])'),
  diff('bytes to be put back are those that replace them', DRAFT, 'copyBytes(bytes.subarray(at, end))', 'bytes.subarray(at, end)'),
  diff("what an encoder hands out is kept, though it is the encoder's", 'diff/content-comparison.js', 'codec === undefined ? bytes : copyBytes(bytes)', 'bytes'),
  diff('bytes that changed in place are passed over in a scan', 'diff/shadow-kinds.js', 'return bytesEqual(live instanceof', 'return true || bytesEqual(live instanceof'),
  // numbers
  diff('a decimal is what rounding makes of a number', FLOAT, 'if (mantissa / POWERS[digits] !== size)', 'if (Number.isInteger(size))'),
  diff('a decimal loses its sign', FLOAT, 'mantissa * 2 + (value < 0 ? 1 : 0)', 'mantissa * 2'),
  diff('a negative float is read as a positive one', FLOAT, 'LAST_BYTE_MIN + place - LAST_BYTES + 0x80', 'LAST_BYTE_MIN + place - LAST_BYTES'),
  diff('a decimal that could be shorter is read', FLOAT, '|| mantissa % 10 === 0)', ')'),
  // what is not all there
  diff('a property beside the elements is passed over', 'diff/comparison.js', 'if (extra !== undefined)', 'if (false)'),
  diff('half of a delta is written before a frozen object is met', 'diff/mirror.js', 'if (isFixed)', 'if (false)'),
]; // prettier-ignore
