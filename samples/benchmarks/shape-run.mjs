/** Measures one shape: a worker of its own, so that no shape inherits another's heap or type feedback. */
// a worker's port has no origin
/* oxlint-disable unicorn/require-post-message-target-origin */
import { parentPort, workerData } from 'node:worker_threads';
import { race, stepper } from './contest.mjs';
import { peers } from './peers/peers.mjs';
import { shapes } from './shapes/shapes.mjs';
import { wholeStateRows } from './whole-state.mjs';

const { verified, effort } = workerData;
const shape = shapes.find(({ name }) => name === workerData.shape);
const able = peers.filter(({ name }) => verified[name].bytes !== undefined);

for (const change of shape.changes) {
  const results = race(able.map((peer) => stepper(peer, shape, change)), effort); // prettier-ignore
  const rows = able.map(({ name, work }, i) => ({ side: name, work, bytes: verified[name].bytes[change.name], ...results[i] }));
  parentPort.postMessage({ shape: shape.name, change: change.name, title: change.title, rows });
}
for (const result of wholeStateRows(shape, effort, new Set(able.map(({ name }) => name)))) {
  parentPort.postMessage({ shape: shape.name, ...result });
}
