import { expect } from 'chai';
import * as fc from 'fast-check';
import { Graph } from '../../src/diff/graph.js';
import { Benchmark, Replica } from '../../src/diff/index.js';
import { parseDelta, referencedIds, shiftDelta, touchedSlots } from '../../src/diff/delta.js';
import { modelOf } from '../../src/model/model-of.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { mutate, World, type Gene } from './world.js';

const gene = fc.tuple(fc.nat(40), fc.nat(200), fc.nat(400), fc.nat(400));
const RUNS = Number(process.env['DIFF_RUNS'] ?? 2000);
const LIMITS = { objectsMax: 5000, elementsMax: 5000 };
const POLLUTABLE = Object.getOwnPropertyNames(Object.prototype).toSorted().join();

/** Damage: at a place, some bytes are replaced by others. */
const damage = fc.array(fc.tuple(fc.nat(), fc.nat(4), fc.uint8Array({ maxLength: 6 })), { minLength: 1, maxLength: 4 });

function damaged(bytes: Uint8Array, places: readonly (readonly [number, number, Uint8Array])[]): Uint8Array {
  let now = Buffer.from(bytes);
  for (const [at, removed, inserted] of places) {
    const start = now.length === 0 ? 0 : at % now.length;
    now = Buffer.concat([now.subarray(0, start), inserted, now.subarray(start + removed)]);
  }
  return new Uint8Array(now);
}

function typed(fn: () => void): boolean {
  try {
    fn();
    return true;
  } catch (error) {
    if (!(error instanceof TwinstateError) || error.code === 'INVARIANT_BROKEN') throw error;
    return false;
  }
}

function clean(): void {
  expect(Object.getOwnPropertyNames(Object.prototype).toSorted().join()).to.equal(POLLUTABLE);
  expect(Object.getPrototypeOf(Object.prototype)).to.equal(null);
}

function history(genes: readonly Gene[]): { snapshot: Uint8Array; delta: Uint8Array } {
  const world = new World();
  const half = genes.length >> 1;
  for (const one of genes.slice(0, half)) mutate(world, one);
  const benchmark = Benchmark.of(world);
  const snapshot = benchmark.snapshot();
  for (const one of genes.slice(half)) mutate(world, one);
  return { snapshot, delta: benchmark.diff(world) ?? new Uint8Array(0) };
}

