/** A process of the faults: a node or an application server that also calls; `WorkerProcess` starts it and tells it what to do. */
import { natsEngine } from '../../src/engine/nats/index.js';
import { subscribe } from '../../src/index.js';
import type { ConnectOptions } from '../../src/index.js';
import type { ClusterNode } from '../../src/node/cluster-node.js';
import type { AtRest } from '../../src/session/at-rest.js';
import { connectWith } from '../../src/store/connect.js';
import { REAL_RUNTIME } from '../../src/store/real-runtime.js';
import { seededRandom } from '../../src/testing/simulated-time.js';
import { statesOf } from '../scenarios/replica-states.js';
import { Account } from './account.js';
import { Callers } from './callers.js';
import type { Calling } from './callers.js';
import { Journal } from './journal.js';

export interface WorkerOptions extends Omit<ConnectOptions, 'sessions' | 'engine'> {
  readonly servers: readonly string[];
  readonly replicas: number;
  /** Of what it calls: this and all that were before it under the same name tell their tokens apart by it. */
  readonly name: string;
}

export type WorkerCommand =
  | { readonly do: 'call'; readonly calling: Calling; readonly journal: string }
  | { readonly do: 'create' | 'read'; readonly sessions: readonly string[] }
  | { readonly do: 'stop' | 'states' | 'drain' };

/** What a process tells of its calls. */
export interface Called {
  readonly complaints: readonly string[];
  readonly counts: Callers['counts'];
}

/** Of the calls that make sessions and read them in the end. */
const PATIENT_MS = 120_000;

const { servers, replicas, name, ...options } = JSON.parse(process.argv[2]!) as WorkerOptions;
const engine = natsEngine({ servers, replicas });
let node!: ClusterNode<AtRest>;
const store = await connectWith(
  { ...options, sessions: [Account], engine, timeoutMs: 60_000 },
  REAL_RUNTIME,
  (made) => (node = made),
);
let callers: Callers | undefined;
let journal: Journal | undefined;
subscribe('promoted', ({ partition }) => journal?.leads(partition));

async function run(command: WorkerCommand): Promise<unknown> {
  switch (command.do) {
    case 'call':
      journal?.close();
      journal = new Journal(command.journal);
      callers = new Callers(
        store,
        journal,
        `${name}/${command.calling.seed}`,
        command.calling,
        seededRandom(command.calling.seed),
      );
      return undefined;
    case 'create':
      await Promise.all(command.sessions.map((session) => callers!.create(session, true)));
      return undefined;
    case 'read':
      await Promise.all(command.sessions.map((session) => callers!.read(session, 'strong', PATIENT_MS)));
      return undefined;
    case 'stop':
      await callers?.stop();
      return { complaints: callers?.complaints ?? [], counts: callers?.counts ?? {} };
    case 'states':
      return statesOf(node);
    case 'drain':
      return store.drain();
    default:
      return undefined;
  }
}

process.on('message', (message: { readonly id: number; readonly command: WorkerCommand }) => {
  run(message.command).then(
    (result) => process.send?.({ id: message.id, result }),
    (error: unknown) => process.send?.({ id: message.id, error: String(error) }),
  );
});
// whoever started it is gone
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: store.nodeId });
