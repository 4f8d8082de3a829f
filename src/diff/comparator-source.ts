/**
 * Writes comparators: from what is known of a class or of a shape of plain objects to source text.
 *
 * Invariant: a pure function of its arguments. Names of the application go in through `JSON.stringify` and nowhere else, so no name
 * can become code. The text says what it compares, so that it can be read when it fails.
 *
 * The text is the body of a function of what `comparator.ts` gives it by name; it returns a class that extends `Shadow`. Values are loaded before the prototype is asked for: a compiler
 * that knows the object's hidden class by then answers that for nothing.
 */
import { LEVELS } from './findings.js';

/** How one attribute or key is compared. */
export interface Field {
  /** The property. */
  readonly property: string;
  /** Its place in the node: a slot's number, or the key itself. */
  readonly place: number | string;
  /**
   * `value`: its value; `absence`: that it still has none, which takes no place in the shadow; `bytes`: it is encoded and compared
   * elsewhere, unless there is nothing to encode and was nothing before.
   */
  readonly by: 'value' | 'absence' | 'bytes';
  /** What is inherited under this name is no attribute. */
  readonly own: boolean;
}

export interface Shape {
  /** For people. */
  readonly name: string;
  readonly fields: readonly Field[];
  /** A plain object: these keys, in this order, and no others. */
  readonly exact: boolean;
  /** An open class: the keys that are no attributes are compared one by one. */
  readonly open: boolean;
}

export function shapeSource({ name, fields, exact, open }: Shape): string {
  const kept = fields.filter(({ by }) => by !== 'absence');
  const parameters = ['node', 'source', ...kept.map((_, i) => `f${i}`), ...(open ? ['keys'] : [])].join(', ');
  const lines = [
    `// compares ${comment(name)}: ${comment(fields.map(({ property }) => property).join(', '))}`,
    `'use strict';`,
    exact ? `const KEYS = ${JSON.stringify(fields.map(({ property }) => property))};` : '',
    `return class extends Shadow {`,
    `  constructor(${parameters}) {`,
    `    super(node, source);`,
    ...kept.map((_, i) => `    this.f${i} = f${i};`),
    open ? `    this.keys = keys;` : '',
    `  }`,
    `  compare(live, depth) {`,
    `    if ((depth & ${LEVELS - 1}) === 0 && findings.defer(this, depth)) return;`,
    ...fields.map((field, i) => `    const a${i} = ${read(field)};`),
    ...kept.map((_, i) => `    const b${i} = this.f${i};`),
    `    if (Object.getPrototypeOf(live) !== prototype) findings.broken = true;`,
    `    let same = true;`,
    ...(exact ? compareOrder(fields.length) : []),
    ...fields.flatMap((field, i) => compareField(field, i, kept.indexOf(field))),
    open ? `    if (!this.keys.agrees(live, depth)) same = false;` : '',
    `    if (!same) findings.report(this, depth);`,
    `  }`,
    exact ? reordered(kept.length) : '',
    ...advance(kept, exact),
    ...refresh(kept, exact, open),
    `};`,
  ];
  return lines.filter((line) => line !== '').join('\n');
}

/** An array in one place of the model, so that what a compiler learns of its elements is of these alone. */
export function arraySource(name: string): string {
  return `// compares the array ${comment(name)}
'use strict';
return class extends ArrayShadow {
  compare(live, depth) {
    if ((depth & ${LEVELS - 1}) === 0 && findings.defer(this, depth)) return;
    const elements = this.elements;
    const length = live.length;
    if (Object.getPrototypeOf(live) !== prototype) findings.broken = true;
    if (length !== elements.length) return this.resized(depth);
    let same = true;
    for (let i = 0; i < length; i++) {
      const a = live[i];
      const b = elements[i];
      if (typeof b === 'object' && b !== null) {
        if (b.source !== a) findings.broken = true;
        else if (b.owned) b.compare(a, depth + 1);
      } else if (!Object.is(a, b) || a === undefined) {
        if (!this.agrees(live, i, b)) same = false;
      }
    }
    if (!same) findings.report(this, depth);
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
    `    for (const key in live) if (key !== KEYS[count++]) same = false;`,
    `    if (!same || count !== ${count}) return this.reordered(depth);`,
  ];
}

function compareField({ by, property }: Field, i: number, kept: number): string[] {
  const what = ` // ${comment(property)}`;
  if (by === 'absence') return [`    if (a${i} !== undefined) findings.hard = !(same = false);${what}`];
  const b = `b${kept}`;
  if (by === 'bytes')
    return [`    if ((a${i} !== undefined && a${i} !== null) || a${i} !== ${b}) findings.hard = !(same = false);${what}`];
  return [
    `    if (!Object.is(a${i}, ${b})) {${what}`,
    `      if (typeof ${b} === 'object' && ${b} !== null && ${b}.source === a${i}) {`,
    `        if (${b}.owned) ${b}.compare(a${i}, depth + 1);`,
    `      } else if (!findings.agrees(a${i}, ${b})) same = false;`,
    `    }`,
  ];
}

function reordered(count: number): string {
  const values = Array.from({ length: count }, (_, i) => `this.f${i}`).join(', ');
  return `  reordered(depth) {\n    findings.resized(this, depth, [${values}].every(isFlat));\n  }`;
}

function advance(kept: readonly Field[], exact: boolean): string[] {
  return [
    `  advance(writer, undo) {`,
    `    const { node, source: live } = this;`,
    ...kept.flatMap((field, i) => {
      if (field.by === 'bytes') return [];
      const place = JSON.stringify(field.place);
      return [
        `    const a${i} = ${read(field)}, b${i} = this.f${i};`,
        `    if ((typeof b${i} !== 'object' || b${i} === null) && b${i} !== HOLE && !Object.is(a${i}, b${i})) {`,
        `      if (!isPrimitive(a${i})) return false;`,
        `      undo.push(this, ${i}, b${i});`,
        exact ? `      node.keys.set(${place}, this.f${i} = a${i});` : `      node.slots[${place}] = this.f${i} = a${i};`,
        exact ? `      writer.key(node, ${place}, a${i});` : `      writer.slot(node, ${place}, a${i});`,
        `    }`,
      ];
    }),
    `    return true;`,
    `  }`,
    `  restore(index, old) {`,
    `    const { node } = this;`,
    `    switch (index) {`,
    ...kept.map((field, i) => {
      const place = JSON.stringify(field.place);
      const target = `this.f${i} = old`;
      return `      case ${i}: ${exact ? `node.keys.set(${place}, ${target})` : `node.slots[${place}] = ${target}`}; break;`;
    }),
    `    }`,
    `  }`,
  ];
}

function refresh(kept: readonly Field[], exact: boolean, open: boolean): string[] {
  const follow = kept.map(({ place }, i) => {
    const value = exact ? `node.keys.get(${JSON.stringify(place)})` : `slotOf(node, ${JSON.stringify(place)})`;
    return `    if (typeof this.f${i} !== 'object' || this.f${i} === null) this.f${i} = ${value};`;
  });
  return [
    `  refresh() {`,
    `    const { node } = this;`,
    exact ? `    if (!sameOrder(node.keys, KEYS)) return false;` : '',
    ...follow,
    open ? `    return this.keys.refresh(node.keys);` : `    return true;`,
    `  }`,
  ];
}

/** Within a line of comment; a name may hold a line's end. */
function comment(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replaceAll(/[\u2028\u2029]/g, ' ');
}
