/** The NATS engine passes the conformance suite, on a real server that is paused, restarted and made to split what it is given. */
import { expect } from 'chai';
import { natsEngine } from '../../src/engine/nats/index.js';
import { engineConformance } from '../../src/testing/engine-conformance.js';
import type { EngineWorld } from '../../src/testing/engine-world.js';
import { realClock } from '../../src/testing/real-clock.js';
import { Names } from '../../src/engine/nats/names.js';
import { startNatsServer, type NatsServer } from '../nats-server.js';
import { deleteStream } from './streams.js';

describe('nats engine: conformance', function () {
  let server: NatsServer;

  before(async function () {
    this.timeout(300_000);
    // a small limit, so that splitting is tested without moving megabytes
    server = await startNatsServer({ config: 'max_payload: 32768' });
  });

  after(() => server.stop());

  const world = (): Promise<EngineWorld> =>
    Promise.resolve({
      clock: realClock,
      random: Math.random,
      engine: ({ logBytesMax } = {}) => natsEngine({ servers: server.url, maxBytes: logBytesMax, requestTimeoutMs: 1000 }),
      limitsLog: true,
      restart: () => server.restart(),
      lose: async (cluster, generation) => {
        await deleteStream(server.url, new Names(cluster, generation).logStream);
      },
      cut: async () => {
        await server.pause();
        return () => {
          server.resume();
          return Promise.resolve();
        };
      },
      close: () => Promise.resolve(),
    });

  for (const one of engineConformance()) {
    it(one.name, async () => {
      expect(await one.run(world)).to.equal('passed');
    });
  }
});
