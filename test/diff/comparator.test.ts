// changes in place are what this is about
/* oxlint-disable unicorn/no-array-reverse, unicorn/no-array-sort, typescript/require-array-sort-compare, typescript/no-array-delete */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { shapeSource } from '../../src/diff/comparator-source.js';
import { canGenerate } from '../../src/diff/generated-code.js';
import { Comparison } from '../../src/diff/comparison.js';
import { findings } from '../../src/diff/findings.js';
import { Graph } from '../../src/diff/graph.js';
import { defineSession } from '../../src/model/define-session.js';
import { modelOf } from '../../src/model/model-of.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { deltas } from './strict.js';
import { mutate, objectsOf, World, type Gene } from './world.js';

const gene = fc.tuple(fc.nat(40), fc.nat(200), fc.nat(400), fc.nat(400));
const start = fc.array(gene, { maxLength: 14 });
const changes = fc.array(fc.array(gene, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 12 });
const RUNS = Number(process.env['DIFF_RUNS'] ?? 2000);

function worldOf(genes: readonly Gene[]): World {
  const world = new World();
  for (const one of genes) mutate(world, one);
  return world;
}

/** Compares everything by the interpreter, whatever was generated: while another scan is under way, none can begin. */
function interpret(graph: Graph): Uint8Array | null {
  expect(findings.begin(undefined as never)).to.equal(true);
  try {
    return graph.diff();
  } finally {
    findings.end();
  }
}

/** Compares, then twice again, so that the next comparison is by generated code. */
function generate(graph: Graph): Uint8Array | null {
  const delta = graph.diff();
  expect(graph.diff(), 'a second diff').to.equal(null);
  expect(graph.diff(), 'a third diff').to.equal(null);
  return delta;
}

function hex(bytes: Uint8Array | null): string | null {
  return bytes && Buffer.from(bytes).toString('hex');
}

/** How often everything was compared by the interpreter. */
function interpretations(work: () => void): number {
  const { run } = Comparison.prototype;
  let count = 0;
  Comparison.prototype.run = function (this: Comparison) {
    count++;
    return run.call(this);
  };
  try {
    work();
  } finally {
    Comparison.prototype.run = run;
  }
  return count;
}

const PRIMITIVES = [0, -0, NaN, 1, 'a', '', undefined, null, true, 5n, 1.5, 'x'.repeat(50)];

/** Changes primitive values in many places at once, which is what generated code does by itself. */
function touch(world: World, seed: number): void {
  objectsOf(world).forEach((object, i) => {
    const value = PRIMITIVES[(seed + i) % PRIMITIVES.length];
    if ((seed >> (i % 7)) % 2 === 0) return;
    if (object instanceof Date) object.setTime(seed);
    else if (object instanceof Map) {
      for (const [key, held] of object) if (typeof held !== 'object') object.set(key, value);
      if (seed % 3 === 0) object.set(seed, value);
    } else if (object instanceof Set) {
      if (seed % 3 === 0) object.add(value);
    } else if (ArrayBuffer.isView(object)) new Uint8Array(object.buffer, object.byteOffset).fill(seed, 0, 1);
    else if (!(object instanceof RegExp || object instanceof URL || object instanceof ArrayBuffer)) {
      for (const key of Object.keys(object)) {
        if (typeof Reflect.get(object, key) !== 'object' && key !== 'serial' && key !== 'id') {
          Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
        }
      }
    }
  });
}

