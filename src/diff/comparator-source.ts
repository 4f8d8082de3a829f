/**
 * Writes node classes with their comparators: from what is known of a class or of a shape of plain objects to source text.
 *
 * Invariant: a pure function of its arguments. Names of the application go in through `JSON.stringify` and nowhere else, so no name
 * can become code. The text says what it compares, so that it can be read when it fails.
 *
 * The text is the body of a function of what `node-layout.ts` gives it by name; it returns a class. Its constructor takes all values, so
 * that the compiler learns of what kind the values of each field are. Values are loaded before the prototype is asked for: a compiler
 * that knows the object's hidden class by then answers that for nothing.
 */
import { LEVELS } from './findings.js';
import { comment } from './generated-code.js';

/** How one attribute or key is compared. */
export interface Field {
  /** The property. */
  readonly property: string;
  /** Its field in the node; -1 where it has none. */
  readonly place: number;
  /**
   * `value`: its value; `absence`: that none came where there was none; `bytes`: it is encoded and compared by the interpreter,
   * unless there is nothing to encode and was nothing before.
   */
  readonly by: 'value' | 'absence' | 'bytes';
  /** What is inherited under this name is no attribute. */
  readonly own: boolean;
}

export interface Shape {
  /** For people. */
  readonly name: string;
  /** What is compared, in the order of a comparison. */
  readonly fields: readonly Field[];
  /** How many fields a node has. */
  readonly width: number;
  /** A plain object: these keys, in this order, and no others. */
  readonly exact: boolean;
  /** An open class: the keys that are no attributes are compared one by one. */
  readonly open: boolean;
}

export function shapeSource({ name, fields, width, exact, open }: Shape): string {
  const all = Array.from({ length: width }, (_, i) => i);
  const lines = [
    `// compares ${comment(name)}: ${comment(fields.map(({ property }) => property).join(', '))}`,
    `'use strict';`,
    exact ? `const KEYS = ${JSON.stringify(fields.map(({ property }) => property))};` : '',
    `return class extends ${exact ? 'ShapedObject' : 'LaidOutInstance'} {`,
    `  constructor(id, source${all.map((i) => `, f${i}`).join('')}) {`,
    `    super(id, source);`,
    ...all.map((i) => `    this.f${i} = f${i};`),
    `  }`,
    `  ${exact ? 'valueAt' : 'get'}(place) {`,
    `    switch (place) {`,
    ...all.map((i) => `      case ${i}: return this.f${i};`),
    `    }`,
    exact ? '' : `    return this.far(place);`,
    `  }`,
    `  ${exact ? 'restore' : 'set'}(place, value) {`,
    exact ? '' : `    if (place >= this.slotCount) this.setSlotCount(place + 1);`,
    `    switch (place) {`,
    ...all.map((i) => `      case ${i}: this.f${i} = value; return;`),
    `    }`,
    exact ? '' : `    this.setFar(place, value);`,
    `  }`,
    exact ? '' : `  restore(place, old) { this.set(place, old); }`,
    `  compare(live, depth) {`,
    `    if ((depth & ${LEVELS - 1}) === 0 && findings.defer(this, depth)) return;`,
    `    const start = findings.count;`,
    ...fields.map((field, i) => `    const a${i} = ${read(field)};`),
    ...fields.map(({ place }, i) => (place < 0 ? '' : `    const b${i} = this.f${place};`)),
    `    if (Object.getPrototypeOf(live) !== prototype) findings.broken = true;`,
    `    let change = 0;`,
    ...(exact ? compareOrder(fields.length) : []),
    ...fields.flatMap(compareField),
    open ? `    change = Math.max(change, scanKeys(this.keys, live, depth, SKIPPED));` : '',
    `    if (change !== 0) findings.report(this, depth, change, start);`,
    `  }`,
    ...advance(fields, exact),
    ...(exact ? writeObject(fields) : writeInstance(width)),
    `};`,
  ];
  return lines.filter((line) => line !== '').join('\n');
}

