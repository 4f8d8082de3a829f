/** A node in an operating-system process of its own; `NodeProcess` starts it and tells it what to do. */
import { subscribe } from 'node:diagnostics_channel';
import { natsEngine } from '../../src/engine/nats/index.js';
import type { ConnectOptions } from '../../src/index.js';
import type { ClusterNode } from '../../src/node/cluster-node.js';
import type { AtRest } from '../../src/session/at-rest.js';
import { connectWith } from '../../src/store/connect.js';
import { REAL_RUNTIME } from '../../src/store/real-runtime.js';
import { Counting, makeSessions, readCounts } from './counting.js';
import { statesOf } from './replica-states.js';
import { Load, Tally } from './tally.js';

export interface ChildOptions extends Omit<ConnectOptions, 'sessions' | 'engine'> {
  readonly servers: string | readonly string[];
  /** Of the stream. */
  readonly replicas?: number;
}

export type Command =
  | { readonly do: 'create'; readonly session: string }
  | {
      readonly do: 'open';
      readonly session: string;
      readonly consistency?: 'local' | 'strong';
      readonly atLeast?: number | undefined;
    }
  | { readonly do: 'load'; readonly name: string; readonly sessions: readonly string[] }
  | { readonly do: 'make'; readonly from: number; readonly to: number }
  | { readonly do: 'count'; readonly writer: string; readonly sessions: number; readonly workers: number }
  | { readonly do: 'counts'; readonly sessions: number }
  | { readonly do: 'stop count' | 'stop load' | 'roles' | 'held' | 'notices' | 'states' | 'drain' | 'close' };

/** What `open` tells of a session. */
export interface Opened {
  readonly tokens: readonly string[];
  readonly last: Readonly<Record<string, number>>;
  readonly version: number;
}

/** The partitions of which a node holds a replica that is up to date. */
export interface Held {
  readonly leads: readonly number[];
  readonly follows: readonly number[];
}

const { servers, replicas, ...options } = JSON.parse(process.argv[2]!) as ChildOptions;

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

let node!: ClusterNode<AtRest>;
const store = await connectWith(
  {
    ...options,
    sessions: [Tally],
    engine: natsEngine({ servers: [servers].flat(), ...(replicas === undefined ? {} : { replicas }) }),
  },
  REAL_RUNTIME,
  (made) => (node = made),
);
let load: Load | undefined;
let counting: Counting | undefined;

async function run(command: Command): Promise<unknown> {
  switch (command.do) {
    case 'create':
      await store.create(Tally, {}, { id: command.session });
      return undefined;
    case 'open': {
      const { session, consistency, atLeast } = command;
      const tally = await store.open(Tally, session, { consistency, atLeast, timeoutMs: 20_000 });
      const opened: Opened | undefined = tally && { tokens: tally.tokens, last: tally.last, version: store.versionOf(tally) };
      return opened;
    }
    case 'load':
      load = new Load(store, command.name, command.sessions);
      return undefined;
    case 'stop load':
      return load?.stop();
    case 'make':
      return makeSessions(store, command.from, command.to);
    case 'count':
      counting = new Counting(store, command.writer, command.sessions, command.workers);
      return undefined;
    case 'stop count':
      return counting?.stop();
    case 'counts':
      return readCounts(store, command.sessions);
    case 'states':
      return statesOf(node);
    case 'roles':
      return { leads: [...leads], roles };
    case 'held':
      return { leads: held('leading'), follows: held('following') } satisfies Held;
    case 'notices':
      return notices;
    case 'drain':
      await store.drain();
      return undefined;
    case 'close':
      await store.close();
      return undefined;
  }
}

function held(role: 'leading' | 'following'): number[] {
  return node.replicas.filter(({ machine }) => machine.role === role).map(({ partition }) => partition);
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
