/** Run by `opening.test.ts` in a process that may not make code from text: opens a session, changes it and prints what it was and is. */
import { Graph } from '../../src/diff/graph.js';
import { Opening } from '../../src/diff/opening.js';
import { modelOf } from '../../src/model/model-of.js';
import { mutate, World } from './world.js';

export interface Printed {
  readonly quick: boolean;
  readonly delta: string;
  readonly snapshot: string;
}

/** Opens, changes, and encodes. */
export function openAndChange(): Printed {
  const model = modelOf(World);
  const world = new World();
  for (let i = 0; i < 8; i++) mutate(world, [i, i * 5, 2 + 4 * i, i * 17]);
  world.a = { list: [1, { k: 'ä' }], when: new Date(7) };
  world.b = [world.a];
  const snapshot = Graph.capture(world, model).encode();
  const graph = Graph.open(snapshot, model);
  const opened = graph.instance as World;
  (opened.a as { list: unknown[] }).list.push(opened.b);
  const delta = Buffer.from(graph.diff()!).toString('hex');
  return { quick: Opening.of(snapshot, model) !== undefined, delta, snapshot: Buffer.from(graph.encode()).toString('hex') };
}

if (process.argv[2] === 'print') process.stdout.write(JSON.stringify(openAndChange()));
