/** What `connect` may be given, checked before anything is started. */
import type { Engine } from '../engine/port.js';
import { checkLimits } from '../model/options.js';
import type { Class, SessionLimits } from '../model/session-model.js';
import { TwinstateError } from '../shared/errors.js';
import { sessionId } from '../shared/ids.js';
import type { SessionId } from '../shared/ids.js';
import { DEFAULT_TIMING } from '../node/cluster-node.js';
import type { Timing } from '../node/cluster-node.js';
import { CACHE_BYTES_DEFAULT } from './session-cache.js';
import type { CallOptions } from './call-options.js';
import type { EncryptionOptions } from './encryption-options.js';

/** How much has happened once a write's promise resolves; the README's table says what each promises. */
export type Ack = 'none' | 'log' | { readonly backups: number };

export interface StoreLimits extends SessionLimits {
  /** Bytes kept of sessions that other processes lead, so that opening them again costs no snapshot (default 32 MiB; 0: none). */
  readonly cacheBytesMax?: number;
  /**
   * Bytes that this process keeps of the sessions of its replicas, about (default: of all of them). Beyond it those that were not
   * used for the longest time leave memory, once they are in the stored snapshots, and come back when somebody asks for them.
   */
  readonly memoryBytesMax?: number;
  /**
   * Living sessions of the cluster (default: any number): a `create` beyond is `LIMIT_EXCEEDED`. The primary of each partition counts its
   * own and holds them to its share, so single partitions are full a little before the whole is; give all nodes the same.
   */
  readonly sessionsMax?: number;
  /** Watches that this process may have open at once (default 10,000). */
  readonly watchersMax?: number;
}

export interface ConnectOptions extends CallOptions {
  /** The session classes that this process opens. */
  readonly sessions: readonly Class[];
  /** What the cluster runs on (default: `memoryEngine()`, everything in this process). */
  readonly engine?: Engine | undefined;
  /** Processes of one cluster name share their sessions (default `default`). */
  readonly cluster?: string | undefined;
  /** A name for this process that stays the same over restarts (default: random). */
  readonly nodeId?: string | undefined;
  /** `node` (default): holds sessions; `client`: only opens them. */
  readonly role?: 'node' | 'client' | undefined;
  /** Backups of each session (default 1). */
  readonly backups?: number | undefined;
  /** Units of ownership, fixed when the cluster is first started (default 16). */
  readonly partitions?: number | undefined;
  /** Default of every write (default `log`). */
  readonly ack?: Ack | undefined;
  /** `strict`: a new primary holds its answers for one lease, so that no read of the old one is stale (default `fast`). */
  readonly takeover?: 'fast' | 'strict' | undefined;
  /** Bounds on what one session may hold, where its class sets none, and on what this process keeps of those that others lead. */
  readonly limits?: StoreLimits | undefined;
  /**
   * Commits also compare, deeply, what immutable attributes hold, and are refused with `IMMUTABLE_CHANGED` and the path: for tests
   * and development, as it costs about what comparing everything costs (default false).
   */
  readonly audit?: boolean | undefined;
  /** Seals records, snapshots and messages between processes with AES-256-GCM; every process of the cluster has the same keys. */
  readonly encryption?: EncryptionOptions | undefined;
  /** Durations of the protocol, for slow networks and tests. */
  readonly timing?: Partial<Timing> | undefined;
}

/** Timers cannot be set further ahead. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;
/** From 2 to 32 commits cost the same (`samples/benchmarks/README.md`); 16 let up to eight nodes share evenly. */
export const PARTITIONS_DEFAULT = 16;
const WATCHERS_DEFAULT = 10_000;
export const PARTITIONS_MAX = 4_096;

export interface ResolvedOptions {
  readonly cluster: string;
  readonly name: string | undefined;
  readonly role: 'node' | 'client';
  readonly backups: number;
  /** `undefined`: whatever the cluster has. */
  readonly partitions: number | undefined;
  readonly ack: Ack;
  readonly takeover: 'fast' | 'strict';
  readonly audit: boolean;
  readonly timing: Timing;
  readonly limits: SessionLimits;
  readonly cacheBytesMax: number;
  /** `Infinity`: all. */
  readonly memoryBytesMax: number;
  readonly sessionsMax: number;
  readonly watchersMax: number;
}

const KNOWN = [
  'sessions',
  'engine',
  'cluster',
  'nodeId',
  'role',
  'backups',
  'partitions',
  'ack',
  'takeover',
  'limits',
  'audit',
  'timing',
  'encryption',
  'signal',
  'timeoutMs',
];

