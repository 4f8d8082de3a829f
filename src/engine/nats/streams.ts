/**
 * Makes the two streams of a generation, or checks those that are there.
 *
 * Invariant: the log is never used with a configuration under which a promise would not hold. Several nodes may come here at once:
 * they ask for the same, and the server makes it once.
 */
import { TwinstateError } from '../../shared/errors.js';
import { API_ERROR, type ApiAnswer, type ApiError, type JetStreamApi } from './jetstream-api.js';
import type { Names } from './names.js';
import type { NatsEngineOptions } from './options.js';
import { retry, unavailable } from './requirements.js';

interface StreamConfig {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly storage: string;
  readonly num_replicas: number;
  readonly retention: string;
  readonly discard: string;
  readonly max_msgs: number;
  readonly max_bytes: number;
  readonly max_age: number;
  readonly max_msgs_per_subject: number;
  readonly max_msg_size: number;
  readonly allow_direct: boolean;
  readonly allow_rollup_hdrs: boolean;
  readonly deny_delete: boolean;
  readonly deny_purge: boolean;
}

export async function ensureStreams(
  api: JetStreamApi,
  names: Names,
  options: NatsEngineOptions,
  deadlineMs: number,
): Promise<void> {
  const { storage = 'file', replicas = 1, maxBytes = -1 } = options;
  const common = {
    storage,
    num_replicas: replicas,
    retention: 'limits',
    // a full log refuses, it never forgets
    discard: 'new',
    max_msgs: -1,
    max_age: 0,
    max_msg_size: -1,
    // reads go to the leader
    allow_direct: false,
    allow_rollup_hdrs: false,
    deny_delete: false,
    deny_purge: false,
  };
  await ensure(api, deadlineMs, {
    ...common,
    name: names.logStream,
    subjects: names.logSubjects,
    max_bytes: maxBytes,
    max_msgs_per_subject: -1,
  });
  // without a limit: a full log is relieved by writing snapshots
  await ensure(api, deadlineMs, {
    ...common,
    name: names.snapshotStream,
    subjects: names.snapshotSubjects,
    max_bytes: -1,
    max_msgs_per_subject: 1,
  });
}

/** The generations of a cluster whose log is there, lowest first. `undefined`: nobody answered. */
export async function existing(api: JetStreamApi, names: Names): Promise<readonly number[] | undefined> {
  const found: number[] = [];
  for (let offset = 0; ;) {
    const answer = await api.call<{ streams?: unknown; total?: unknown }>('STREAM.NAMES', { offset });
    if (answer.kind !== 'ok') return undefined;
    const streams = Array.isArray(answer.value.streams) ? (answer.value.streams as unknown[]) : [];
    for (const stream of streams) {
      const generation = typeof stream === 'string' ? names.generationOf(stream) : undefined;
      if (generation !== undefined) found.push(generation);
    }
    offset += streams.length;
    if (streams.length === 0 || offset >= Number(answer.value.total ?? 0)) return found.toSorted((a, b) => a - b);
  }
}

/** Refusals to make a stream that no waiting mends. */
const FINAL: readonly number[] = [
  API_ERROR.replicasNeedCluster,
  API_ERROR.accountResources,
  API_ERROR.insufficientResources,
  API_ERROR.memoryResources,
  API_ERROR.storageResources,
  API_ERROR.invalidConfig,
];

/**
 * A server of 2.9 that is asked for one stream several times at once may stop answering anybody, for good (seen with 2.9.10). So
 * connections of one process take turns, and processes that start together ask again after a moment of their own before they make it.
 */
const MAKING_MS_MAX = 150;
/** By server and stream. */
const making = new Map<string, Promise<unknown>>();

async function ensure(api: JetStreamApi, deadlineMs: number, wish: StreamConfig): Promise<void> {
  const key = `${api.link.serverId} ${wish.name}`;
  const before = making.get(key);
  const turn = (before ?? Promise.resolve()).then(() => ensureOnce(api, deadlineMs, wish));
  const over = turn.catch(() => undefined);
  making.set(key, over);
  void over.then(() => making.get(key) === over && making.delete(key));
  return turn;
}

async function ensureOnce(api: JetStreamApi, deadlineMs: number, wish: StreamConfig): Promise<void> {
  const info = (): Promise<ApiAnswer<{ config?: Partial<StreamConfig> }>> => api.call(`STREAM.INFO.${wish.name}`);
  const create = (): Promise<ApiAnswer<{ config?: Partial<StreamConfig> }>> => api.call(`STREAM.CREATE.${wish.name}`, wish);
  const answer = await retry(api, deadlineMs, async () => {
    const found = await info();
    if (found.kind !== 'error' || found.errCode !== API_ERROR.streamNotFound) return found;
    const { clock, random } = api.link;
    await new Promise<void>((resolve) => clock.after(random() * MAKING_MS_MAX, resolve));
    const still = await info();
    if (still.kind !== 'error' || still.errCode !== API_ERROR.streamNotFound) return still;
    const made = await create();
    // somebody else may be making it, or an unanswered request of one's own: what stands there then decides
    if (made.kind !== 'error' || FINAL.includes(made.errCode)) return made;
    const again = await info();
    return again.kind === 'ok' ? again : { ...made, transient: true };
  });
  if (answer.kind === 'silence') throw unavailable(answer);
  if (answer.kind === 'error') throw refused(answer, wish);
  check(answer.value.config ?? {}, wish);
}

function check(found: Partial<StreamConfig>, wish: StreamConfig): void {
  const mustAgree: readonly (keyof StreamConfig)[] = [
    'num_replicas',
    'storage',
    'retention',
    'discard',
    'max_age',
    'max_msgs_per_subject',
  ];
  for (const name of mustAgree) {
    if (found[name] === wish[name]) continue;
    throw new TwinstateError('CLUSTER_MISMATCH', `the stream ${wish.name} was made with another configuration`, {
      expected: `${name} ${String(wish[name])}`,
      received: String(found[name]),
      cure: cureFor(name, found),
    });
  }
  // only what direct reads would falsify; a true here would let any replica answer
  if (found.allow_direct === true) {
    throw new TwinstateError('CLUSTER_MISMATCH', `the stream ${wish.name} allows direct reads`, {
      expected: 'reads by the leader',
      received: 'allow_direct',
      cure: `edit it: \`nats stream edit ${wish.name} --no-allow-direct\``,
    });
  }
}

function cureFor(name: keyof StreamConfig, found: Partial<StreamConfig>): string {
  if (name === 'num_replicas')
    return `use replicas: ${found.num_replicas}, or edit both streams of the cluster with \`nats stream edit\``;
  if (name === 'storage') return `use storage: '${found.storage}', or another cluster name`;
  return 'use another cluster name, or let Twinstate make the stream';
}

function refused({ errCode, description }: ApiError, wish: StreamConfig): TwinstateError {
  const code =
    errCode === API_ERROR.replicasNeedCluster || errCode === API_ERROR.noSuitablePeers ? 'ENGINE_UNSUPPORTED' : 'ENGINE_FAILED';
  return new TwinstateError(code, `the server refused to make the stream ${wish.name}`, {
    expected: `${wish.num_replicas} replica(s), storage ${wish.storage}`,
    received: `${description} (${errCode})`,
    cure:
      code === 'ENGINE_UNSUPPORTED'
        ? `run a cluster of at least ${wish.num_replicas} servers with JetStream, or use replicas: 1`
        : 'see what the server says; storage limits and permissions are the usual reasons',
  });
}
