/**
 * The bytes of snapshots and deltas: their whole specification, and the numbers.
 *
 * Invariant: a number that is written here has one meaning for ever; a change of meaning is a new `SNAPSHOT_VERSION`, a new number
 * is not. Both forms can be parsed without the graph they belong to and without any class, and parsing never recurses.
 *
 * Terms: `varint` is unsigned LEB128 of at most 53 bits; `text` is a value that is a string; floats are IEEE 754, little endian;
 * `bytes` is a varint of the length and the bytes. A *node* is one object of the session; node 0 is the root.
 *
 * ## Value
 *
 *     00..7F            the integer 0..127
 *     80..9F            a string of 0..31 bytes of UTF-8, which follow
 *     A0 A1 A2 A3       undefined, null, true, false
 *     A4 A5 A6 A7       NaN, -0, Infinity, -Infinity
 *     A8 varint n       the integer n
 *     A9 varint n       the integer -1 - n
 *     AA f32, AB f64    a float; f32 only where that is exact
 *     C8..CF varint z   a decimal, z / 2 (odd: minus (z - 1) / 2) divided by 10 to the power of 1..8: it gives exactly the number,
 *                       its last digit is not 0, z is below 2^42, and below 2^21 where f32 would be exact
 *     D0..DF 7 bytes    an f64 without its last byte, which is 3C..43 (positive), BC..C3 (negative): 2^-63 to 2^65
 *     AC varint, UTF-8  a longer string, its length in bytes
 *     AD varint, UTF-16 a string with lone surrogates, its length in units, little endian
 *     AE bytes          a bigint >= 0: its magnitude, big endian
 *     AF bytes          a bigint < 0: likewise
 *     B0                a hole of a sparse array; in an instance's slot: never given, the initialiser stands
 *     B1 varint n       n holes in a row (in lists only)
 *     B2 varint id      a reference to a node: in a delta one that existed before it, in a snapshot one that came earlier
 *     B3 varint k       (delta) a reference to the k-th node that this delta has made, from 0
 *     B4 varint id      (snapshot) prefix of a new node: its id; without it the id is the previous new node's plus one
 *
 * A new node is a value too. Leaves carry their content:
 *
 *     B8 f64                        Date: milliseconds since 1970, NaN if invalid
 *     B9 text text value            RegExp: source, flags, lastIndex
 *     BA text                       URL: href
 *     BB bytes                      Buffer
 *     BC bytes                      ArrayBuffer
 *     BD u8 bytes                   blob, the whole value of an attribute: 0 made by its codec, 1 a snapshot of an array around it
 *
 * Containers wait, first in first out, until a FILL gives their content, so that depth costs nothing:
 *
 *     C0, C1                        plain object, object with a null prototype: keys, then a value for each
 *     C2                            array: list
 *     C3                            Map: varint n, then n times value (key), value
 *     C4                            Set: varint n, then n values
 *     C5 u8 kind                    a view (`VIEW_KINDS`): value (its ArrayBuffer), varint offset in bytes, varint length in elements
 *     C6 varint shape               class instance: list of its slots in the order of its shape's attributes; missing ones: as B0
 *     E0..FF                        class instance of shape 0..31
 *
 * `list` is a varint of the number of elements, then values, among them runs of holes. `keys` is either varint 2n and n different
 * texts, or varint 2k + 1 for the layout number k: such a list of 1 to 64 texts, none of them an array index, that came earlier in the
 * same snapshot or delta. They are numbered in the order in which they appear, from 0.
 *
 * ## Delta
 *
 * Schema operations come first, then operations on nodes. The context at the start is node 0. In a delta, new nodes are numbered
 * from the graph's `nextId` in the order in which they appear.
 *
 *     00..DF value                  set the instance's slot 0..223
 *     E0 varint value               set the instance's slot
 *     E1 text value, E2 text        set, delete a key of a plain object or of an open class
 *     E3 varint value               set an array's element
 *     E4 hunk, E5 varint n, n hunks replace in an array; hunk: varint kept, varint removed, list inserted; offsets count from
 *                                   the end of the hunk before
 *     E6 value value, E7 value      set, delete a key of a Map
 *     E8 value, E9 value            add, delete a member of a Set
 *     EA                            remove all keys or members
 *     EB f64                        a Date's time
 *     EC text text value            a RegExp's source, flags, lastIndex
 *     ED text                       a URL's href
 *     EE bytes                      all bytes of a Buffer, ArrayBuffer or blob
 *     EF varint n, n patches        replace bytes; patch: varint kept, varint removed, bytes inserted
 *     F0 text list-of-text          schema: a new shape, its class name and attribute names (varint n, n texts)
 *     F1 varint shape list-of-text  schema: more attributes of a shape
 *     F2 text                       schema: the fingerprint of the model that wrote these
 *     FE content                    FILL: the next waiting new node becomes the context and gets its content
 *     FF varint id                  the context is this node, which existed before the delta or, where the delta is composed of
 *                                   several, before that part of it
 *
 * ## Snapshot
 *
 *     54 57 version                 "TW"
 *     bytes                         the schema section: text fingerprint, varint n, n times: text class name, list-of-text
 *     varint                        nextId
 *     value                         the root: a new node with id 0
 *     operations                    FE for every container in breadth-first order, each followed by E1 for an open class's keys
 *
 * Nothing stands behind the end of either.
 */

