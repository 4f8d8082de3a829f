import { expect } from 'chai';
import * as fc from 'fast-check';
import { Graph } from '../../src/diff/graph.js';
import { Benchmark } from '../../src/diff/index.js';
import type { NodeTable } from '../../src/diff/node-table.js';
import { modelOf } from '../../src/model/model-of.js';
import { defineSession } from '../../src/model/define-session.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';
import { decodeSnapshot, decodeStrictly, headOf } from '../../src/diff/snapshot.js';
import { encodeSnapshot } from '../../src/diff/snapshot-writer.js';
import { TableReader } from '../../src/diff/table-reader.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { resolveLimits } from '../../src/wire/limits.js';
import { mutate, World, type Gene } from './world.js';

@Session({ name: 'box' })
class Box {
  @Mutable() a: unknown;
}

const RUNS = Number(process.env['DIFF_RUNS'] ?? 1000);
const LIMITS = resolveLimits({ objectsMax: 60, elementsMax: 40 });
const gene = fc.tuple(fc.nat(40), fc.nat(200), fc.nat(400), fc.nat(400));
const damage = fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.uint8Array({ maxLength: 4 })), { maxLength: 2 });

function snapshotOf(genes: readonly Gene[]): Uint8Array {
  const world = new World();
  for (const one of genes) mutate(world, one);
  return Benchmark.of(world).snapshot();
}

