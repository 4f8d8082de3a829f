/** Run by `comparator.test.ts` in a process that may not make code from text: prints the deltas of a few changes. */
import { Graph } from '../../src/diff/graph.js';
import { modelOf } from '../../src/model/model-of.js';
import { canGenerate } from '../../src/diff/generated-code.js';
import { mutate, World, type Gene } from './world.js';

const genes: Gene[] = Array.from({ length: 60 }, (_, i) => [i % 7, i * 5, i * 11, i * 17]);

/** The deltas, in hexadecimal. */
export function deltas(): string[] {
  const world = new World();
  const graph = Graph.capture(world, modelOf(World));
  return genes.flatMap((gene) => {
    mutate(world, gene);
    return [graph.diff(), graph.diff(), graph.diff()].map((delta) => (delta === null ? '-' : Buffer.from(delta).toString('hex')));
  });
}

if (process.argv[2] === 'print') process.stdout.write(JSON.stringify({ generated: canGenerate(), deltas: deltas() }));
