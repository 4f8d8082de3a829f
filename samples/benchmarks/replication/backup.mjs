/** The other node: a process of its own that holds the backups. */
import { connect } from '../../../dist/src/index.js';
import { natsEngine } from '../../../dist/src/engine/nats/index.js';
import { cartOf } from './cart.mjs';

const { servers, cluster, partitions } = JSON.parse(process.argv[2]);
const store = await connect({
  sessions: [cartOf(6).type],
  engine: natsEngine({ servers }),
  cluster,
  nodeId: 'backup',
  backups: 1,
  ...(partitions === undefined ? {} : { partitions }),
});
process.send('ready');
process.on('disconnect', () => void store.close().finally(() => process.exit(0)));
