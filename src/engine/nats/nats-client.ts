/**
 * Makes the NATS client's connection, within a time limit, and then never gives it up by itself.
 *
 * Invariant: either a connection is returned, or none is left behind and none will still come up later.
 */
import { connect, credsAuthenticator, ErrorCode, type ConnectionOptions, type NatsConnection } from 'nats';
import type { EngineRequest } from '../port.js';
import { TwinstateError } from '../../shared/errors.js';
import type { NatsEngineOptions } from './options.js';

/** Quick enough that a restarted server is found at once, with jitter so that not all come together. */
const RECONNECT_MS = 50;
const DIAL_MS_MAX = 2000;
/** A server that answers no pings for two to three of these is gone. */
const PING_MS = 2000;
const AUTH_CODES: readonly string[] = [
  ErrorCode.AuthorizationViolation,
  ErrorCode.AuthenticationExpired,
  ErrorCode.AuthenticationTimeout,
  ErrorCode.BadAuthentication,
  ErrorCode.BadCreds,
];

/** Is thrown through the client's reconnect delay: its only way to stop dialling before the first connection stands. */
class GivenUp extends Error {}

export function dial(options: NatsEngineOptions, request: EngineRequest): Promise<NatsConnection> {
  const { clock, random, timeoutMs, signal } = request;
  const servers = typeof options.servers === 'string' ? [options.servers] : [...options.servers];
  return new Promise((resolve, reject) => {
    let over = false;
    const finish = (act: () => void): void => {
      if (over) return;
      over = true;
      timer.cancel();
      signal?.removeEventListener('abort', abort);
      act();
    };
    const abort = (): void =>
      finish(() => reject(new TwinstateError('ABORTED', 'connecting to NATS was aborted', { cause: signal?.reason })));
    const timer = clock.after(timeoutMs, () => finish(() => reject(unavailable(servers, timeoutMs))));
    if (signal?.aborted === true) return abort();
    signal?.addEventListener('abort', abort, { once: true });

    let connected = false;
    const wish: ConnectionOptions = {
      ...authentication(options),
      servers,
      name: options.name ?? request.node,
      maxReconnectAttempts: -1,
      waitOnFirstConnect: true,
      pingInterval: PING_MS,
      maxPingOut: 2,
      timeout: Math.min(DIAL_MS_MAX, Math.max(1, timeoutMs)),
      noAsyncTraces: true,
      reconnectDelayHandler: () => {
        if (over && !connected) throw new GivenUp();
        return RECONNECT_MS * (1 + random());
      },
    };
    connect(wish).then(
      (nc) => {
        connected = true;
        if (over) void nc.close();
        else finish(() => resolve(nc));
      },
      (error: unknown) =>
        finish(() => reject(error instanceof GivenUp ? unavailable(servers, timeoutMs) : refused(servers, error))),
    );
  });
}

function authentication({ user, pass, token, authenticator, creds, tls }: NatsEngineOptions): ConnectionOptions {
  return {
    ...(user !== undefined && { user }),
    ...(pass !== undefined && { pass }),
    ...(token !== undefined && { token }),
    ...(authenticator !== undefined && { authenticator }),
    ...(creds !== undefined && { authenticator: credsAuthenticator(creds) }),
    ...(tls !== undefined && { tls }),
  };
}

function unavailable(servers: readonly string[], timeoutMs: number): TwinstateError {
  return new TwinstateError('UNAVAILABLE', `no NATS server answered at ${servers.join(', ')}`, {
    expected: `a connection within ${timeoutMs} ms`,
    received: 'none',
    cure: 'start one (`nats-server -js`), check the address, or give it more time with `timeoutMs`',
  });
}

function refused(servers: readonly string[], error: unknown): TwinstateError {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const auth = AUTH_CODES.includes(String(code));
  return new TwinstateError('ENGINE_FAILED', `NATS at ${servers.join(', ')} refused the connection`, {
    received: String(message ?? error),
    cure: auth ? 'check user, pass, token or authenticator' : 'check the options of natsEngine',
    cause: error,
  });
}
