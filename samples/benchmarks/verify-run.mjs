/** Verifies one side on one shape: a worker of its own, because some sides never come back from some shapes. */
// a worker's port has no origin
/* oxlint-disable unicorn/require-post-message-target-origin */
import { parentPort, workerData } from 'node:worker_threads';
import { verify } from './contest.mjs';
import { peers } from './peers/peers.mjs';
import { shapes } from './shapes/shapes.mjs';

const peer = peers.find(({ name }) => name === workerData.peer);
const shape = shapes.find(({ name }) => name === workerData.shape);
parentPort.postMessage(verify(peer, shape));
