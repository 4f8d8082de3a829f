import { expect } from 'chai';
import * as fc from 'fast-check';
import { Graph } from '../../src/diff/graph.js';
import { modelOf } from '../../src/model/model-of.js';
import { mutate, World, type Gene } from './world.js';

const gene = fc.tuple(fc.nat(40), fc.nat(200), fc.nat(400), fc.nat(400));
const start = fc.array(gene, { maxLength: 14 });
const changes = fc.array(fc.array(gene, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 12 });
const RUNS = Number(process.env['DIFF_RUNS'] ?? 2000);
const NOTHING = new Uint8Array(0);

function worldOf(genes: readonly Gene[]): World {
  const world = new World();
  for (const one of genes) mutate(world, one);
  return world;
}

/** Compares by the interpreter, whatever was generated: a delta, even of nothing, is what no comparator outlives. */
function interpret(graph: Graph): Uint8Array | null {
  graph.apply(NOTHING);
  return graph.diff();
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

describe('a generated comparator', () => {
  it('gives the very bytes of the interpreter for random graphs and changes', function () {
    this.timeout(0);
    fc.assert(
      fc.property(start, changes, (genes, steps) => {
        const model = modelOf(World);
        const [a, b] = [worldOf(genes), worldOf(genes)];
        const [quick, slow] = [Graph.capture(a, model), Graph.capture(b, model)];
        generate(quick);
        for (const step of steps) {
          for (const one of step) {
            mutate(a, one);
            mutate(b, one);
          }
          expect(hex(generate(quick))).to.equal(hex(interpret(slow)));
          expect(hex(quick.encode())).to.equal(hex(slow.encode()));
        }
      }),
      { numRuns: RUNS },
    );
  });
});
