/**
 * `npm run start:nats`: three server processes under load on a real NATS server, `kill -9` of the one that leads most, and a
 * count of every acknowledged commit.
 *
 * Invariant: it ends with code 0 only if every acknowledged commit is there exactly once; it leaves no process and no folder.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startNatsServer, type NatsServer } from '../support/nats-server.js';
import { Account, BrokenClaim, grouped } from './account.js';
import { nowMs, type FromServer } from './messages.js';
import { Reckoning } from './reckoning.js';
import { Server } from './server.js';

const SESSIONS_EACH = 40;
const WORKERS_EACH = 8;
const BEFORE_MS = 1_500;
const AFTER_MS = 2_500;
const MS_MAX = 90_000;

const account = new Account();
const reckoning = new Reckoning();
const servers: Server[] = [];
let starting: Promise<NatsServer> | undefined;
let ending: Promise<void> | undefined;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // `on`: who presses Ctrl-C twice must not interrupt the cleaning up
  process.on(signal, () => void end('kill').finally(() => process.exit(signal === 'SIGINT' ? 130 : 143)));
}
const overdue = setTimeout(() => {
  console.error(`\n  This took longer than ${MS_MAX / 1_000} s.`);
  void end('kill').finally(() => process.exit(1));
}, MS_MAX);

try {
  await tell();
} catch (error) {
  if (ending === undefined) console.error(error instanceof BrokenClaim ? `\n  This is not so: ${error.message}` : error);
  process.exitCode = 1;
} finally {
  await end(process.exitCode === undefined ? 'leave' : 'kill');
  clearTimeout(overdue);
}

async function tell(): Promise<void> {
  account.title('Twinstate on NATS', 'three servers under load, one of them killed');
  starting = startNatsServer();
  const nats = await starting;
  account.step(`Three server processes on nats-server ${nats.version}, one backup for each session`);
  const { url } = nats;
  const nodes = await Promise.all(['server-1', 'server-2', 'server-3'].map((name) => join(name, url, 'node')));
  const created = await createSessions(nodes);
  const ids = [...created.values()].flat();
  account.line(`${ids.length} sessions; every server changes all of them, ${WORKERS_EACH} at a time.`);
  for (const node of nodes) node.tell({ type: 'load', ids, workers: WORKERS_EACH });
  await sleep(BEFORE_MS);

  const victim = nodes.toSorted((x, y) => y.leads.size - x.leads.size)[0]!;
  account.step(`kill -9 ${victim.name}`);
  account.line(
    `It leads ${victim.leads.size} of ${nodes.reduce((sum, { leads }) => sum + leads.size, 0)} partitions; ${grouped(reckoning.acknowledged)} commits were acknowledged so far.`,
  );
  const killedMs = nowMs();
  await victim.kill();
  const survivors = nodes.filter((node) => node !== victim);
  const orphans = created.get(victim)!;
  // beside the load, each session that it led is changed at once: how long that takes is the takeover
  survivors.forEach((node, i) => node.tell({ type: 'change', ids: orphans.filter((_, j) => j % survivors.length === i) }));
  await sleep(AFTER_MS);
  account.claim(
    'the two others go on',
    survivors.every(({ alive }) => alive),
  );
  await Promise.all(survivors.map((node) => ask(node, { type: 'stop' }, 'stopped')));
  tellTakeover(orphans, killedMs);

  account.step('Every session is opened in a fresh process');
  const reader = await join('reader', url, 'client');
  const { states } = await ask(reader, { type: 'read', ids }, 'state');
  tellBalance(states);
  account.line();
}

async function join(name: string, url: string, role: 'node' | 'client'): Promise<Server> {
  if (ending !== undefined) throw new Error('this is ending');
  const server = new Server(name, url, role, (message) => reckoning.take(message));
  servers.push(server);
  await server.next('ready');
  return server;
}

/** A session without a given id is led by the process that created it, where that leads anything. */
async function createSessions(nodes: readonly Server[]): Promise<ReadonlyMap<Server, readonly string[]>> {
  const created = new Map<Server, readonly string[]>();
  await Promise.all(
    nodes.map(async (node) => created.set(node, (await ask(node, { type: 'create', sessions: SESSIONS_EACH }, 'created')).ids)),
  );
  return created;
}

function ask<T extends FromServer['type']>(
  server: Server,
  message: Parameters<Server['tell']>[0],
  answer: T,
): Promise<Extract<FromServer, { type: T }>> {
  const answered = server.next(answer);
  server.tell(message);
  return answered;
}

function tellTakeover(sessions: readonly string[], killedMs: number): void {
  const waits = [...reckoning.waits(sessions, killedMs).values()];
  const sorted = waits.filter((wait) => wait !== undefined).toSorted((x, y) => x - y);
  const at = (part: number): string =>
    `${Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN)} ms`;
  account.line(`From the kill to the first acknowledged commit, over the ${sorted.length} sessions that it led:`);
  account.line(`fastest ${at(0)}, median ${at(0.5)}, slowest ${at(1)}.`);
  account.claim('every session that it led takes commits again', sorted.length === sessions.length);
}

function tellBalance(states: Extract<FromServer, { type: 'state' }>['states']): void {
  const balance = reckoning.balance(states);
  account.entry('acknowledged', grouped(balance.acknowledged));
  account.entry('lost', grouped(balance.lost.length));
  account.entry('duplicated', grouped(balance.duplicated.length));
  account.entry('not stored', `${grouped(balance.notStored)}, as reported; of them found ${balance.denied.length}`);
  account.entry(
    'unknown',
    `${grouped(balance.unknown)}, mostly under way in the killed process; of them found ${balance.unknownFound}`,
  );
  for (const reason of reckoning.reasons) account.remark(reason);
  account.claim('no acknowledged commit is lost', balance.lost.length === 0 && balance.acknowledged > 0);
  account.claim('none is there twice', balance.duplicated.length === 0);
  account.claim('what was reported as not stored is not there', balance.denied.length === 0);
  account.claim('nothing is there that nobody did', balance.foreign.length === 0);
  account.claim('every session is whole: list, map, shared reference and version agree', balance.torn.length === 0);
}

/** Ends every process that was started here, and removes what they left. */
function end(how: 'leave' | 'kill'): Promise<void> {
  ending ??= (async () => {
    await Promise.all(servers.filter(({ alive }) => alive).map((server) => server[how]()));
    const nats = await starting?.catch(() => undefined);
    await nats?.stop();
  })();
  return ending;
}
