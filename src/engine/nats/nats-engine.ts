/**
 * The engine on NATS JetStream.
 *
 * Invariant: a connection is handed out only after the server was found able to keep the promises: its version, JetStream, and
 * the configuration of both streams. Each holds one client connection of its own.
 */
import type { Engine, EngineConnection, EngineRequest, StoredGeneration } from '../port.js';
import type { Clock } from '../../shared/clock.js';
import { TwinstateError } from '../../shared/errors.js';
import { JetStreamApi } from './jetstream-api.js';
import { Names } from './names.js';
import { NatsBus } from './nats-bus.js';
import { dial } from './nats-client.js';
import { NatsLink } from './nats-link.js';
import { NatsLog } from './nats-log.js';
import { NatsSnapshots } from './nats-snapshots.js';
import type { NatsEngineOptions } from './options.js';
import { messageBytesMax } from './parts.js';
import { checkJetStream, checkVersion, unavailable } from './requirements.js';
import { ensureStreams, existing } from './streams.js';

const REQUEST_TIMEOUT_MS = 2000;
/** How long another generation's streams may take to be made. */
const OPEN_MS_MAX = 10_000;
const AGAIN_MS = 100;

/**
 * Makes an engine that keeps logs and snapshots in JetStream and lets nodes talk over NATS.
 *
 * @throws {TwinstateError} `OPTION_INVALID` where the options cannot be meant
 */
export function natsEngine(options: NatsEngineOptions): Engine {
  const { replicas = 1, servers } = options;
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > 5) {
    throw invalid('replicas', 'a whole number from 1 to 5', String(replicas), 'use 1 or 3');
  }
  if (servers === undefined || servers.length === 0) {
    throw invalid('servers', 'the address of at least one server', 'none', "write servers: 'nats://localhost:4222'");
  }
  return { name: 'nats', connect: (request) => open(options, request) };
}

async function open(options: NatsEngineOptions, request: EngineRequest): Promise<EngineConnection> {
  const { clock, random, signal, timeoutMs } = request;
  const deadlineMs = clock.now() + timeoutMs;
  const nc = await dial(options, request);
  const link = new NatsLink(nc, clock, random, options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS, options.inboxPrefix);
  let aborted = false;
  const abort = (): void => {
    aborted = true;
    void link.close();
  };
  signal?.addEventListener('abort', abort, { once: true });
  try {
    checkVersion(nc.info?.version ?? '0', options.replicas ?? 1);
    const api = new JetStreamApi(link);
    await checkJetStream(api, nc, deadlineMs);
    const anyNames = new Names(request.cluster, 1);
    const newestWanted = request.generation === 'newest' && request.looksOnly !== true;
    const generation = newestWanted ? await newest(api, anyNames, clock, deadlineMs) : Number(request.generation) || 1;
    const openGeneration = async (wanted: number, untilMs: number): Promise<StoredGeneration> => {
      const names = new Names(request.cluster, wanted);
      if (request.looksOnly !== true) await ensureStreams(api, names, options, untilMs);
      return { generation: wanted, log: new NatsLog(api, names), snapshots: new NatsSnapshots(api, names) };
    };
    const stored = await openGeneration(generation, deadlineMs);
    link.assertOpen();
    return {
      ...stored,
      open: (wanted) => openGeneration(wanted, clock.now() + OPEN_MS_MAX),
      generations: () => existing(api, anyNames),
      bus: new NatsBus(link, anyNames, request.node, request.looksOnly === true),
      messageBytesMax: messageBytesMax(link.payloadBytesMax),
      link,
      close: () => link.close(),
    };
  } catch (error) {
    await link.close();
    if (aborted) throw new TwinstateError('ABORTED', 'connecting to NATS was aborted', { cause: signal?.reason });
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** The highest generation that is there, or the first one. */
async function newest(api: JetStreamApi, names: Names, clock: Clock, deadlineMs: number): Promise<number> {
  for (;;) {
    const found = await existing(api, names);
    if (found !== undefined) return found.at(-1) ?? 1;
    if (clock.now() >= deadlineMs)
      throw unavailable({ kind: 'silence', reason: 'the list of streams was not answered', noResponders: false });
    await new Promise<void>((resolve) => {
      clock.after(AGAIN_MS, resolve);
    });
  }
}

function invalid(option: string, expected: string, received: string, cure: string): TwinstateError {
  return new TwinstateError('OPTION_INVALID', `natsEngine cannot use the option \`${option}\``, { expected, received, cure });
}
