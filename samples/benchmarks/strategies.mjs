/**
 * `node samples/benchmarks/strategies.mjs [--quick]`, after a build: one attribute of each kind by graph and by binary, in time and in bytes; what
 * `auto` chooses is chosen by this table.
 *
 * Invariant: both sides hold equal values and make the same change; a delta counts only after a replica has become equal by it.
 */
import { parseArgs } from 'node:util';
import { Benchmark, Replica } from '../../dist/src/diff/index.js';
import { defineSession } from '../../dist/src/index.js';
import { difference } from '../../dist/test/diff/topology.js';
import { median, race } from './contest.mjs';

const { values: options } = parseArgs({ options: { quick: { type: 'boolean' } } });
const effort = options.quick ? { rounds: 7, roundMs: 2 } : { rounds: 31, roundMs: 5 };

class Item {
  sku = '';
  qty = 0;
}
defineSession(Item, { name: 'item', mutable: ['sku', 'qty'] });
const item = (i) => Object.assign(new Item(), { sku: `sku-${i}`, qty: i % 7 });
const record = (i) => ({ id: i, name: `record ${i}`, tags: ['a', 'b'], at: { x: i, y: -i } });
const list = (length, make) => Array.from({ length }, (_, i) => make(i));
const TEXT = 'the quick brown fox jumps over the lazy dog; ';

/** Each: its name, the value, and a change, which returns the value to assign where it does not change it in place. */
const kinds = [
  ['a number', () => 1, (_, i) => 1000 + (i & 1023)],
  ['a string of 20 characters', () => TEXT.slice(0, 20), (_, i) => `${TEXT.slice(0, 16)}${1000 + (i & 1023)}`],
  ['a string of 1 kB, a word longer', () => TEXT.repeat(23), (text, i) => (text.length > 2000 ? TEXT.repeat(23) : `${text} w${i & 7}`)],
  ['a string of 100 kB, a word longer', () => TEXT.repeat(2300), (text, i) => (text.length > 104_500 ? TEXT.repeat(2300) : `${text} w${i & 7}`)],
  ['a Date', () => new Date(0), (date, i) => void date.setTime(i)],
  ['1,000 numbers, one changed', () => list(1000, (i) => i * 3), (all, i) => void (all[500] = 5000 + (i & 1023))],
  ['100 plain objects, a field changed', () => list(100, record), (all, i) => void (all[50].at.x = 5000 + (i & 1023))],
  ['100 plain objects, by a parsed copy', () => list(100, record), (all, i) => Object.assign(JSON.parse(JSON.stringify(all)), { 50: record(5000 + (i & 1023)) })],
  ['100 instances, a field changed', () => list(100, item), (all, i) => void (all[50].qty = 1000 + (i & 1023)), Item],
  ['a Map of 1,000, one changed', () => new Map(list(1000, (i) => [`key ${i}`, i])), (map, i) => void map.set('key 500', 5000 + (i & 1023))],
  ['a Buffer of 1 kB, a byte changed', () => Buffer.alloc(1024, TEXT), (bytes, i) => void (bytes[500] = i & 255)],
  ['a Buffer of 1 MB, a byte changed', () => Buffer.alloc(1 << 20, TEXT), (bytes, i) => void (bytes[500_000] = i & 255)],
  ['a Float64Array of 1,000, one changed', () => new Float64Array(1000).fill(0.5), (all, i) => void (all[500] = i)],
  ['a Buffer of 10 kB, by a longer one', () => Buffer.alloc(10_000, TEXT), (bytes, i) => Buffer.concat([bytes.subarray(0, 5000), Buffer.from([i & 255]), bytes.subarray(bytes.length > 11_000 ? 6500 : 5000)])],
]; // prettier-ignore

const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);
const time = (ns) =>
  ns >= 99_500 ? `${(ns / 1000).toFixed(0)} µs` : ns >= 995 ? `${(ns / 1000).toPrecision(2)} µs` : `${ns.toFixed(0)} ns`;

row('attribute', 'graph: unchanged', 'changed', 'delta', 'binary: unchanged', 'changed', 'delta');
row(...Array.from({ length: 7 }, () => '---'));
for (const [name, make, change, type] of kinds) {
  const sides = ['graph', 'binary'].map((diff) => sideOf(diff, make, change, type));
  const still = race(sides.map(({ look }) => look), effort); // prettier-ignore
  const moved = race(sides.map(({ step }) => step), effort); // prettier-ignore
  row(name, ...sides.flatMap(({ bytes }, k) => [time(still[k].ns), time(moved[k].ns), `${bytes} B`]));
}

function sideOf(diff, make, change, type) {
  const State = class {
    value = undefined;
  };
  defineSession(State, { name: 'state', mutable: { value: { diff, ...(type === undefined ? {} : { type: () => type }) } } });
  const open = () => {
    const state = new State();
    state.value = make();
    return { state, benchmark: Benchmark.of(state) };
  };
  const apply = (state, i) => {
    const now = change(state.value, i);
    if (now !== undefined) state.value = now;
  };
  const tried = open();
  const replica = Replica.restore(State, tried.benchmark.snapshot());
  const sizes = [];
  for (let i = 1; i < 12; i++) {
    apply(tried.state, i);
    const delta = tried.benchmark.diff(tried.state);
    sizes.push(delta.length);
    replica.apply(delta);
    const wrong = difference(tried.state.value, replica.instance.value);
    if (wrong !== undefined) throw new Error(`${diff}: ${wrong}`);
  }
  const calm = open();
  const busy = open();
  let i = 0;
  return {
    bytes: median(sizes),
    look: (steps) => {
      for (let k = 0; k < steps; k++) calm.benchmark.diff(calm.state);
    },
    step: (steps) => {
      for (let k = 0; k < steps; k++) {
        apply(busy.state, i++);
        busy.benchmark.diff(busy.state);
      }
    },
  };
}
