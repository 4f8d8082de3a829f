/** `nest-app.ts` in a process of its own, which sends its address and ends by a signal. */
import { natsEngine } from '../../src/engine/nats/index.js';
import { makeApp } from './nest-app.js';

const [servers, nodeId] = process.argv.slice(2) as [string, string];
const app = await makeApp({ engine: natsEngine({ servers }), cluster: 'nest', nodeId, partitions: 4 });
process.send?.(await app.getUrl());
