/**
 * Writes the readers that open instances: from what is known of a class to source text.
 *
 * Invariant: a pure function of its arguments. Names of the application go in through `JSON.stringify` and nowhere else. The text
 * writes what the materialiser would write, by the same rules: an attribute that is absent stays absent for `undefined`, what has an
 * inherited name is defined and never assigned, and an immutable attribute ends up non-writable.
 */
import { Tag } from '../wire/format.js';
import { comment } from './generated-code.js';

/** What stands in one slot of a class's shape. */
export interface OpeningSlot {
  /** The property. */
  readonly property: string;
  /** How it is written: assigned; defined, because the name is inherited; sealed, because it is immutable. */
  readonly by: 'assign' | 'define' | 'seal';
  /** The slot may hold a whole value as bytes. */
  readonly blob: boolean;
}

export interface OpeningClass {
  /** For people. */
  readonly name: string;
  readonly slots: readonly OpeningSlot[];
  /** Keys that are no attributes follow the slots. */
  readonly open: boolean;
  /** How many elements a list may have. */
  readonly elementsMax: number;
  readonly renewal?: Renewal | undefined;
}

/** What a constructor defines is taken away and added again: to seal it in its place takes V8 several times as long. */
export interface Renewal {
  /** The keys of a fresh instance. An instance with others is not renewed. */
  readonly keys: readonly string[];
  /** From which on they are taken away: the first that is sealed. */
  readonly from: number;
}

/** The text returns `{ make(), fill(live, reader) }`. */
export function openingSource({ name, slots, open, elementsMax, renewal }: OpeningClass): string {
  const taken = renewal?.keys.slice(renewal.from) ?? [];
  const kept = taken.filter((key) => slots.every(({ property }) => property !== key));
  const restored = new Set<string>();
  /** Adds again what is no attribute and stood before this key. */
  const restore = (before?: string): string[] => {
    const until = before === undefined ? taken.length : taken.indexOf(before);
    const due = taken.slice(0, Math.max(0, until)).filter((key) => kept.includes(key) && !restored.has(key));
    for (const key of due) restored.add(key);
    return due.map((key) => `  if (renewed) writeKey(live, ${JSON.stringify(key)}, kept${kept.indexOf(key)});`);
  };
  const lines = [
    `// opens ${comment(name)}: ${comment(slots.map(({ property }) => property).join(', '))}`,
    `'use strict';`,
    renewal === undefined ? '' : `const KEYS = ${JSON.stringify(renewal.keys)};`,
    `const make = () => {`,
    `  const live = new type();`,
    `  if (getPrototypeOf(live) !== prototype) throw UNUSUAL;`,
    `  return live;`,
    `};`,
    `const fill = (live, reader) => {`,
    `  const { bytes } = reader;`,
    `  const count = reader.varint();`,
    `  if (count > ${Math.min(slots.length, elementsMax)}) throw UNUSUAL;`,
    `  let at = reader.at;`,
    `  let value;`,
    ...(renewal === undefined ? [] : takeAway(slots.length, kept, taken)),
    `  slots: {`,
    ...slots.flatMap((slot, i) => [...restore(slot.property), ...readSlot(slot, i, renewal !== undefined)]),
    `  }`,
    ...restore(),
    `  reader.at = at;`,
    open ? `  reader.keys(live, properties);` : '',
    `};`,
    `return { make, fill };`,
  ];
  return lines.filter((line) => line !== '').join('\n');
}

function takeAway(count: number, kept: readonly string[], taken: readonly string[]): string[] {
  return [
    `  const renewed = count === ${count} && hasKeys(live, KEYS);`,
    ...kept.map((key, i) => `  const kept${i} = renewed ? live[${JSON.stringify(key)}] : undefined;`),
    `  if (renewed) {`,
    // from the last to the first: so V8 goes back to the layout that the object had before, and need not make it a dictionary
    ...taken.toReversed().map((key) => `    delete live[${JSON.stringify(key)}];`),
    `  }`,
  ];
}

/** The text is a function `(live, reader)` that gives a plain object its keys. */
export function recordSource(slots: readonly { readonly property: string; readonly isInherited: boolean }[]): string {
  return [
    `// opens a plain object: ${comment(slots.map(({ property }) => property).join(', '))}`,
    `'use strict';`,
    `return (live, reader) => {`,
    `  const { bytes } = reader;`,
    `  let at = reader.at;`,
    `  let value;`,
    ...slots.flatMap(({ property, isInherited }) => {
      const name = JSON.stringify(property);
      return [
        ...readValue(property, 'reader.value(value)'),
        isInherited ? `  writeKey(live, ${name}, value);` : `  live[${name}] = value;`,
      ];
    }),
    `  reader.at = at;`,
    `};`,
  ].join('\n');
}

function readSlot({ property, by, blob }: OpeningSlot, slot: number, isRenewed: boolean): string[] {
  const other = blob ? `reader.valueOrBlob(value, ${slot}, attributes)` : `reader.value(value)`;
  return [`  if (count === ${slot}) break slots;`, ...readValue(property, other), `  ${write(property, by, isRenewed)}`];
}

/** @param other how a value with a longer tag is read */
function readValue(property: string, other: string): string[] {
  const { fixintMax, fixstr, fixstrMax } = Tag;
  return [
    `  if ((value = bytes[at++]) > ${fixintMax}) { // ${comment(property)}`,
    `    reader.at = at;`,
    `    value = value <= ${fixstrMax} ? reader.text(value - ${fixstr}) : ${other};`,
    `    at = reader.at;`,
    `  }`,
  ];
}

function write(property: string, by: OpeningSlot['by'], isRenewed: boolean): string {
  const name = JSON.stringify(property);
  const given = `if (${isRenewed ? 'renewed || ' : ''}value !== undefined || hasOwn(live, ${name}))`;
  switch (by) {
    case 'assign':
      return `${given} live[${name}] = value;`;
    case 'define':
      return `${given} writeKey(live, ${name}, value);`;
    case 'seal':
      return `${given} seal(live, ${name}, value);`;
  }
}
