/**
 * The property that holds for every random object graph, and a run of it: as many graphs as one wants, from any seed.
 *
 * Invariant: a run depends on its seed and number only, so what fails here fails everywhere, and fast-check shrinks it.
 */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { Benchmark, Replica } from '../../src/diff/index.js';
import { difference } from './topology.js';
import { mutate, World, type Gene } from './world.js';

const gene = fc.tuple(fc.nat(40), fc.nat(200), fc.nat(400), fc.nat(400));
const changes = fc.array(fc.array(gene, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 8 });
const start = fc.array(gene, { maxLength: 12 });

function worldOf(genes: readonly Gene[]): World {
  const world = new World();
  for (const one of genes) mutate(world, one);
  return world;
}

/** Changes a random graph step by step; after each delta the replica equals the primary in every way that there is. */
function holdsFor(genes: readonly Gene[], steps: readonly (readonly Gene[])[]): void {
  const world = worldOf(genes);
  const benchmark = Benchmark.of(world);
  const replica = Replica.restore(World, benchmark.snapshot());
  expect(difference(world, replica.instance)).to.equal(undefined);
  for (const step of steps) {
    for (const one of step) mutate(world, one);
    const delta = benchmark.diff(world);
    if (delta !== null) replica.apply(delta);
    expect(difference(world, replica.instance)).to.equal(undefined);
    expect(Buffer.compare(benchmark.snapshot(), replica.snapshot()), 'the same bytes').to.equal(0);
    expect(benchmark.diff(world), 'a second diff').to.equal(null);
    expect(replica.graph.diff(), 'a diff of the replica itself').to.equal(null);
    const restored = Replica.restore(World, benchmark.snapshot());
    expect(difference(world, restored.instance)).to.equal(undefined);
    expect(Buffer.compare(restored.snapshot(), benchmark.snapshot())).to.equal(0);
  }
}

/**
 * Tries `count` graphs; without a seed, others each time.
 *
 * @throws {Error} with the smallest counterexample and its seed
 */
export function tryGraphs(count: number, seed?: number): void {
  fc.assert(fc.property(start, changes, holdsFor), { numRuns: count, ...(seed === undefined ? {} : { seed }) });
}