/** An array in one place of the model, so that what a compiler learns of its elements is of these alone. */
export function arraySource(name: string): string {
  return `// compares the array ${comment(name)}
'use strict';
return class extends ArrayNode {
  compare(live, depth) {
    if ((depth & ${LEVELS - 1}) === 0 && findings.defer(this, depth)) return;
    const start = findings.count;
    const elements = this.elements;
    const length = live.length;
    if (Object.getPrototypeOf(live) !== prototype) findings.broken = true;
    if (length !== elements.length) return findings.report(this, depth, 3, start);
    for (let i = 0; i < length; i++) {
      const a = live[i];
      const b = elements[i];
      if (typeof b === 'object' && b !== null) {
        if (b.source !== a) return findings.report(this, depth, 3, start);
        if (!b.shared) b.compare(a, depth + 1);
      } else if (!Object.is(a, b) || a === undefined) {
        if (!isElement(live, i, b)) return findings.report(this, depth, 3, start);
      }
    }
  }
};`;
}

function read({ property, own }: Field): string {
  const name = JSON.stringify(property);
  return own ? `hasOwn(live, ${name}) ? live[${name}] : undefined` : `live[${name}]`;
}

function compareOrder(count: number): string[] {
  return [
    `    let count = 0;`,
    `    for (const key in live) if (key !== KEYS[count++]) change = 3;`,
    `    if (change !== 0 || count !== ${count}) return findings.report(this, depth, 3, start);`,
  ];
}

function compareField({ by, property, place }: Field, i: number): string[] {
  const what = ` // ${comment(property)}`;
  const [a, b] = [`a${i}`, `b${i}`];
  // an attribute that an older model did not have, or whose value was never given
  if (by === 'absence')
    return [
      `    if (${a} !== undefined${place < 0 ? '' : ` && ${b} === HOLE`}) change = Math.max(change, isPrimitive(${a}) ? 2 : 3);${what}`,
    ];
  if (by === 'bytes')
    return [`    if ((${a} !== undefined && ${a} !== null) || ${a} !== ${b}) change = Math.max(change, 2);${what}`];
  return [
    `    if (!Object.is(${a}, ${b})) {${what}`,
    `      if (typeof ${b} === 'object' && ${b} !== null && ${b}.source === ${a}) {`,
    `        if (!${b}.shared) ${b}.compare(${a}, depth + 1);`,
    `      } else change = Math.max(change, findings.judge(${a}, ${b}));`,
    `    }`,
  ];
}

function writeInstance(width: number): string[] {
  const all = Array.from({ length: width }, (_, i) => `this.f${i}`);
  const unusual = [`this.slotCount !== ${width}`, ...all.map((field) => `${field} === HOLE`)].join(' || ');
  return [
    `  writeTo(out) {`,
    `    if (${unusual}) return false;`,
    `    out.count(${width});`,
    ...all.map((field) => `    out.value(${field});`),
    `    return true;`,
    `  }`,
  ];
}

function writeObject(fields: readonly Field[]): string[] {
  return [
    `  writeTo(out) {`,
    `    out.names(KEYS);`,
    ...fields.map(({ place }) => `    out.value(this.f${place});`),
    `    return true;`,
    `  }`,
  ];
}

function advance(fields: readonly Field[], exact: boolean): string[] {
  return [
    `  advance(writer, undo) {`,
    `    const live = this.source;`,
    ...fields.flatMap((field) => {
      const { by, place, property } = field;
      if (by !== 'value') return [];
      const [a, b] = [`a${place}`, `b${place}`];
      return [
        `    const ${a} = ${read(field)}, ${b} = this.f${place};`,
        `    if ((typeof ${b} !== 'object' || ${b} === null) && !Object.is(${a}, ${b})) {`,
        `      if (${b} !== HOLE) {`,
        `        if (!isPrimitive(${a})) return false;`,
        `        undo.push(this, ${place}, ${b});`,
        `        this.f${place} = ${a};`,
        exact ? `        writer.key(this, ${JSON.stringify(property)}, ${a});` : `        writer.slot(this, ${place}, ${a});`,
        `      }`,
        `    }`,
      ];
    }),
    `    return true;`,
    `  }`,
  ];
}
