/** A server is asked for a stream once, however many connections of a process begin at the same moment: 2.9 may hang otherwise. */
import { expect } from 'chai';
import { connect as connectClient, type NatsConnection } from 'nats';
import { natsEngine } from '../../src/engine/nats/index.js';
import { Names } from '../../src/engine/nats/names.js';
import { connect } from '../../src/index.js';
import { startNatsServer, type NatsServer } from '../nats-server.js';
import { Counter } from '../store/sessions.js';

const AT_ONCE = 4;

describe('nodes of one process that start a cluster at the same moment', function () {
  this.timeout(60_000);
  let server: NatsServer;
  let eye: NatsConnection;
  before(async function () {
    this.timeout(300_000);
    server = await startNatsServer();
    eye = await connectClient({ servers: server.url });
  });
  after(async () => {
    await eye.close();
    await server.stop();
  });

  it('make each of its streams once', async () => {
    const asked: string[] = [];
    eye.subscribe('$JS.API.STREAM.CREATE.>', { callback: (_, { subject }) => void asked.push(subject.split('.').at(-1)!) });
    await eye.flush();
    const options = { sessions: [Counter], cluster: 'together', partitions: 1, backups: 1 };
    const stores = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, i) =>
        connect({ ...options, nodeId: `n${i}`, engine: natsEngine({ servers: server.url }) }),
      ),
    );
    await eye.flush();
    await Promise.all(stores.map((store) => store.close()));
    const { logStream, snapshotStream } = new Names('together', 1);
    expect(asked.toSorted()).to.deep.equal([logStream, snapshotStream].toSorted());
  });
});