function read(decode: () => NodeTable): string {
  try {
    const table = decode();
    return `${table.nodes.size} ${table.liveCount} ${Buffer.from(encodeSnapshot(table)).toString('hex')}`;
  } catch (error) {
    if (!(error instanceof TwinstateError) || error.code === 'INVARIANT_BROKEN') throw error;
    return `${error.code} ${error.message}`;
  }
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const spaceless = (hex: string): string => hex.replaceAll(' ', '');

/** Plain objects with these keys in one array, as bytes behind the root's slots. */
function contentOf(...objects: object[]): string {
  const hex = Buffer.from(Benchmark.of(Object.assign(new Box(), { a: objects })).snapshot()).toString('hex');
  return hex.slice(hex.lastIndexOf(`fe0${objects.length}${'c0'.repeat(objects.length)}`));
}

describe('a snapshot that is read straight into nodes', () => {
  it('gives the graph, or the error, that it gives operation by operation', function () {
    this.timeout(0);
    let quick = 0;
    let damaged = 0;
    fc.assert(
      fc.property(fc.array(gene, { maxLength: 8 }), damage, (genes, places) => {
        let bytes: Uint8Array = snapshotOf(genes);
        for (const [at, removed, inserted] of places) {
          const start = at % bytes.length;
          bytes = Buffer.concat([bytes.subarray(0, start), inserted, bytes.subarray(start + removed)]);
        }
        const strict = read(() => decodeStrictly(bytes, LIMITS, 'instance'));
        expect(read(() => decodeSnapshot(bytes, LIMITS, 'instance'))).to.equal(strict);
        let table: NodeTable;
        try {
          const { byteLength, schema } = headOf(bytes);
          table = new TableReader(bytes, byteLength, '', schema, LIMITS).run('instance');
        } catch {
          // whatever it throws: it does not accept it
          return;
        }
        const straight = read(() => table);
        if (places.length === 0) quick++;
        else damaged++;
        expect(straight, 'accepted by both').to.equal(strict);
      }),
      { numRuns: RUNS },
    );
    expect(quick, 'not damaged, and read straight').to.be.greaterThan(RUNS / 10);
    expect(damaged, 'damaged, and a snapshot all the same').to.be.greaterThan(RUNS / 100);
  });

  it('names the keys of a record once, and a dictionary by its keys each time', () => {
    // array of two: the first has two keys, `k` and `j`, and defines layout 0, which the second has
    expect(contentOf({ k: 1, j: 2 }, { k: 3, j: 4 })).to.equal(spaceless('fe02c0c0 fe04816b816a0102 fe010304'));
    // another order is another layout; an array index makes a dictionary, and no keys none
    expect(contentOf({ k: 1, j: 2 }, { j: 3, k: 4 }, {}, { 7: 1 }, { 7: 1 }, { j: 1, k: 1 })).to.equal(
      spaceless('fe06c0c0c0c0c0c0 fe04816b816a0102 fe04816a816b0304 fe00 fe02813701 fe02813701 fe030101'),
    );
  });

  it('refuses keys that come twice, and a layout that never came', () => {
    const bytes = Buffer.from(Benchmark.of(Object.assign(new Box(), { a: { k: 1, j: 2 } })).snapshot());
    const at = bytes.lastIndexOf(Buffer.from('fe04816b816a0102', 'hex'));
    const replaced = (hex: string): Uint8Array => Buffer.concat([bytes.subarray(0, at), Buffer.from(hex, 'hex')]);
    expect(read(() => decodeSnapshot(replaced('fe04816b816a0102'), LIMITS, 'instance'))).to.match(/^\d/);
    for (const [hex, expected] of [
      ['fe04816b816b0102', /BYTES_CORRUPT.*keys once each/],
      ['fe01', /BYTES_CORRUPT.*a layout that came earlier/],
      ['feffffffff0f', /BYTES_CORRUPT/],
    ] as const) {
      expect(read(() => decodeSnapshot(replaced(hex), LIMITS, 'instance'))).to.match(expected);
    }
  });
});

describe('a snapshot with ids out of order', () => {
  const snapshot = Buffer.from(Benchmark.of(Object.assign(new Box(), { a: [[], []] })).snapshot());
  const at = snapshot.lastIndexOf(Buffer.from('fe02c2c2', 'hex'));
  const second = (id: string): Uint8Array =>
    Buffer.concat([snapshot.subarray(0, at), Buffer.from(`fe02c2b4${id}c2fe00fe00`, 'hex')]);

  it('is read, whichever way', () => {
    // id 3, which it would have had anyway
    expect(read(() => decodeSnapshot(second('03'), LIMITS, 'instance'))).to.match(/^4 4 /);
    expect(Graph.open(second('03'), modelOf(Box)).diff()).to.equal(null);
  });

  it('is refused where two nodes have one, or one is not below the next', () => {
    for (const id of ['00', '01', '02', '04', 'ffffffffffffff0f']) {
      expect(
        read(() => decodeSnapshot(second(id), LIMITS, 'instance')),
        id,
      ).to.match(/BYTES_CORRUPT/);
      expect(() => Graph.open(second(id), modelOf(Box)), id).to.throw(TwinstateError, /BYTES_CORRUPT/);
    }
  });
});

describe('a delta', () => {
  it('names the keys of the records that it makes once', () => {
    const world = new World();
    const benchmark = Benchmark.of(world);
    world.a = [{ k: 1, j: 2 }, { k: 3, j: 4 }]; // prettier-ignore
    expect(Buffer.from(benchmark.diff(world)!).toString('hex')).to.equal(spaceless('01c2 fe02c0c0 fe04816b816a0102 fe010304'));
    // and again in the next one, which can be read without this one
    world.b = { k: 5, j: 6 };
    expect(Buffer.from(benchmark.diff(world)!).toString('hex')).to.equal(spaceless('02c0 fe04816b816a0506'));
  });
});

describe('a snapshot', () => {
  it('of objects that lack attributes of a newer release is the same by generated code', () => {
    class OldItem {}
    class Item {}
    class OldBag {
      items: unknown;
    }
    class Bag {
      items: unknown;
    }
    defineSession(OldItem, { name: 'item', mutable: ['x'] as never });
    defineSession(Item, { name: 'item', mutable: ['x', 'b', 'c', 'd'] as never });
    defineSession(OldBag, { name: 'grown', mutable: { items: { type: () => OldItem } } });
    defineSession(Bag, { name: 'grown', mutable: { items: { type: () => Item } } });
    const old = Object.assign(new OldBag(), { items: [1, 2, 3].map((x) => Object.assign(new OldItem(), { x })) });
    const graph = Graph.decode(Benchmark.of(old).snapshot());
    const { items } = graph.bind(modelOf(Bag)) as { items: Record<string, unknown>[] };
    // the schema grows by one attribute at a time, so the last object has two slots without a value between two with one
    for (const [i, attribute] of ['b', 'c', 'd'].entries()) {
      items[i]![attribute] = attribute;
      graph.diff();
    }
    items[0]!['x'] = 4;
    graph.diff();
    expect(hexOf(graph.encode())).to.equal(hexOf(Graph.decode(graph.encode()).encode()));
    expect((Graph.decode(graph.encode()).bind(modelOf(Bag)) as { items: unknown[] }).items).to.deep.equal(items);
  });
});
