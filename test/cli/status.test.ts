/** `twinstate status`, run as a command beside real processes on a real nats-server. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { natsEngine } from '../../src/engine/nats/index.js';
import { connect, clusterStatus } from '../../src/index.js';
import type { ClusterStatus, SessionStore } from '../../src/index.js';
import { statusTable } from '../../src/cli/status-table.js';
import { startNatsServer } from '../nats-server.js';
import type { NatsServer } from '../nats-server.js';
import { NodeProcess } from '../scenarios/node-process.js';
import { Tally } from '../scenarios/tally.js';
import { until } from '../store/world.js';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function command(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env }, timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ code, stdout, stderr });
      else reject(error ?? new Error('it did not end'));
    });
  });
}

async function unusedPort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

describe('twinstate status', function () {
  this.timeout(120_000);
  let storeDir: string;
  let server: NatsServer;
  let application: SessionStore;
  const cluster = 'status shop';
  const nodes: NodeProcess[] = [];
  const status = (...more: string[]): Promise<Ended> =>
    command(['status', '--servers', server.url, '--cluster', cluster, '--user', 'ops', '--listen', '500', ...more], {
      NATS_PASSWORD: 'open sesame',
    });

  before(async function () {
    this.timeout(300_000);
    storeDir = mkdtempSync(join(tmpdir(), 'twinstate-status-'));
    const users = '{ user: "ops", password: "open sesame" }, { user: "app", password: "app" }';
    server = await startNatsServer({ storeDir, config: `authorization { users: [${users}] }\nno_auth_user: app` });
    const servers = server.url;
    // who is silent stays a member for longer than a command takes to start on a busy machine
    const common = { cluster, partitions: 4, backups: 1, timing: { absentMs: 30_000 } };
    application = await connect({
      ...common,
      sessions: [Tally],
      role: 'client',
      nodeId: 'web',
      engine: natsEngine({ servers }),
    });
    nodes.push(...(await Promise.all(['a', 'b', 'c'].map((nodeId) => NodeProcess.start({ ...common, nodeId, servers })))));
    for (let i = 0; i < 12; i++) await application.create(Tally, {}, { id: `s${i}` });
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.end()));
    await application?.close();
    await server?.stop();
    rmSync(storeDir, { recursive: true, force: true });
  });

  it('prints members and partitions as a table', async () => {
    let told!: Ended;
    await until('all is well', async () => (told = await status()).code === 0);
    expect(told.stderr).to.equal('');
    for (const { id } of nodes)
      expect(told.stdout).to.match(new RegExp(`^${id} +node +up +\\d+ +\\d+ +0 +\\d+ +\\d+ +\\S+ \\S+$`, 'm'));
    expect(told.stdout).to.match(/^web~\w+ +client +up +0 +0 +0 +0 +0 +0 B$/m);
    for (let partition = 0; partition < 4; partition++)
      expect(told.stdout).to.match(
        new RegExp(`^${partition} +[abc]~\\w+ +\\d+ +[abc]~\\w+ \\(\\d+\\).* +\\d+ +\\d+ \\(.*\\)$`, 'm'),
      );
    expect(told.stdout).to.contain(`cluster ${cluster}, generation 1`);
  });

  it('prints JSON that says the same as each process does of itself', async () => {
    const { code, stdout } = await status('--json');
    expect(code).to.equal(0);
    const said = JSON.parse(stdout) as ClusterStatus;
    expect(said.members.map(({ node }) => node).slice(0, 3)).to.deep.equal(nodes.map(({ id }) => id).toSorted());
    const leading = said.members.flatMap((member) => member.status!.replicas.filter(({ role }) => role === 'leading'));
    expect(leading.map(({ partition }) => partition).toSorted((x, y) => x - y)).to.deep.equal([0, 1, 2, 3]);
    expect(leading.reduce((sum, { sessions }) => sum + sessions, 0)).to.equal(12);
    for (const { backups, epoch, logRecords, logBytes, applied, memoryBytes } of leading) {
      // processes that start one after the other hold more than they must
      expect(backups.length).to.be.within(1, 2);
      expect(epoch).to.be.within(1, applied);
      expect(logRecords).to.be.greaterThan(0);
      expect(logBytes).to.be.greaterThan(logRecords * 20);
      expect(memoryBytes).to.be.greaterThan(0);
    }
    const own = application.status();
    expect(own).to.include({ node: application.nodeId, role: 'client', partitions: 4, generation: 1 });
    expect(own.members.map(({ node }) => node)).to.deep.equal(said.members.map(({ node }) => node));
    expect(own.link.up).to.equal(true);
    expect(own.replicas).to.deep.equal([]);
  });

  it('shows a member that does not answer as silent, and exits with 1', async () => {
    const [paused] = nodes;
    paused!.pause();
    try {
      const { code, stdout } = await status('--timeout', '500', '--listen', '300');
      expect(code).to.equal(1);
      expect(stdout).to.match(new RegExp(`^${paused!.id} +node +silent$`, 'm'));
    } finally {
      paused!.resume();
    }
  });

  it('makes nothing, and exits with 2 where nobody is', async () => {
    const { code, stdout, stderr } = await command(
      ['status', '--servers', server.url, '--cluster', 'nobody', '--user', 'ops', '--listen', '300'],
      { NATS_PASSWORD: 'open sesame' },
    );
    expect([code, stdout]).to.deep.equal([2, '']);
    expect(stderr).to.contain('nobody of the cluster "nobody" was heard');
    expect(existsSync(`${storeDir}/jetstream/$G/streams/TWIN_nobody_1`), 'no stream was made').to.equal(false);
    expect(existsSync(`${storeDir}/jetstream/$G/streams`), 'that is where they are').to.equal(true);
  });

  it('says what is wrong with the options, the server or the password, and exits with 2', async () => {
    for (const [args, why] of [
      [['stats'], /one command: status/],
      [['status', '--listen', 'soon'], /--listen expects whole milliseconds/],
      [['status', '--colour'], /--colour/],
      [['status', '--token-env', 'NO_SUCH_TOKEN'], /NO_SUCH_TOKEN is not set/],
      [['status', '--creds', '/no/such/file'], /no such file/],
      [['status', '--servers', `nats://127.0.0.1:${await unusedPort()}`, '--timeout', '300'], /\[UNAVAILABLE\]/],
      [['status', '--servers', server.url, '--user', 'ops'], /\[ENGINE_FAILED\]/],
    ] as const) {
      const { code, stderr, stdout } = await command(args, { NATS_PASSWORD: 'wrong' });
      expect([code, stdout], args.join(' ')).to.deep.equal([2, '']);
      expect(stderr).to.match(why);
    }
    expect((await command(['--help'])).stdout).to.contain('usage: twinstate status');
  });

  it('shows names from the bus without what would move a cursor', async () => {
    const said = await clusterStatus({ engine: natsEngine({ servers: server.url, user: 'ops', pass: 'open sesame' }), cluster });
    const [first] = said.members;
    const hostile = { ...said, members: [{ ...first!, node: '\u001b[2Jgone\n\u202e' }] };
    expect(statusTable(hostile)).to.contain('?[2Jgone??').and.not.to.contain('\u001b');
  });
});
