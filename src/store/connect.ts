/** Starts a store: checks classes and options, connects to the engine, agrees with the cluster, takes its replicas. */
import { memoryEngine } from '../engine/memory/memory-engine.js';
import { SealedConnection } from '../engine/sealed/sealed-connection.js';
import { Seals } from '../engine/sealed/seals.js';
import type { EngineConnection } from '../engine/port.js';
import { modelOf } from '../model/model-of.js';
import type { SessionModel } from '../model/session-model.js';
import { ClusterNode, partitionOf } from '../node/cluster-node.js';
import type { Runtime } from '../node/runtime.js';
import { bodiesFor } from '../node/bodies.js';
import { Events } from '../observe/events.js';
import type { AtRest } from '../session/at-rest.js';
import { TwinstateError } from '../shared/errors.js';
import { nodeId } from '../shared/ids.js';
import { aborted } from '../shared/signal.js';
import { announcements } from './announcements.js';
import { agree } from './cluster-state.js';
import { resolveEncryption } from './encryption.js';
import { resolveOptions } from './options.js';
import type { ConnectOptions } from './options.js';
import { REAL_RUNTIME } from './real-runtime.js';
import { Router } from './router.js';
import { SessionCache } from './session-cache.js';
import { SessionReader } from './session-reader.js';
import { Watchers } from './watch.js';
import { SessionWriter } from './session-writer.js';
import { SessionStore } from './session-store.js';

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Connects to a cluster and opens its sessions; without an `engine`, everything lives in this process.
 *
 * @example
 * const store = await connect({ sessions: [Cart] });
 * @throws {TwinstateError} `DECLARATION_INVALID` and its kin for a wrong class, `OPTION_INVALID`, `ENGINE_UNSUPPORTED`,
 *   `CLUSTER_MISMATCH`, `KEY_UNKNOWN` where sessions may be sealed under a key that is not here, `UNAVAILABLE` when the engine or
 *   the cluster does not answer within `timeoutMs` (default 10,000)
 */
export async function connect(options: ConnectOptions): Promise<SessionStore> {
  return connectWith(options, REAL_RUNTIME);
}

/** As `connect`, with time and chance handed in, and a look at the node: the door of the simulated world. */
export async function connectWith(
  options: ConnectOptions,
  runtime: Runtime,
  onNode?: (node: ClusterNode<AtRest>) => void,
): Promise<SessionStore> {
  const resolved = resolveOptions(options);
  const encryption = resolveEncryption(options.encryption);
  const models = new Map<object, SessionModel>();
  const names = new Map<string, string>();
  for (const type of options.sessions) {
    const model = modelOf(type);
    const other = names.get(model.name);
    if (other !== undefined && !models.has(type)) {
      throw new TwinstateError('DECLARATION_INVALID', `${type.name} and ${other} are both called ${JSON.stringify(model.name)}`, {
        cure: 'give one of them another `@Session({ name })`',
      });
    }
    names.set(model.name, type.name);
    models.set(type, options.limits === undefined ? model : { ...model, limits: { ...resolved.limits, ...model.limits } });
  }
  const bodies = bodiesFor(new Map([...models.values()].map((model) => [model.name, model])));
  if (options.signal?.aborted === true) throw aborted(options.signal);
  const timeoutMs = options.timeoutMs ?? CONNECT_TIMEOUT_MS;
  const incarnation = runtime.uniqueId();
  const self = nodeId(`${resolved.name ?? `node-${incarnation.slice(0, 8)}`}~${incarnation.slice(0, 12)}`);
  const engine = options.engine ?? memoryEngine();
  const connection = await engine.connect({
    cluster: resolved.cluster,
    generation: 'newest',
    node: self,
    clock: runtime.clock,
    random: runtime.random,
    timeoutMs,
    signal: options.signal,
  });
  try {
    return await assemble(connection, timeoutMs);
  } catch (error) {
    await connection.close();
    throw error;
  }

  async function assemble(plain: EngineConnection, withinMs: number): Promise<SessionStore> {
    const { cluster, role } = resolved;
    const seals = encryption && new Seals(cluster, encryption, () => runtime.uniqueId());
    const { partitions, stored } = await agree({
      snapshots: plain.snapshots,
      cluster,
      partitions: resolved.partitions,
      seals,
      marks: role === 'node',
      clock: runtime.clock,
      timeoutMs: withinMs,
    });
    const sealed = seals && new SealedConnection(plain, self, seals, runtime.clock);
    const link = sealed ?? plain;
    const events = new Events({ cluster: resolved.cluster, node: self });
    const onEvent = announcements(events);
    const node = new ClusterNode({
      self,
      role,
      partitions,
      clusterState: stored,
      backups: resolved.backups,
      takeover: resolved.takeover,
      memoryBytesMax: resolved.memoryBytesMax,
      sessionsMax: resolved.sessionsMax,
      timing: resolved.timing,
      bodies,
      runtime,
      connection: link,
      onEvent,
    });
    onNode?.(node);
    if (sealed === undefined) await node.start();
    else {
      sealed.onTrouble = (where, error) => onEvent({ type: 'malformed', where, error });
      await Promise.race([node.start(), sealed.refusal]).catch(async (error: unknown) => {
        await node.close();
        throw error;
      });
    }
    const router = new Router(node);
    const cache = new SessionCache(resolved.cacheBytesMax, (id) => node.leaderOf(partitionOf(id, partitions)) === self);
    return new SessionStore({
      node,
      router,
      reader: new SessionReader(router, node, cache, events, runtime.clock),
      writer: new SessionWriter({
        node,
        router,
        cache,
        partitions,
        client: incarnation.slice(0, 16),
        events,
        clock: runtime.clock,
      }),
      models,
      runtime,
      ack: resolved.ack,
      audit: resolved.audit,
      connection: link,
      events,
      watchers: new Watchers(resolved.watchersMax),
    });
  }
}
