/**
 * Checks that a server can carry what is asked of it, and refuses with the reason and the cure where it cannot.
 *
 * Invariant: what a moment could mend (an election, a restart) is waited for until the deadline; what it cannot is refused at once.
 */
import type { NatsConnection } from 'nats';
import { TwinstateError } from '../../shared/errors.js';
import { API_ERROR, type ApiAnswer, type ApiError, type JetStreamApi } from './jetstream-api.js';

type ServerVersion = readonly [major: number, minor: number, patch: number];

const OLDEST: ServerVersion = [2, 9, 0];
/**
 * Before 2.9.21 a conditional append on replicas had several winners (tried on 2.9.10: 283 of 300 races); before 2.10.19 one that
 * expects 0 could leave the replicas different (nats-server #5794).
 */
const OLDEST_WITH_REPLICAS: ServerVersion = [2, 10, 19];

/** @throws {TwinstateError} `ENGINE_UNSUPPORTED` */
export function checkVersion(version: string, replicas: number): void {
  const found = parseVersion(version);
  if (isOlder(found, OLDEST)) {
    throw new TwinstateError('ENGINE_UNSUPPORTED', 'this NATS server is too old', {
      expected: `nats-server ${OLDEST.join('.')} or newer`,
      received: version,
      cure: 'upgrade the server',
    });
  }
  if (replicas > 1 && isOlder(found, OLDEST_WITH_REPLICAS)) {
    throw new TwinstateError('ENGINE_UNSUPPORTED', 'this NATS server cannot append conditionally to a replicated log', {
      expected: `nats-server ${OLDEST_WITH_REPLICAS.join('.')} or newer for replicas: ${replicas}`,
      received: `${version}, on which several writers can win one position, or replicas differ`,
      cure: 'upgrade the servers, or use replicas: 1',
    });
  }
}

/** Waits until JetStream answers. @throws {TwinstateError} `ENGINE_UNSUPPORTED` where there is none, `UNAVAILABLE` where it is away */
export async function checkJetStream(api: JetStreamApi, nc: NatsConnection, deadlineMs: number): Promise<void> {
  const answer = await retry(api, deadlineMs, () => api.call('INFO'));
  if (answer.kind === 'ok') return;
  const account =
    answer.kind === 'error' && (answer.errCode === API_ERROR.notEnabledForAccount || answer.errCode === API_ERROR.notEnabled);
  if (account || (answer.kind === 'silence' && answer.noResponders && nc.info?.jetstream !== true)) {
    throw new TwinstateError('ENGINE_UNSUPPORTED', 'this NATS server has no JetStream', {
      expected: 'JetStream, which keeps the log',
      received: account ? 'an account without it' : 'a server without it',
      cure: account ? 'enable JetStream for this account' : 'start it with `nats-server -js`, or with a `jetstream {}` block',
    });
  }
  throw unavailable(answer);
}

/** Repeats a call that got no answer, or one that a moment may mend, until the deadline by the link's clock. */
export async function retry<T>(api: JetStreamApi, deadlineMs: number, call: () => Promise<ApiAnswer<T>>): Promise<ApiAnswer<T>> {
  const { clock } = api.link;
  for (;;) {
    const answer = await call();
    if (answer.kind === 'ok' || (answer.kind === 'error' && !isTransient(answer)) || clock.now() >= deadlineMs) return answer;
    await new Promise<void>((resolve) => {
      clock.after(RETRY_MS, resolve);
    });
  }
}

export function unavailable(answer: ApiAnswer<unknown>): TwinstateError {
  return new TwinstateError('UNAVAILABLE', 'JetStream did not answer in time', {
    received:
      answer.kind === 'error'
        ? `${answer.description} (${answer.errCode})`
        : answer.kind === 'silence'
          ? answer.reason
          : 'nothing',
    cure: 'an election may take up to 10 s; check the servers, or give it more time with `timeoutMs`',
  });
}

const RETRY_MS = 100;

/** Temporarily unavailable (10008), no leader or peers yet (10005, 10006, 10009), server starting or stream moving. */
const TRANSIENT: readonly number[] = [API_ERROR.noSuitablePeers, 10006, 10008, 10009, 10075, 10119];

function isTransient({ errCode, transient }: ApiError): boolean {
  return transient === true || TRANSIENT.includes(errCode);
}

function parseVersion(version: string): ServerVersion {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map((part) => Number.parseInt(part, 10) || 0);
  return [major, minor, patch];
}

function isOlder(a: ServerVersion, b: ServerVersion): boolean {
  for (let i = 0; i < 3; i++) if (a[i] !== b[i]) return a[i]! < b[i]!;
  return false;
}
