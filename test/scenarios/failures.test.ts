/**
 * What the cluster is for: processes die, stand still and start again, the server restarts, and every acknowledged change is
 * found exactly once. Real processes, a real nats-server, a load that never stops meanwhile.
 */
import { expect } from 'chai';
import { natsEngine } from '../../src/engine/nats/index.js';
import { connect } from '../../src/index.js';
import type { ConnectOptions, SessionStore } from '../../src/index.js';
import { startNatsServer } from '../nats-server.js';
import type { NatsServer } from '../nats-server.js';
import { LogEye } from '../store/log-eye.js';
import { pause, until } from '../store/world.js';
import { NodeProcess } from './node-process.js';
import { judge, Load, Tally } from './tally.js';
import type { Told } from './tally.js';

const SESSIONS = ['s0', 's1', 's2', 's3', 's4', 's5'];

/** The acknowledgements that a load must still collect before a test goes on: the cluster works. */
const SOME = 60;

/** The processes of some scenarios seal what they write. */
const SEALED = { keys: [{ id: 'k1', key: Buffer.alloc(32, 7).toString('base64') }] };

describe('a cluster under load', function () {
  this.timeout(120_000);
  let server: NatsServer;
  let clusters = 0;
  let cluster = '';
  let common: Omit<ConnectOptions, 'sessions'>;
  let nodes = new Map<string, NodeProcess>();
  let application: SessionStore;
  let load: Load;

  before(async function () {
    this.timeout(300_000);
    server = await startNatsServer();
  });
  after(() => server?.stop());

  async function begin(names: readonly string[], options: Omit<ConnectOptions, 'sessions'> = {}): Promise<void> {
    cluster = `scenario-${++clusters}`;
    common = { cluster, partitions: 3, backups: 1, ...options };
    await Promise.all(names.map(startNode));
    application = await connect({ ...common, sessions: [Tally], role: 'client', engine: natsEngine({ servers: server.url }) });
    await Promise.all(SESSIONS.map((id) => application.create(Tally, {}, { id })));
    load = new Load(application, 'app', SESSIONS);
    await more();
  }

  afterEach(async () => {
    await load?.stop();
    await application?.close();
    await Promise.all([...nodes.values()].map((node) => node.end()));
    nodes = new Map();
  });

  async function startNode(name: string): Promise<NodeProcess> {
    const node = await NodeProcess.start({ ...(common as object), nodeId: name, servers: server.url });
    nodes.set(name, node);
    return node;
  }

  /** Waits until the load has collected some more acknowledgements. */
  async function more(): Promise<void> {
    const before = load.told.acknowledged.length;
    await until('the load goes on', () => load.told.acknowledged.length >= before + SOME);
  }

  /** Every term that began because somebody doubted the primary, or found none. */
  async function claims(): Promise<string[]> {
    const roles = await Promise.all([...nodes.values()].map((node) => node.tell<{ roles: string[] }>({ do: 'roles' })));
    return roles.flatMap((each) => each.roles).filter((role) => role.includes(' leading: its LEAD'));
  }

  async function primaryOf(partition: number): Promise<NodeProcess> {
    let found: NodeProcess | undefined;
    await until(`partition ${partition} is led`, async () => {
      for (const node of nodes.values()) if ((await node.leads()).includes(partition)) found = node;
      return found !== undefined;
    });
    return found!;
  }

  async function kill(node: NodeProcess): Promise<string> {
    const [name] = [...nodes].find(([, each]) => each === node)!;
    nodes.delete(name);
    await node.kill();
    return name;
  }

  async function settle(others: readonly Told[] = []): Promise<void> {
    const told = await load.stop();
    expect(await judge(application, SESSIONS, [told, ...others])).to.deep.equal([]);
    expect(told.unknown, 'whoever waits learns what became of it').to.deep.equal([]);
  }

  it('loses nothing when a primary is killed, nor when the next one is', async () => {
    await begin(['a', 'b', 'c'], { encryption: SEALED });
    const name = await kill(await primaryOf(0));
    await more();
    await startNode(name);
    await kill(await primaryOf(0));
    await more();
    await settle();
  });

  it('refuses the late commits of a primary that stood still, and loses nothing', async () => {
    await begin(['a', 'b', 'c']);
    const sleeper = await primaryOf(0);
    const led = await sleeper.leads();
    // writers inside the very process that is going to stand still
    await sleeper.tell({ do: 'load', name: 'own', sessions: SESSIONS });
    await pause(300);
    sleeper.pause();
    await pause(3_000);
    await more();
    sleeper.resume();
    await until('it has learnt that it leads no more', async () => {
      const leads = await sleeper.leads();
      return led.some((partition) => !leads.includes(partition));
    });
    await more();
    const own = await sleeper.tell<Told>({ do: 'stop load' });
    expect(own.acknowledged.length).to.be.greaterThan(0);
    await settle([own]);
  });

  it('goes on after a restart of the nats-server, and after it was killed', async () => {
    await begin(['a', 'b']);
    const before = await claims();
    await server.restart();
    await more();
    await server.kill();
    await pause(500);
    await server.start();
    await more();
    expect(await claims(), 'no process died, so nobody takes over').to.deep.equal(before);
    await settle();
  });

  it('starts cold from snapshots and what is left of the log', async () => {
    await begin(['a', 'b'], { timing: { checkpointRecords: 25, checkpointIdleMs: 300, snapshotMs: 50 } });
    const eye = await LogEye.open({ engine: natsEngine({ servers: server.url }), name: cluster }, 3);
    try {
      await until('every log was trimmed', async () => {
        const records = await eye.records();
        return !records.some(({ record }) => record.type === 'commit' && record.entries.some(({ kind }) => kind === 'create'));
      });
    } finally {
      await eye.close();
    }
    await more();
    // all of them at once: nobody has any memory left
    await Promise.all([...nodes.values()].map(kill));
    await pause(200);
    await Promise.all(['a', 'b'].map(startNode));
    await more();
    await settle();
    const version = (await nodes.get('a')!.tell<{ version: number }>({ do: 'open', session: 's0', consistency: 'strong' }))
      .version;
    expect(version, 'versions never go back').to.be.greaterThan(
      load.told.acknowledged.filter((token) => token.startsWith('s0/')).length,
    );
  });

  it('another set of nodes, under other names, takes the sessions over from the log', async () => {
    await begin(['a', 'b']);
    await Promise.all([...nodes.values()].map(kill));
    await Promise.all(['x', 'y'].map(startNode));
    await more();
    await settle();
  });
});
