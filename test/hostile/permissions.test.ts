/**
 * What NATS itself keeps people from: a real server with the configuration in `samples/nats/`, TLS and nkeys included. A process that is
 * no node cannot write what nodes keep, whoever looks can only look, and another account sees nothing.
 */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { connect as connectClient, createInbox, Events, headers, nkeyAuthenticator, nkeys } from 'nats';
import type { NatsConnection } from 'nats';
import { natsEngine } from '../../src/engine/nats/index.js';
import type { NatsEngineOptions } from '../../src/engine/nats/index.js';
import { Names } from '../../src/engine/nats/names.js';
import { encodeWhole } from '../../src/engine/nats/parts.js';
import { split } from '../../src/engine/nats/transfers.js';
import { clusterStatus, connect } from '../../src/index.js';
import type { SessionStore } from '../../src/index.js';
import { encodeMessage } from '../../src/node/message.js';
import { decodeReply } from '../../src/node/reply.js';
import { nodeId, partition, sessionId } from '../../src/shared/ids.js';
import { freePort } from '../../samples/support/free-port.js';
import { findNatsServer } from '../../samples/support/server-binary.js';
import { refused } from '../store/refused.js';
import { Counter, SESSIONS } from '../store/sessions.js';
import { until } from '../store/world.js';

const names = new Names('shop', 1);

interface UserKey {
  getSeed(): Uint8Array;
  getPublicKey(): string;
}

/** The client's own types say nothing of it. */
const newUser = (): UserKey => (nkeys as { createUser(): UserKey }).createUser();

