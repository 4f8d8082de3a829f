/** A node in an operating-system process of its own; `NodeProcess` starts it and tells it what to do. */
import { subscribe } from 'node:diagnostics_channel';
import { natsEngine } from '../../src/engine/nats/index.js';
import { connect } from '../../src/index.js';
import type { ConnectOptions, SessionStore } from '../../src/index.js';
import { Load, Tally } from './tally.js';

export interface ChildOptions extends Omit<ConnectOptions, 'sessions' | 'engine'> {
  readonly servers: string;
}

export type Command =
  | { readonly do: 'create' | 'open'; readonly session: string; readonly consistency?: 'local' | 'strong' }
  | { readonly do: 'load'; readonly name: string; readonly sessions: readonly string[] }
  | { readonly do: 'stop load' | 'roles' | 'notices' | 'close' };

const { servers, ...options } = JSON.parse(process.argv[2]!) as ChildOptions;

const roles: string[] = [];
const leads = new Set<number>();
const notices: string[] = [];
subscribe('twinstate:role', (event) => {
  const { partition, role, reason } = event as { partition: number; role: string; reason: string };
  roles.push(`${partition} ${role}: ${reason}`);
  if (role === 'leading') leads.add(partition);
  else leads.delete(partition);
});
subscribe('twinstate:notice', (event) => notices.push((event as { notice: { kind: string } }).notice.kind));

const store: SessionStore = await connect({ ...options, sessions: [Tally], engine: natsEngine({ servers }) });
let load: Load | undefined;

async function run(command: Command): Promise<unknown> {
  switch (command.do) {
    case 'create':
      await store.create(Tally, {}, { id: command.session });
      return undefined;
    case 'open': {
      const tally = await store.open(Tally, command.session, { consistency: command.consistency, timeoutMs: 20_000 });
      return tally === undefined ? undefined : { tokens: tally.tokens, last: tally.last, version: store.versionOf(tally) };
    }
    case 'load':
      load = new Load(store, command.name, command.sessions);
      return undefined;
    case 'stop load':
      return load?.stop();
    case 'roles':
      return { leads: [...leads], roles };
    case 'notices':
      return notices;
    case 'close':
      await store.close();
      return undefined;
  }
}

process.on('message', (message: { readonly id: number; readonly command: Command }) => {
  run(message.command).then(
    (result) => process.send?.({ id: message.id, result }),
    (error: unknown) => process.send?.({ id: message.id, error: String(error) }),
  );
});
// whoever started it is gone
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: store.nodeId });
