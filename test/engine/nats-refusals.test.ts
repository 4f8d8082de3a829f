/** The NATS engine refuses what cannot keep the promises, and says why and what to do. */
import { expect } from 'chai';
import { natsEngine, type NatsEngineOptions } from '../../src/engine/nats/index.js';
import { checkVersion } from '../../src/engine/nats/requirements.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { nodeId } from '../../src/shared/ids.js';
import { realClock } from '../../src/testing/real-clock.js';
import { startNatsServer, type NatsServer } from '../nats-server.js';

async function connectTo(options: NatsEngineOptions, cluster = 'refusals', timeoutMs = 5000): Promise<void> {
  const connection = await natsEngine(options).connect({
    cluster,
    generation: 1,
    node: nodeId('node~1'),
    clock: realClock,
    random: Math.random,
    timeoutMs,
  });
  await connection.close();
}

async function refusal(promise: Promise<unknown>): Promise<TwinstateError> {
  try {
    await promise;
  } catch (error) {
    expect(error).to.be.instanceOf(TwinstateError);
    return error as TwinstateError;
  }
  throw new Error('nothing was refused');
}

describe('nats engine: refusals', function () {
  this.timeout(300_000);
  let server: NatsServer;

  before(async () => (server = await startNatsServer()));
  after(() => server.stop());

  it('refuses a server without JetStream and names the switch that starts it', async () => {
    const plain = await startNatsServer({ jetstream: false });
    try {
      const error = await refusal(connectTo({ servers: plain.url }, 'refusals', 500));
      expect(error.code).to.equal('ENGINE_UNSUPPORTED');
      expect(error.message).to.include('JetStream').and.include('nats-server -js');
    } finally {
      await plain.stop();
    }
  });

  it('refuses an account without JetStream', async () => {
    const config =
      'accounts { A { users: [{ user: a, password: a }] }, B { jetstream: enabled, users: [{ user: b, password: b }] } }';
    const accounts = await startNatsServer({ config });
    try {
      const error = await refusal(connectTo({ servers: accounts.url, user: 'a', pass: 'a' }, 'refusals', 500));
      expect(error.code).to.equal('ENGINE_UNSUPPORTED');
      expect(error.message).to.include('account');
      await connectTo({ servers: accounts.url, user: 'b', pass: 'b' });
    } finally {
      await accounts.stop();
    }
  });

  it('refuses replicas where the server cannot keep them, and says what to do', async () => {
    const error = await refusal(connectTo({ servers: server.url, replicas: 3 }, 'replicated'));
    expect(error.code).to.equal('ENGINE_UNSUPPORTED');
    expect(error.cure).to.include('replicas: 1');
  });

  it('refuses replicas on every server on which a conditional append has several winners', () => {
    for (const version of ['2.9.10', '2.9.25', '2.10.0', '2.10.18', '2.10.18-RC.3']) {
      expect(() => checkVersion(version, 3), version)
        .to.throw(TwinstateError, 'replicas: 1')
        .with.property('code', 'ENGINE_UNSUPPORTED');
      expect(() => checkVersion(version, 1), version).not.to.throw();
    }
    for (const version of ['2.10.19', '2.10.27', '2.11.0', '2.15.1', '3.0.0'])
      expect(() => checkVersion(version, 3), version).not.to.throw();
    for (const version of ['2.8.4', '1.4.1', '']) {
      expect(() => checkVersion(version, 1), version)
        .to.throw(TwinstateError, 'upgrade')
        .with.property('code', 'ENGINE_UNSUPPORTED');
    }
  });

  it('says that nobody answers where no server listens', async () => {
    const gone = await startNatsServer();
    await gone.stop();
    const error = await refusal(connectTo({ servers: gone.url }, 'refusals', 300));
    expect(error.code).to.equal('UNAVAILABLE');
    expect(error.message).to.include(gone.url).and.include('nats-server -js');
  });

  it('waits for a server that starts a moment later', async () => {
    const late = await startNatsServer();
    await late.kill();
    const connecting = connectTo({ servers: late.url }, 'refusals', 20_000);
    try {
      await late.start();
      await connecting;
    } finally {
      await late.stop();
    }
  });

  it('refuses a wrong password at once and does not try for ever', async () => {
    const guarded = await startNatsServer({ config: 'authorization { user: u, password: right }' });
    try {
      await connectTo({ servers: guarded.url, user: 'u', pass: 'right' });
      const error = await refusal(connectTo({ servers: guarded.url, user: 'u', pass: 'wrong' }));
      expect(error.code).to.equal('ENGINE_FAILED');
      expect(error.cure).to.include('pass');
    } finally {
      await guarded.stop();
    }
  });

  it('refuses a cluster whose streams were made with another storage, and says with which', async () => {
    await connectTo({ servers: server.url, storage: 'file' }, 'stored');
    const error = await refusal(connectTo({ servers: server.url, storage: 'memory' }, 'stored'));
    expect(error.code).to.equal('CLUSTER_MISMATCH');
    expect(error.cure).to.include("storage: 'file'");
    await connectTo({ servers: server.url, storage: 'memory' }, 'in memory');
  });

  it('lets many nodes make the same cluster at once', async () => {
    await Promise.all(Array.from({ length: 12 }, () => connectTo({ servers: server.url }, 'made by many')));
  });

  it('refuses options that cannot be meant', () => {
    for (const options of [{ servers: [] }, { servers: server.url, replicas: 0 }, { servers: server.url, replicas: 1.5 }]) {
      expect(() => natsEngine(options))
        .to.throw(TwinstateError)
        .with.property('code', 'OPTION_INVALID');
    }
  });
});