describe('a NATS server with the configuration of samples/nats', function () {
  this.timeout(60_000);
  const folder = mkdtempSync(join(tmpdir(), 'twinstate-tls-'));
  const [nodeKey, appKey, observerKey] = [newUser(), newUser(), newUser()];
  const certificate = join(folder, 'cert.pem');
  let server: ChildProcess | undefined;
  let servers: string;
  let ca: string;
  let node: SessionStore;
  let app: SessionStore;
  const open: NatsConnection[] = [];

  const as = (user: UserKey, inboxPrefix: string): NatsEngineOptions => ({
    servers,
    inboxPrefix,
    tls: { ca },
    authenticator: nkeyAuthenticator(user.getSeed()),
  });
  const asNode = (): NatsEngineOptions => as(nodeKey, '_INBOX_NODE');
  const asApp = (): NatsEngineOptions => as(appKey, '_INBOX_APP');
  const asObserver = (): NatsEngineOptions => as(observerKey, '_INBOX_OBSERVER');

  /** A plain client with somebody's rights, and what the server refuses it. */
  async function client(options: NatsEngineOptions): Promise<{ readonly nc: NatsConnection; readonly refusals: string[] }> {
    const { inboxPrefix, tls, authenticator } = options;
    const nc = await connectClient({ servers, tls: tls!, authenticator: authenticator!, inboxPrefix: inboxPrefix! });
    open.push(nc);
    const refusals: string[] = [];
    void (async () => {
      for await (const { type, permissionContext } of nc.status())
        if (type === Events.Error) refusals.push(`${permissionContext?.operation} ${permissionContext?.subject}`);
    })();
    return { nc, refusals };
  }

  before(async function () {
    this.timeout(300_000);
    const key = join(folder, 'key.pem');
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const fresh = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    try {
      execFileSync('openssl', [...fresh, '-keyout', key, '-out', certificate, ...subject], { stdio: 'pipe' });
    } catch (cause) {
      throw new Error('this test makes a certificate with `openssl`, which must be on the PATH', { cause });
    }
    ca = readFileSync(certificate, 'utf8');
    const binary = await findNatsServer();
    const port = await freePort();
    servers = `nats://127.0.0.1:${port}`;
    server = spawn(
      binary.path,
      ['-c', 'samples/nats/server.conf', '-a', '127.0.0.1', '-p', `${port}`, '-l', join(folder, 'log')],
      {
        stdio: 'ignore',
        env: {
          ...process.env,
          ...binary.env,
          NATS_STORE: JSON.stringify(join(folder, 'store')),
          NATS_TLS_CERT: JSON.stringify(certificate),
          NATS_TLS_KEY: JSON.stringify(key),
          NODE_NKEY: nodeKey.getPublicKey(),
          APP_NKEY: appKey.getPublicKey(),
          OBSERVER_NKEY: observerKey.getPublicKey(),
          OTHER_PASSWORD: 'other-password',
        },
      },
    );
    await until('the server answers', () => {
      if (server!.exitCode !== null) throw new Error(readFileSync(join(folder, 'log'), 'utf8'));
      return answers(port);
    });
    node = await connect({ sessions: SESSIONS, cluster: 'shop', partitions: 1, nodeId: 'n', engine: natsEngine(asNode()) });
    app = await connect({ sessions: SESSIONS, cluster: 'shop', role: 'client', nodeId: 'a', engine: natsEngine(asApp()) });
  });

  after(async () => {
    for (const nc of open) await nc.close();
    await app?.close();
    await node?.close();
    server?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  it('lets nodes keep sessions, large ones too, and application servers open and change them', async () => {
    const counter = await app.create(Counter, { count: 1 }, { id: 'c' });
    counter.by['large'] = 1;
    for (let i = 0; i < 25_000; i++) counter.by[`a key that makes it larger than a message ${i}`] = i;
    await app.commit(counter);
    await node.update(Counter, 'c', (session) => void session.count++);
    expect((await app.open(Counter, 'c', { consistency: 'strong' }))!.count).to.equal(2);
    const second = await connect({ sessions: SESSIONS, cluster: 'shop', nodeId: 'm', engine: natsEngine(asNode()) });
    await node.update(Counter, 'c', (session) => void session.count++, { ack: { backups: 1 } });
    expect((await second.open(Counter, 'c', { consistency: 'local' }))!.count).to.equal(3);
    await second.close();
  });

  it('lets an application server append nothing, store nothing, and read nothing but what is stored', async () => {
    const { nc, refusals } = await client(asApp());
    const before = (await node.open(Counter, 'c'))!.count;
    const forged = headers();
    forged.set('Nats-Expected-Last-Subject-Sequence', '0');
    nc.publish(names.log(partition(0)), encodeWhole(new Uint8Array(10)), { headers: forged });
    nc.publish(names.snapshot(partition(0), 's:c'), new Uint8Array(3));
    for (const call of [
      'STREAM.PURGE',
      'STREAM.DELETE',
      'STREAM.UPDATE',
      'STREAM.MSG.DELETE',
      'CONSUMER.CREATE',
      'STREAM.CREATE',
    ])
      nc.publish(`$JS.API.${call}.${names.logStream}`, '{}', { reply: `_INBOX_APP.x` });
    for (const subject of ['_INBOX_NODE.>', names.log(partition(0)), '>']) nc.subscribe(subject, { callback: () => undefined });
    await until('all of it is refused', () => refusals.length >= 11);
    expect(new Set(refusals).size).to.equal(11);
    expect((await node.open(Counter, 'c', { consistency: 'strong' }))!.count).to.equal(before);
  });

  it('lets an observer ask for the status and for nothing else, on its own subject too', async () => {
    const status = await clusterStatus({ engine: natsEngine(asObserver()), cluster: 'shop', listenMs: 600 });
    expect(status.members.map((member) => member.role)).to.include.members(['client', 'node']);
    for (const { node: id, status: told } of status.members) expect(told, id).not.to.equal(undefined);
    const { nc, refusals } = await client(asObserver());
    const id = nodeId(node.nodeId);
    const read = { session: sessionId('c'), consistency: 'local', known: undefined, atLeast: undefined, use: false } as const;
    const [question] = split(encodeMessage({ kind: 'read', partition: partition(0), read, waitMs: 0 }), '', 1_000_000);
    const reply = createInbox('_INBOX_OBSERVER');
    const heard: Uint8Array[] = [];
    nc.subscribe(reply, { callback: (_, { data }) => void heard.push(data) });
    nc.publish(names.look(id), question, { reply });
    nc.publish(names.node(id), question, { reply });
    nc.publish(names.log(partition(0)), new Uint8Array(1));
    nc.publish(`$JS.API.STREAM.MSG.GET.${names.snapshotStream}`, '{"seq":1}', { reply });
    nc.subscribe('_INBOX_NODE.>', { callback: () => undefined });
    await until('it was answered, and refused', () => heard.length === 1 && refusals.length >= 4);
    expect(decodeReply(heard[0]!.subarray(1)).kind).to.equal('malformed');
    expect(new Set(refusals).size).to.equal(4);
  });

  it('shows another account nothing, and lets in nobody without a key or without TLS', async () => {
    const other = await connectClient({ servers, tls: { ca }, user: 'other', pass: 'other-password' });
    open.push(other);
    const heard: string[] = [];
    other.subscribe('>', { callback: (_, { subject }) => void heard.push(subject) });
    await other.flush();
    await app.update(Counter, 'c', (session) => void session.count++);
    const { streams } = (await other.request('$JS.API.STREAM.NAMES', '{}')).json<{ streams: string[] | null }>();
    await other.flush();
    expect(streams ?? []).to.deep.equal([]);
    expect(heard.filter((subject) => subject.startsWith('twin.') || subject.startsWith('$KV.'))).to.deep.equal([]);
    const stranger = { sessions: SESSIONS, cluster: 'shop', timeoutMs: 1_500 };
    const { authenticator: _, ...keyless } = asNode();
    await refused(connect({ ...stranger, engine: natsEngine(keyless) }), 'ENGINE_FAILED');
    // a certificate that nobody signed
    const trusting = await connect({ ...stranger, engine: natsEngine({ ...asNode(), tls: {} }) }).then(
      (store) => store.close().then(() => 'connected'),
      (error: { code: string }) => error.code,
    );
    expect(trusting).to.be.oneOf(['ENGINE_FAILED', 'UNAVAILABLE']);
  });
});

/** A server says who it is before TLS begins. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectSocket(port, '127.0.0.1');
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', (data) => end(data.toString().startsWith('INFO ')));
    socket.once('error', () => end(false));
    socket.setTimeout(1_000, () => end(false));
  });
}
