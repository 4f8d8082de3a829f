/**
 * A comparator for one class, written as somebody would by hand: the near limit of comparing. It knows no identities, no moves, no
 * cycles, no other classes; a list may only change in its elements and at its end.
 *
 * Work: the application's plain writes, the comparison with a copy that is advanced on the way, the differences as bytes.
 */

/** @param same how two values are compared, as source text over `a` and `b` */
const byHand = (name, same) => ({
  name,
  work: 'plain writes; comparison written for this class, without identities; bytes; its copy advanced on the way',
  open(shape) {
    if (shape.byHand === undefined) return undefined;
    const state = shape.plain();
    const copy = structuredClone(state);
    const received = structuredClone(state);
    // made anew for each run, so that no other shape or variant shares its type feedback
    // oxlint-disable-next-line typescript/no-implied-eval
    const compare = new Function('state', 'copy', 'out', comparatorSource(shape.byHand, same));
    const out = new Output();
    return {
      state: () => state,
      step(change, i) {
        change.apply(state, i, (plain) => plain);
        out.length = 0;
        compare(state, copy, out);
        return out.length === 0 ? null : out.finish();
      },
      receive: (bytes) => applyAll(shape.byHand, received, bytes),
      received: () => received,
    };
  },
});

export const byHandStrict = byHand('by hand, ===', (a, b) => `${a} === ${b}`);
export const byHandObjectIs = byHand('by hand, Object.is', (a, b) => `Object.is(${a}, ${b})`);

/** The leaves of an element, each as the path to it. */
const leavesOf = ({ scalars, nested }) => [...scalars.map((name) => [name]), ...Object.entries(nested).flatMap(([outer, names]) => names.map((name) => [outer, name]))]; // prettier-ignore

function comparatorSource({ scalars, list }, same) {
  const lines = scalars.map((name, i) => {
    const [a, b] = [`state.${name}`, `copy.${name}`];
    return `if (!(${same(a, b)})) { out.byte(${i}); out.value(${a}); ${b} = ${a}; }`;
  });
  if (list === undefined) return lines.join('\n');
  const { name, nested } = list;
  lines.push(`const now = state.${name}, old = copy.${name}, both = Math.min(now.length, old.length);`);
  lines.push('for (let i = 0; i < both; i++) {', '  const x = now[i], y = old[i];');
  for (const outer of Object.keys(nested)) lines.push(`  const x_${outer} = x.${outer}, y_${outer} = y.${outer};`);
  leavesOf(list).forEach((path, leaf) => {
    const [a, b] = [`x${path.length > 1 ? `_${path[0]}` : ''}.${path.at(-1)}`, `y${path.length > 1 ? `_${path[0]}` : ''}.${path.at(-1)}`];
    lines.push(`  if (!(${same(a, b)})) { out.byte(254); out.varint(i); out.byte(${leaf}); out.value(${a}); ${b} = ${a}; }`);
  }); // prettier-ignore
  lines.push('}', 'if (now.length === old.length) return;');
  lines.push('out.byte(255); out.varint(now.length);', 'old.length = both;');
  lines.push('for (let i = both; i < now.length; i++) { const x = now[i];');
  leavesOf(list).forEach((path) => lines.push(`  out.value(x.${path.join('.')});`));
  const copies = [
    ...list.scalars.map((own) => `${own}: x.${own}`),
    ...Object.entries(nested).map(([outer, names]) => `${outer}: { ${names.map((own) => `${own}: x.${outer}.${own}`).join(', ')} }`),
  ]; // prettier-ignore
  lines.push(`  old.push({ ${copies.join(', ')} });`, '}');
  return lines.join('\n');
}

function applyAll({ scalars, list }, state, bytes) {
  const input = new Input(bytes);
  const assign = (element, path, value) => {
    if (path.length === 1) element[path[0]] = value;
    else (element[path[0]] ??= {})[path[1]] = value;
  };
  while (input.more()) {
    const code = input.byte();
    if (code < 254) state[scalars[code]] = input.value();
    else if (code === 254) {
      const element = state[list.name][input.varint()];
      assign(element, leavesOf(list)[input.byte()], input.value());
    } else {
      const elements = state[list.name];
      const length = input.varint();
      elements.length = Math.min(length, elements.length);
      while (elements.length < length) {
        const element = {};
        for (const path of leavesOf(list)) assign(element, path, input.value());
        elements.push(element);
      }
    }
  }
}

const [NUMBER, INTEGER, STRING, FALSE, TRUE] = [0, 1, 2, 3, 4];

class Output {
  bytes = Buffer.alloc(1 << 20);
  length = 0;

  byte(value) {
    this.bytes[this.length++] = value;
  }

  varint(value) {
    for (; value > 127; value = Math.floor(value / 128)) this.byte((value % 128) | 128);
    this.byte(value);
  }

  value(value) {
    if (typeof value === 'string') {
      this.byte(STRING);
      const start = this.length + 2;
      const size = this.bytes.write(value, start);
      this.bytes.writeUInt16LE(size, this.length);
      this.length = start + size;
    } else if (typeof value === 'boolean') this.byte(value ? TRUE : FALSE);
    else if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) {
      this.byte(INTEGER);
      this.varint(value);
    } else {
      this.byte(NUMBER);
      this.length = this.bytes.writeDoubleLE(value, this.length);
    }
  }

  finish() {
    return Uint8Array.prototype.slice.call(this.bytes, 0, this.length);
  }
}

class Input {
  at = 0;

  constructor(bytes) {
    this.bytes = Buffer.from(bytes);
  }

  more() {
    return this.at < this.bytes.length;
  }

  byte() {
    return this.bytes[this.at++];
  }

  varint() {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  value() {
    switch (this.byte()) {
      case STRING: {
        const size = this.bytes.readUInt16LE(this.at);
        this.at += 2 + size;
        return this.bytes.toString('utf8', this.at - size, this.at);
      }
      case FALSE:
        return false;
      case TRUE:
        return true;
      case INTEGER:
        return this.varint();
      default:
        this.at += 8;
        return this.bytes.readDoubleLE(this.at - 8);
    }
  }
}