describe('whatever bytes arrive', () => {
  it('a snapshot is a valid graph or a typed error', function () {
    this.timeout(0);
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.tuple(fc.array(gene, { maxLength: 10 }), damage).map(([genes, places]) => damaged(history(genes).snapshot, places)),
    );
    fc.assert(
      fc.property(bytes, (snapshot) => {
        typed(() => {
          const graph = Graph.decode(snapshot, LIMITS);
          const again = graph.encode();
          expect(Buffer.compare(Graph.decode(again, LIMITS).encode(), again)).to.equal(0);
          typed(() => {
            const world = graph.bind(modelOf(World));
            expect(world).to.be.instanceOf(World);
            graph.diff();
          });
        });
        clean();
      }),
      { numRuns: RUNS },
    );
  });

  it('a delta is applied wholly, or is a typed error and nothing of it is applied', function () {
    this.timeout(0);
    const random = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(
        fc.array(gene, { minLength: 2, maxLength: 12 }),
        damage,
        random,
        fc.boolean(),
        (genes, places, noise, isNoise) => {
          const { snapshot, delta } = history(genes);
          const bytes = isNoise ? noise : damaged(delta, places);
          typed(() => {
            parseDelta(bytes);
            touchedSlots(bytes);
            referencedIds(bytes);
            expect([...referencedIds(shiftDelta(bytes, 0, 3))].filter((id) => id > 2).length).to.be.at.most(
              referencedIds(bytes).size,
            );
          });
          const unbound = Graph.decode(snapshot, LIMITS);
          const bound = Replica.restore(World, snapshot);
          for (const graph of [unbound, bound.graph]) {
            const before = graph.encode();
            const nextId = graph.nextId;
            if (!typed(() => graph.apply(bytes))) {
              expect(Buffer.compare(graph.encode(), before), 'nothing applied').to.equal(0);
              expect(graph.nextId).to.equal(nextId);
              if (graph === bound.graph) expect(graph.diff(), 'no live object changed').to.equal(null);
              graph.apply(delta);
            } else {
              const again = graph.encode();
              expect(Buffer.compare(Graph.decode(again).encode(), again)).to.equal(0);
            }
          }
          clean();
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('a delta that does not fit the graph is refused', () => {
    const world = new World();
    world.a = [Buffer.alloc(4), new ArrayBuffer(4), [1, 2], new Date(0), new URL('https://example.org/')];
    const graph = Graph.decode(Benchmark.of(world).snapshot());
    const id = (path: string): string => {
      for (let node = 0; node < graph.nextId; node++)
        if (graph.pathsOf([node], modelOf(World)).get(node)?.path === path) return `0${node}`;
      throw new Error(path);
    };
    const cases: [string, string, RegExp][] = [
      ['a new array without content', '01c2', /BYTES_CORRUPT/],
      ['a content without a new node', 'fe00', /BYTES_CORRUPT/],
      ['a node that does not exist', 'ff7f0101', /DELTA_MISMATCH/],
      ['a slot that does not exist', '7f01', /DELTA_MISMATCH/],
      ['a slot of what is no instance', `ff${id('a')}0101`, /DELTA_MISMATCH/],
      ['an element behind the end', `ff${id('a[2]')}e30201`, /DELTA_MISMATCH/],
      ['a hunk behind the end', `ff${id('a[2]')}e4020100`, /DELTA_MISMATCH/],
      ['a Buffer of another length', `ff${id('a[0]')}ee0100`, /DELTA_MISMATCH/],
      ['an ArrayBuffer of another length', `ff${id('a[1]')}ef0100040101`, /DELTA_MISMATCH/],
      ['a patch behind the end', `ff${id('a[0]')}ef01040100`, /DELTA_MISMATCH/],
      ['a view longer than its buffer', `01c503feb2${id('a[1]')}0003`, /DELTA_MISMATCH/],
      ['a view at an odd place', `01c503feb2${id('a[1]')}0101`, /DELTA_MISMATCH/],
      ['a view of no buffer', '01c501fe010001', /DELTA_MISMATCH/],
      ['half a millisecond', `ff${id('a[3]')}eb000000000000e03f`, /BYTES_CORRUPT/],
      ['a URL that is none', `ff${id('a[4]')}ed8161`, /BYTES_CORRUPT/],
      ['a class that is not in the schema', '01fffe00', /DELTA_MISMATCH/],
      ['a blob in an array', `ff${id('a[2]')}e300bd0000`, /DELTA_MISMATCH/],
      ['an attribute twice', 'f100018161', /DELTA_MISMATCH/],
    ];
    const before = graph.encode();
    for (const [name, hex, message] of cases) {
      expect(() => graph.apply(Buffer.from(hex, 'hex')), name).to.throw(TwinstateError, message);
      expect(graph.encode(), name).to.deep.equal(before);
    }
  });

  it('few bytes make little memory and no long work', () => {
    const { snapshot } = history([]);
    // 1,000 arrays of a million holes each
    const body = Buffer.concat([
      Buffer.from('01c2fee807', 'hex'),
      Buffer.alloc(1000, 0xc2),
      ...Array.from({ length: 1000 }, () => Buffer.from('fec0843db1c0843d', 'hex')),
    ]);
    const graph = Graph.decode(snapshot);
    expect(() => graph.apply(body)).to.throw(TwinstateError, /LIMIT_EXCEEDED/);
    for (const claim of [
      '01acffffffff0f',
      '01adffffffff0f',
      '01bbffffffffff0f',
      '01aeffffffff7f',
      '01c3feffffffff0f',
      'efffffffff0f',
    ]) {
      expect(() => graph.apply(Buffer.from(claim, 'hex')), claim).to.throw(TwinstateError, /BYTES_CORRUPT/);
    }
  });

  it('keys that name prototypes stay data', () => {
    const world = new World();
    const benchmark = Benchmark.of(world);
    const replica = Replica.restore(World, benchmark.snapshot());
    world.a = JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}') as unknown;
    replica.apply(benchmark.diff(world)!);
    expect(replica.instance.a).to.deep.equal(world.a);
    expect(Object.getPrototypeOf(replica.instance.a)).to.equal(Object.prototype);
    expect(({} as { polluted?: unknown }).polluted).to.equal(undefined);
    clean();
  });
});
