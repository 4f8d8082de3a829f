/** A process of its own that writes to the board and ends; `parallel.test.ts` starts some at once. */
import { natsEngine } from '../../src/engine/nats/index.js';
import { connect } from '../../src/index.js';
import { Board, write } from './board.js';

const { servers, cluster, name, commits } = JSON.parse(process.argv[2]!) as {
  readonly servers: string;
  readonly cluster: string;
  readonly name: string;
  readonly commits: number;
};

process.on('disconnect', () => process.exit(1));
const store = await connect({ sessions: [Board], cluster, nodeId: name, engine: natsEngine({ servers }), timeoutMs: 60_000 });
const begun = new Promise<void>((resolve) => process.once('message', () => resolve()));
process.send?.('ready');
await begun;
await write(store, name, commits);
process.send?.('done');
await new Promise<void>((resolve) => process.once('message', () => resolve()));
await store.close();
process.exit(0);