export const SNAPSHOT_MAGIC = 0x5754;
export const SNAPSHOT_VERSION = 1;

export const Tag = {
  fixintMax: 0x7f,
  fixstr: 0x80,
  fixstrMax: 0x9f,
  undefined: 0xa0,
  null: 0xa1,
  true: 0xa2,
  false: 0xa3,
  nan: 0xa4,
  negativeZero: 0xa5,
  infinity: 0xa6,
  negativeInfinity: 0xa7,
  integer: 0xa8,
  negativeInteger: 0xa9,
  f32: 0xaa,
  f64: 0xab,
  string: 0xac,
  string16: 0xad,
  bigint: 0xae,
  negativeBigint: 0xaf,
  hole: 0xb0,
  holes: 0xb1,
  ref: 0xb2,
  newRef: 0xb3,
  at: 0xb4,
  date: 0xb8,
  regexp: 0xb9,
  url: 0xba,
  buffer: 0xbb,
  arrayBuffer: 0xbc,
  blob: 0xbd,
  object: 0xc0,
  nullObject: 0xc1,
  array: 0xc2,
  map: 0xc3,
  set: 0xc4,
  view: 0xc5,
  instance: 0xc6,
  decimal: 0xc8,
  decimalMax: 0xcf,
  f56: 0xd0,
  f56Max: 0xdf,
  fixinstance: 0xe0,
} as const;

/** With more keys an object is a dictionary. */
export const LAYOUT_KEYS_MAX = 64;

/** How many shapes have a tag of their own. */
export const FIXINSTANCE_COUNT = 0x20;

export const Op = {
  slotMax: 0xdf,
  slot: 0xe0,
  keySet: 0xe1,
  keyDelete: 0xe2,
  index: 0xe3,
  splice: 0xe4,
  edit: 0xe5,
  mapSet: 0xe6,
  mapDelete: 0xe7,
  setAdd: 0xe8,
  setDelete: 0xe9,
  clear: 0xea,
  date: 0xeb,
  regexp: 0xec,
  url: 0xed,
  bytes: 0xee,
  patch: 0xef,
  shapeNew: 0xf0,
  shapeExtend: 0xf1,
  fingerprint: 0xf2,
  fill: 0xfe,
  switch: 0xff,
} as const;

/** The views that can look at an `ArrayBuffer`, by their number on the wire. */
export const VIEW_KINDS = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
] as const;