describe('a generated comparator', () => {
  it('gives the very bytes of the interpreter for random graphs and changes', function () {
    this.timeout(0);
    fc.assert(
      fc.property(start, changes, fc.array(fc.nat(5000), { maxLength: 4 }), (genes, steps, seeds) => {
        const model = modelOf(World);
        const [a, b] = [worldOf(genes), worldOf(genes)];
        const [quick, slow] = [Graph.capture(a, model), Graph.capture(b, model)];
        generate(quick);
        const same = (): void => {
          expect(hex(generate(quick))).to.equal(hex(interpret(slow)));
          expect(hex(quick.encode())).to.equal(hex(slow.encode()));
        };
        for (const step of steps) {
          for (const one of step) for (const world of [a, b]) mutate(world, one);
          same();
          for (const seed of seeds) {
            for (const world of [a, b]) touch(world, seed);
            same();
          }
        }
      }),
      { numRuns: RUNS / 2 },
    );
  });

  it('leaves the interpreter nothing to do where only values changed', () => {
    const world = new World();
    world.a = { deep: [{ n: 1 }, { n: 2 }], map: new Map([['k', { n: 1 }]]) };
    world.b = { n: 1 };
    const graph = Graph.capture(world, modelOf(World));
    generate(graph);
    const count = interpretations(() => {
      expect(graph.diff()).to.equal(null);
      const { deep, map } = world.a as { deep: { n: number }[]; map: Map<string, { n: number }> };
      deep[1]!.n = -0;
      map.get('k')!.n = NaN;
      (world.b as { n: number }).n = 2;
      expect(graph.diff()).not.to.equal(null);
      expect(graph.diff()).to.equal(null);
    });
    expect(count).to.equal(0);
  });

  it('finds a value in a list of 10,000 links', () => {
    const world = new World();
    interface Link { n: number; next: Link | undefined } // prettier-ignore
    let last: Link = { n: 0, next: undefined };
    const first = last;
    for (let n = 1; n < 10_000; n++) last = last.next = { n, next: undefined };
    world.a = first;
    const graph = Graph.capture(world, modelOf(World));
    generate(graph);
    last.n = -1;
    first.n = -1;
    const slow = Graph.decode(graph.encode());
    const delta = graph.diff()!;
    expect(delta.byteLength).to.be.lessThan(20);
    slow.apply(delta);
    expect(hex(slow.encode())).to.equal(hex(graph.encode()));
  });

  it('notices keys that come, go and change places, another prototype and a getter of its own', () => {
    const changesOf: ((object: Record<string, unknown>) => void)[] = [
      (object) => (object['new'] = undefined),
      (object) => delete object['a'],
      (object) => { delete object['a']; object['a'] = 1; },
      (object) => { delete object['c']; object['d'] = 3; },
      (object) => Object.defineProperty(object, 'b', { enumerable: false }),
      (object) => Object.setPrototypeOf(object, null),
      (object) => Object.defineProperty(object, 'b', { get: () => 77 }),
      (object) => { object['7'] = 1; },
    ]; // prettier-ignore
    for (const change of changesOf) {
      const pair = [new World(), new World()].map((world) => {
        const object = { a: 1, b: 2, c: undefined };
        world.a = [object];
        const graph = Graph.capture(world, modelOf(World));
        generate(graph);
        change(object);
        return graph;
      });
      const expected = hex(interpret(pair[1]!));
      expect(expected).to.be.a('string');
      expect(hex(generate(pair[0]!)), String(change)).to.equal(expected);
    }
  });

  const collections: [string, () => unknown, ((value: never) => void)[]][] = [
    [
      'a Map',
      () => new Map<unknown, unknown>([['a', 1], ['b', 2], ['c', 3]]),
      [
        (map: Map<unknown, unknown>) => void (map.delete('a'), map.set('a', 1)),
        (map: Map<unknown, unknown>) => void (map.delete('b'), map.set('d', 2)),
        (map: Map<unknown, unknown>) => map.set('c', -0).set('e', NaN).set('b', 7),
        (map: Map<unknown, unknown>) => map.set('e', 1).set('f', {}),
        (map: Map<unknown, unknown>) => map.set({}, 1),
        (map: Map<unknown, unknown>) => map.clear(),
      ],
    ],
    [
      'a Map with objects',
      () => new Map<unknown, unknown>([[{ k: 1 }, { n: 1 }], ['b', { n: 2 }], ['c', 3]]),
      [
        (map: Map<object, { n: number }>) => void ((map.get('b' as never)!.n = 5), ([...map.keys()][0] as { k: number }).k++),
        (map: Map<unknown, unknown>) => void (map.delete('b'), map.set('c', 4).set('z', 0)),
        (map: Map<unknown, unknown>) => { const first = [...map][0]!; map.delete(first[0]); map.set(...first); },
      ],
    ],
    [
      'a Set',
      () => new Set<unknown>([1, 'a', NaN]),
      [
        (set: Set<unknown>) => void (set.delete(1), set.add(1)),
        (set: Set<unknown>) => set.add({}),
        (set: Set<unknown>) => set.add(null),
        (set: Set<unknown>) => void (set.delete('a'), set.add('b')),
      ],
    ],
    [
      'an array of values',
      () => [1, 2, -0, undefined, 'x'],
      [
        (array: unknown[]) => array.push(7),
        (array: unknown[]) => array.sort(),
        (array: unknown[]) => array.splice(1, 2),
        (array: unknown[]) => array.push({}),
        (array: unknown[]) => (array.length = 1),
      ],
    ],
    [
      'an array of objects and values',
      () => [{ n: 1 }, 2, { n: 3 }, 4],
      [
        (array: unknown[]) => (array[1] = 3),
        (array: { n: number }[]) => (array[0]!.n = array[2]!.n = 9),
        (array: unknown[]) => { array[1] = 0; for (const at of [0, 2]) (array[at] as { n: number }).n = 8; },
        (array: unknown[]) => array.reverse(),
        (array: unknown[]) => array.push(array[0]),
        (array: unknown[]) => (array[1] = array[3]),
        (array: unknown[]) => array.shift(),
      ],
    ],
    [
      'a dictionary',
      () => ({ 7: 1, b: 2 }),
      [
        (object: Record<string, unknown>) => (object['3'] = 1),
        (object: Record<string, unknown>) => (object['c'] = 1),
        (object: Record<string, unknown>) => delete object['7'],
        (object: Record<string, unknown>) => (object['b'] = { n: 1 }),
        (object: Record<string, unknown>) => (object['1'] = 1),
        (object: Record<string, { n: number }>) => (object['b']!.n = 2),
      ],
    ],
  ]; // prettier-ignore
  for (const [name, make, steps] of collections) {
    it(`follows ${name} through every change`, () => {
      const [a, b] = [make(), make()];
      const [quick, slow] = [a, b].map((value) => Graph.capture(Object.assign(new World(), { a: value }), modelOf(World)));
      generate(quick!);
      for (const step of steps) {
        step(a as never);
        step(b as never);
        expect(hex(generate(quick!)), String(step)).to.equal(hex(interpret(slow!)));
        expect(hex(quick!.encode())).to.equal(hex(slow!.encode()));
      }
    });
  }

  it('tells an element that is undefined from a hole', () => {
    const world = new World();
    const array: unknown[] = [undefined, 1, undefined];
    world.a = array;
    const graph = Graph.capture(world, modelOf(World));
    generate(graph);
    delete array[0];
    expect(hex(generate(graph))).to.equal('ff01e300b0');
    array[0] = undefined;
    expect(hex(generate(graph))).to.equal('ff01e300a0');
  });

  it('leaves the graph as it was where a value is refused or the delta is too long', () => {
    @Session({ name: 'narrow', limits: { deltaBytesMax: 100 } })
    class Narrow {
      @Mutable() a: unknown = 1;
      @Mutable() b: unknown = { n: 1 };
      @Mutable() c = new Map([['k', 1]]);
      @Mutable() d = new Date(0);
    }
    const narrow = new Narrow();
    const graph = Graph.capture(narrow, modelOf(Narrow));
    generate(graph);
    const before = hex(graph.encode());
    (narrow.b as { n: unknown }).n = 2;
    narrow.a = 'x'.repeat(200);
    narrow.c.set('k', 2).set('j', 3);
    narrow.d.setTime(1);
    expect(() => graph.diff()).to.throw(TwinstateError, /LIMIT_EXCEEDED/);
    expect(hex(graph.encode())).to.equal(before);
    expect(() => graph.diff()).to.throw(TwinstateError, /LIMIT_EXCEEDED/);
    expect(hex(graph.encode())).to.equal(before);
    narrow.c.set('k', 1).delete('j');
    narrow.d.setTime(0);
    narrow.a = () => 1;
    expect(() => graph.diff()).to.throw(TwinstateError, /VALUE_UNSUPPORTED.*\ba\b/);
    expect(hex(graph.encode())).to.equal(before);
    narrow.a = 3;
    expect(hex(generate(graph))).to.equal('0003ff01e1816e02');
  });

  it('says where a getter throws, and compares what a getter made by another session', () => {
    let bad = false;
    const other = new World();
    const inner = Graph.capture(other, modelOf(World));
    generate(inner);
    class Odd {
      get value(): number {
        if (bad) throw new Error('not now');
        inner.diff();
        return 1;
      }
      set value(_: number) {}
      more = 0;
    }
    defineSession(Odd, { name: 'odd', mutable: ['value', 'more'] });
    const odd = new Odd();
    const graph = Graph.capture(odd, modelOf(Odd));
    generate(graph);
    odd.more = 1;
    expect(hex(graph.diff())).to.equal('0101');
    bad = true;
    expect(() => graph.diff()).to.throw(TwinstateError, /VALUE_UNSUPPORTED.*not now/);
  });

  it('keeps nothing alive that left the graph', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const world = new World();
    world.a = [{ big: 'x' }, { kept: 1 }];
    const graph = Graph.capture(world, modelOf(World));
    generate(graph);
    const gone = new WeakRef((world.a as object[])[0]!);
    (world.a as object[]).shift();
    expect(graph.diff()).not.to.equal(null);
    return new Promise<void>((done) => setImmediate(done)).then(() => {
      collect();
      expect(gone.deref()).to.equal(undefined);
      expect(graph.diff()).to.equal(null);
    });
  });

  it('is text in which no name can become code', () => {
    const name = `"];}throw new Error('owned')/*\n\u2028*/`;
    const field = { property: name, place: 0, by: 'value', own: false } as const;
    const source = shapeSource({ name, fields: [field], width: 1, exact: true, open: false });
    expect(source.split('\n')[0]).to.match(/^\/\/ compares .*owned/);
    expect(source).to.include(`live[${JSON.stringify(name)}]`);
    const world = new World();
    world.a = { [name]: 1, constructor: 2, ['__proto__']: 3 };
    const graph = Graph.capture(world, modelOf(World));
    generate(graph);
    (world.a as Record<string, unknown>)[name] = 2;
    expect(graph.diff()).not.to.equal(null);
  });

  it('is not needed where code generation is disallowed', () => {
    expect(canGenerate()).to.equal(true);
    const script = fileURLToPath(new URL('strict.js', import.meta.url));
    const printed = execFileSync(process.execPath, ['--disallow-code-generation-from-strings', script, 'print']).toString();
    expect(JSON.parse(printed)).to.deep.equal({ generated: false, deltas: deltas() });
  });

  it('gives the very bytes of the interpreter where a value changed between objects that changed too', () => {
    const made = (): { a: unknown[] } & World => Object.assign(new World(), { a: [{ n: 1 }, 5, { n: 2 }, { n: 3 }] });
    const [a, b] = [made(), made()];
    const [quick, slow] = [Graph.capture(a, modelOf(World)), Graph.capture(b, modelOf(World))];
    generate(quick);
    for (const { a: list } of [a, b]) {
      list[1] = 6;
      for (const at of [0, 2, 3]) (list[at] as { n: number }).n = 9;
    }
    expect(hex(generate(quick))).to.equal(hex(interpret(slow)));
  });
});
