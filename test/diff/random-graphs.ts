/**
 * The property that holds for every random object graph, and a run of it: as many graphs as one wants, from any seed.
 *
 * Invariant: a run depends on its seed and number only, so what fails here fails everywhere, and fast-check shrinks it.
 */
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

/** Throws what is wrong; in millions of graphs, an assertion library would be a tenth of the work. */
function hold(wrong: string | undefined): void {
  if (wrong !== undefined) throw new Error(wrong);
}

/** Changes a random graph step by step; after each delta the replica equals the primary in every way that there is. */
function holdsFor(genes: readonly Gene[], steps: readonly (readonly Gene[])[]): void {
  const world = worldOf(genes);
  const benchmark = Benchmark.of(world);
  const replica = Replica.restore(World, benchmark.snapshot());
  hold(difference(world, replica.instance));
  for (const step of steps) {
    for (const one of step) mutate(world, one);
    const delta = benchmark.diff(world);
    if (delta !== null) replica.apply(delta);
    hold(difference(world, replica.instance));
    const snapshot = benchmark.snapshot();
    if (Buffer.compare(snapshot, replica.snapshot()) !== 0) hold('the replica has other bytes');
    if (benchmark.diff(world) !== null) hold('a second diff finds something');
    if (replica.graph.diff() !== null) hold('a diff of the replica itself finds something');
    const restored = Replica.restore(World, snapshot);
    hold(difference(world, restored.instance));
    if (Buffer.compare(restored.snapshot(), snapshot) !== 0) hold('what was restored has other bytes');
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
