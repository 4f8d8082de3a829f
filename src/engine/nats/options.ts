/** What `natsEngine` can be told. Everything about authentication is handed to the NATS client as it is. */
import type { Authenticator, TlsOptions } from 'nats';

export interface NatsEngineOptions {
  /** One address or several of one NATS cluster: `nats://localhost:4222`. */
  readonly servers: string | readonly string[];
  /** On how many servers the log and the snapshots are kept; 3 survives the loss of one. Default 1. */
  readonly replicas?: number | undefined;
  /** Where the servers keep them. Default `'file'`, which is also the faster one for conditional appends on old servers. */
  readonly storage?: 'file' | 'memory' | undefined;
  /** How many bytes the log may take on the servers before it refuses. Default: no limit. Only read when the log is made. */
  readonly maxBytes?: number | undefined;
  /** How long the server has to answer one call, in milliseconds. Default 2000. */
  readonly requestTimeoutMs?: number | undefined;
  /** What the servers show for this connection. Default: the node's id. */
  readonly name?: string | undefined;
  /**
   * The subject below which answers and deliveries come to this connection. Default `_INBOX`; give each kind of user one of its own where
   * permissions shall keep them from hearing each other.
   */
  readonly inboxPrefix?: string | undefined;
  readonly user?: string | undefined;
  readonly pass?: string | undefined;
  readonly token?: string | undefined;
  /** `nkeyAuthenticator(…)`, `credsAuthenticator(…)`, `jwtAuthenticator(…)` of the `nats` package. */
  readonly authenticator?: Authenticator | Authenticator[] | undefined;
  /** What a NATS credentials file holds. */
  readonly creds?: Uint8Array | undefined;
  readonly tls?: TlsOptions | undefined;
}
