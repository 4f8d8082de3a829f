/**
 * Claims 6, 20 and 26. The other instance, the one that is kept equal, is a backup, and it lies in the memory of another node of
 * the store: another process, which has every acknowledged change when the first one is gone.
 */
import { expect } from 'chai';
import { natsEngine } from '../../src/engine/nats/index.js';
import { connect } from '../../src/index.js';
import type { SessionStore } from '../../src/index.js';
import { startNatsServer } from '../nats-server.js';
import type { NatsServer } from '../nats-server.js';
import { NodeProcess } from '../scenarios/node-process.js';
import { Tally } from '../scenarios/tally.js';
import { until } from '../store/world.js';

interface Held {
  readonly tokens: string[];
  readonly version: number;
}

describe('claims 6, 20, 26: a backup on another node', function () {
  this.timeout(120_000);
  let server: NatsServer;
  let nodes: NodeProcess[] = [];
  let application: SessionStore;

  before(async () => {
    server = await startNatsServer();
    const common = { cluster: 'claim-6', partitions: 1, backups: 1 };
    nodes = await Promise.all(['a', 'b'].map((nodeId) => NodeProcess.start({ ...common, nodeId, servers: server.url })));
    application = await connect({ ...common, sessions: [Tally], role: 'client', engine: natsEngine({ servers: server.url }) });
  });

  after(async () => {
    await application?.close();
    await Promise.all(nodes.map((node) => node.end()));
    await server?.stop();
  });

  async function primaryAndBackup(): Promise<[NodeProcess, NodeProcess]> {
    let primary: NodeProcess | undefined;
    await until('somebody leads', async () => {
      for (const node of nodes) if ((await node.leads()).length > 0) primary = node;
      return primary !== undefined;
    });
    return [primary!, nodes.find((node) => node !== primary)!];
  }

  it('holds in its own memory what was acknowledged with one backup, and answers from it', async () => {
    const [primary, backup] = await primaryAndBackup();
    expect(primary.id).to.not.equal(backup.id);
    const tally = await application.create(Tally, {}, { id: 'held' });
    // a backup counts once it has said how far it is
    await until(
      'the backup is here',
      async () => (await application.touch(Tally, 'held', { ack: { backups: 1 } }).catch(() => 'not yet')) === undefined,
    );
    for (let i = 1; i <= 10; i++) {
      tally.tokens.push(`t${i}`);
      const { version } = await application.commit(tally, { ack: { backups: 1 } });
      const held = await backup.tell<Held>({ do: 'open', session: 'held', consistency: 'local' });
      expect([held.version, held.tokens]).to.deep.equal([version, tally.tokens]);
    }
  });

  it('takes over with every acknowledged change when the process of the primary is killed', async () => {
    const [primary, backup] = await primaryAndBackup();
    const tally = (await application.open(Tally, 'held'))!;
    tally.tokens.push('the last word');
    await application.commit(tally);
    await primary.kill();
    const again = (await application.open(Tally, 'held', { consistency: 'strong' }))!;
    expect(again.tokens).to.deep.equal(tally.tokens);
    expect(await backup.leads()).to.deep.equal([0]);
    again.tokens.push('and it goes on');
    expect((await application.commit(again)).version).to.equal(application.versionOf(tally) + 1);
  });
});