/** @throws {TwinstateError} `OPTION_INVALID` */
export function resolveOptions(options: ConnectOptions): ResolvedOptions {
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name)) throw invalid(name, `one of ${KNOWN.join(', ')}`, name);
  }
  if (!Array.isArray(options.sessions) || options.sessions.length === 0) {
    throw invalid('sessions', 'a list of session classes', show(options.sessions), 'write `connect({ sessions: [Cart] })`');
  }
  const timing = { ...DEFAULT_TIMING };
  for (const [name, value] of Object.entries(options.timing ?? {})) {
    if (!(name in timing)) throw invalid(`timing.${name}`, `one of ${Object.keys(timing).join(', ')}`, name);
    if (typeof value !== 'number' || !(value >= 0)) throw invalid(`timing.${name}`, 'milliseconds or a count', show(value));
    Object.assign(timing, { [name]: value });
  }
  checkCall(options);
  const { cacheBytesMax, memoryBytesMax, sessionsMax, watchersMax, ...limits } = options.limits ?? {};
  checkLimits('limits', limits);
  return {
    limits,
    cacheBytesMax: count('limits.cacheBytesMax', cacheBytesMax, 0, Number.MAX_SAFE_INTEGER) ?? CACHE_BYTES_DEFAULT,
    memoryBytesMax: count('limits.memoryBytesMax', memoryBytesMax, 0, Number.MAX_SAFE_INTEGER) ?? Infinity,
    sessionsMax: count('limits.sessionsMax', sessionsMax, 1, Number.MAX_SAFE_INTEGER) ?? Infinity,
    watchersMax: count('limits.watchersMax', watchersMax, 1, Number.MAX_SAFE_INTEGER) ?? WATCHERS_DEFAULT,
    cluster: text('cluster', options.cluster) ?? 'default',
    name: text('nodeId', options.nodeId),
    role: choice('role', options.role, ['node', 'client']) ?? 'node',
    backups: count('backups', options.backups, 0, 64) ?? 1,
    partitions: count('partitions', options.partitions, 1, PARTITIONS_MAX),
    ack: checkAck(options.ack) ?? 'log',
    takeover: choice('takeover', options.takeover, ['fast', 'strict']) ?? 'fast',
    audit: flag('audit', options.audit) ?? false,
    timing,
  };
}

/** @throws {TwinstateError} `OPTION_INVALID` */
export function checkAck(ack: Ack | undefined): Ack | undefined {
  if (ack === undefined || ack === 'none' || ack === 'log') return ack;
  const backups: unknown = typeof ack === 'object' && ack !== null ? ack.backups : undefined;
  if (typeof backups === 'number' && Number.isInteger(backups) && backups >= 1) return ack;
  throw invalid('ack', "'none', 'log' or { backups: n } with n of at least 1", show(ack));
}

/** @throws {TwinstateError} `OPTION_INVALID` */
export function checkCall<T extends CallOptions>(options: T): T {
  const { timeoutMs, signal } = options;
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs >= 0 && timeoutMs <= TIMEOUT_MS_MAX))
    throw invalid('timeoutMs', `milliseconds from 0 to ${TIMEOUT_MS_MAX}`, show(timeoutMs));
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid('signal', 'an AbortSignal', show(signal));
  return options;
}

const ID_BYTES_MAX = 512;

/** @throws {TwinstateError} `OPTION_INVALID` */
export function checkId(id: unknown): SessionId {
  if (typeof id === 'string' && id.length > 0 && id.isWellFormed() && Buffer.byteLength(id) <= ID_BYTES_MAX) return sessionId(id);
  throw invalid(
    'id',
    `a text of 1 to ${ID_BYTES_MAX} bytes of well-formed Unicode`,
    show(id),
    'session ids may hold any characters, but no lone surrogates',
  );
}

export function invalid(
  option: string,
  expected: string,
  received: string,
  cure = 'see the options in the README',
): TwinstateError {
  return new TwinstateError('OPTION_INVALID', `the option ${option} does not fit`, { expected, received, cure });
}

function text(option: string, value: string | undefined): string | undefined {
  if (value === undefined || (typeof value === 'string' && value.length > 0 && value.length <= 128)) return value;
  throw invalid(option, 'a text of 1 to 128 characters', show(value));
}

export function choice<T extends string>(option: string, value: T | undefined, choices: readonly T[]): T | undefined {
  if (value === undefined || choices.includes(value)) return value;
  throw invalid(option, choices.join(' or '), show(value));
}

function flag(option: string, value: boolean | undefined): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  throw invalid(option, 'true or false', show(value));
}

function count(option: string, value: number | undefined, min: number, max: number): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return value;
  throw invalid(option, `a whole number from ${min} to ${max}`, show(value));
}

export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return value.name === '' ? 'a function' : `the function ${value.name}`;
  if (typeof value === 'object' && value !== null)
    return `an object of ${Object.getPrototypeOf(value)?.constructor?.name ?? 'no class'}`;
  return String(value);
}
