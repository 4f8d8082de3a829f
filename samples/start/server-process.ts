/**
 * One application server of `npm run start:nats`: a process of its own that holds primaries and backups and works on any session.
 *
 * Invariant: it ends when its parent ends, however that happens.
 */
import diagnostics from 'node:diagnostics_channel';
import { connect, TwinstateError } from 'twinstate';
import { natsEngine } from 'twinstate/nats';
import { Basket, Entry } from './basket.js';
import { nowMs, type FromServer, type SessionFound, type ToServer } from './messages.js';

const [name = 'server', url = 'nats://127.0.0.1:4222', role = 'node'] = process.argv.slice(2);
const UPDATE_MS_MAX = 15_000;

process.once('disconnect', () => process.exit(1));
// Ctrl-C reaches the whole process group: the parent decides what happens then
process.on('SIGINT', () => undefined);

let loading = false;
let workers: Promise<unknown> = Promise.resolve();
let operations = 0;

diagnostics.subscribe('twinstate:role', (event) => {
  const { partition, role: now } = event as { partition: number; role: string };
  tell({ type: 'role', partition, leads: now === 'leading' });
});

try {
  const engine = natsEngine({ servers: url });
  const store = await connect({
    sessions: [Basket],
    engine,
    cluster: 'shop',
    nodeId: name,
    backups: 1,
    role: role === 'client' ? 'client' : 'node',
  });
  process.on('message', (message: ToServer) => void obey(message).catch(fail));
  // as a deploy ends it: others lead first
  process.once('SIGTERM', () => void store.drain().then(() => process.disconnect(), fail));
  tell({ type: 'ready', node: store.nodeId });

  async function obey(message: ToServer): Promise<void> {
    switch (message.type) {
      case 'create': {
        const made = await Promise.all(Array.from({ length: message.sessions }, () => store.create(Basket, { openedBy: name })));
        return tell({ type: 'created', ids: made.map((basket) => store.idOf(basket)) });
      }
      case 'load':
        loading = true;
        workers = Promise.all(Array.from({ length: message.workers }, () => work(message.ids)));
        return undefined;
      case 'change':
        workers = Promise.all([workers, ...message.ids.map(change)]);
        return undefined;
      case 'stop':
        loading = false;
        await workers;
        return tell({ type: 'stopped' });
      case 'read':
        return tell({ type: 'state', states: await Promise.all(message.ids.map(read)) });
      case 'leave':
        // a closed store refuses at once, for ever
        loading = false;
        await store.close();
        return process.disconnect();
    }
  }

  async function work(ids: readonly string[]): Promise<void> {
    while (loading) await change(ids[Math.floor(Math.random() * ids.length)]!);
  }

  async function change(id: string): Promise<void> {
    const op = `${name}/${++operations}`;
    tell({ type: 'attempt', op, id, atMs: nowMs() });
    try {
      await store.update(Basket, id, (basket) => put(basket, op), { timeoutMs: UPDATE_MS_MAX, attempts: 100 });
      tell({ type: 'result', op, outcome: 'acknowledged', atMs: nowMs() });
    } catch (error) {
      // an error without an outcome came before anything was written
      const outcome = error instanceof TwinstateError ? (error.outcome ?? 'not-stored') : 'unknown';
      tell({ type: 'result', op, outcome: outcome === 'not-stored' ? outcome : 'unknown', atMs: nowMs(), why: String(error) });
    }
  }

  async function read(id: string): Promise<SessionFound> {
    const basket = await store.open(Basket, id, { consistency: 'strong' });
    if (basket === undefined) return { id, ops: [], sum: 0, intact: false };
    const ops = basket.entries.map(({ op }) => op);
    const sum = [...basket.perServer.values()].reduce((all, each) => all + each, 0);
    const intact = basket.latest === basket.entries.at(-1) && basket.entries.every(({ at }) => at instanceof Date);
    return { id, version: store.versionOf(basket), ops, sum, intact };
  }
} catch (error) {
  fail(error);
}

function put(basket: Basket, op: string): void {
  basket.latest = Object.assign(new Entry(), { op, at: new Date() });
  basket.entries.push(basket.latest);
  basket.perServer.set(name, (basket.perServer.get(name) ?? 0) + 1);
}

function tell(message: FromServer): void {
  // a parent that has gone is noticed by `disconnect`
  if (process.connected) process.send!(message, undefined, undefined, () => undefined);
}

function fail(error: unknown): void {
  tell({ type: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}
