/**
 * Whole states: open, restore and snapshot against msgpackr, and the binary strategy against encoding alone.
 *
 * Work of twinstate: `Benchmark.of` captures objects; `snapshot` encodes the captured state; `Replica.restore` checks and decodes the
 * bytes and makes instances of the classes, immutable attributes sealed, able to make the graph that a comparison needs. The first
 * comparison makes it: `open + commit` is that, with a change and its delta. msgpackr: `pack` and `unpack`, plain objects, unchecked;
 * for `open + commit`, unpack, the change, pack.
 */
import { Benchmark, Replica } from '../../dist/src/diff/index.js';
import { defineSession } from '../../dist/src/index.js';
import { race } from './contest.mjs';
import { msgpackrRecords, msgpackrWhole, packer } from './peers/whole.mjs';
import { adopt, twinstateClasses } from './shapes/model.mjs';

/** @param able what `verify` said of each side, by name */
export function wholeStateRows(shape, effort, able) {
  const classes = twinstateClasses(shape.description, 'graph');
  const type = classes.get(shape.description);
  const instance = adopt(shape.description, classes, shape.plain());
  const benchmark = Benchmark.of(instance);
  const snapshot = benchmark.snapshot();
  const plain = shape.plain();
  // shared records are quicker, but only for states that need no more than JSON has
  const packr = packer(!able.has(msgpackrRecords.name));
  const packed = packr.pack(plain);
  const side = (name, bytes, run) => ({ name, bytes, run });
  const ours = (name, run) => side(`twinstate ${name}`, snapshot.length, run);
  const theirs = (name, run) => side(`msgpackr ${name}`, packed.length, run);
  return [
    pair('snapshot', ours('snapshot', () => benchmark.snapshot()), theirs('pack', () => packr.pack(plain))),
    pair('capture', ours('Benchmark.of', () => Benchmark.of(instance)), theirs('pack', () => packr.pack(plain))),
    pair('open', ours('Replica.restore', () => Replica.restore(type, snapshot)), theirs('unpack', () => packr.unpack(packed))),
    pair('open + commit', ours('restore, change, diff', openAndDiff()), theirs('unpack, change, pack', openAndPack())),
    ...binaryRows(),
  ]; // prettier-ignore

  function openAndDiff() {
    const change = shape.changes[1];
    const element = (one) => adopt(shape.element, classes, one);
    let i = 0;
    return () => {
      const { instance: opened, graph } = Replica.restore(type, snapshot);
      change.apply(opened, i++, element);
      return graph.diff();
    };
  }

  function openAndPack() {
    const change = shape.changes[1];
    let i = 0;
    return () => {
      const opened = packr.unpack(packed);
      change.apply(opened, i++, (one) => one);
      return packr.pack(opened);
    };
  }

  function pair(change, ...sides) {
    const results = race(
      sides.map(({ run }) => repeat(run)),
      effort,
    );
    return { change, rows: sides.map(({ name, bytes }, i) => ({ side: name, bytes, ...results[i] })) };
  }

  /** The state in one attribute that is compared as bytes; encoding alone is what the same attribute's encoder does. */
  function binaryRows() {
    if (!able.has(msgpackrWhole.name)) return [];
    const encode = (value) => packr.pack(value);
    const Coded = class {
      // its own: what one side writes is no change that another has to find
      value = shape.plain();
    };
    defineSession(Coded, { name: 'coded', mutable: { value: { codec: { encode, decode: (bytes) => packr.unpack(bytes) } } } });
    const Opaque = class {
      value = shape.plain();
    };
    defineSession(Opaque, { name: 'opaque', mutable: { value: { diff: 'binary' } } });
    const Open = class {
      value = shape.plain();
    };
    defineSession(Open, { name: 'opaque', mutable: { value: { diff: 'graph' } } });
    return [coded(), own()];

    function coded() {
      const state = new Coded();
      const binary = Benchmark.of(state);
      const change = shape.changes[1];
      let i = 0;
      let j = 0;
      const diff = () => {
        change.apply(state.value, i++, (one) => one);
        return binary.diff(state);
      };
      const alone = () => {
        change.apply(state.value, j++, (one) => one);
        return encode(state.value);
      };
      const [bytes, all] = [diff().length, alone().length];
      return pair('binary', side('twinstate binary, codec msgpackr', bytes, diff), side('msgpackr pack alone', all, alone));
    }

    function own() {
      const state = new Opaque();
      const open = new Open();
      const binary = Benchmark.of(state);
      const change = shape.changes[1];
      let i = 0;
      let j = 0;
      const diff = () => {
        change.apply(state.value, i++, (one) => one);
        return binary.diff(state);
      };
      const alone = () => {
        change.apply(open.value, j++, (one) => one);
        return Benchmark.of(open).snapshot();
      };
      const [bytes, all] = [diff().length, alone().length];
      return pair(
        'binary, own encoding',
        side('twinstate binary', bytes, diff),
        side('twinstate capture + snapshot alone', all, alone),
      );
    }
  }
}

function repeat(run) {
  return (steps) => {
    let bytes = 0;
    for (let k = 0; k < steps; k++) bytes += run()?.length ?? 0;
    return bytes;
  };
}
