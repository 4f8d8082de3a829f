/**
 * `twinstate status`: asks a cluster from outside and prints what its processes say.
 *
 * Invariant: it changes nothing. It exits with 0 where every partition is led and every member answered, with 1 where one does not
 * answer or a partition has no primary, with 2 where nothing could be asked: wrong options, no server, nobody in the cluster.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { clusterStatus, TwinstateError } from '../index.js';
import type { ClusterStatus, EncryptionOptions } from '../index.js';
import { natsEngine } from '../engine/nats/index.js';
import type { NatsEngineOptions } from '../engine/nats/index.js';
import { isHealthy, statusTable } from './status-table.js';

export interface Surroundings {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const USAGE = `usage: twinstate status [options]

  --servers URL[,URL]   NATS servers (default nats://localhost:4222)
  --cluster NAME        the cluster (default "default")
  --json                print JSON instead of a table
  --listen MS           listen for members for so long (default 1000)
  --timeout MS          wait for an answer for so long (default 2000)
  --user NAME           with the password in $NATS_PASSWORD
  --token-env NAME      the environment variable that holds a token
  --creds FILE          a NATS credentials file
  --keys-env NAME       the environment variable that holds the cluster's keys, where it has some: [{"id": …, "key": base64}]
  --inbox-prefix NAME   where answers come to, for users whose permissions name it
  --tls-ca FILE         certificates to trust, PEM; --tls-cert FILE and --tls-key FILE for one's own

exit: 0 all is well; 1 a member is silent or a partition has no primary; 2 nothing could be asked
`;

/** @returns the exit code */
export async function run(args: readonly string[], { out, err, env }: Surroundings): Promise<number> {
  let options;
  try {
    options = parse(args, env);
  } catch (error) {
    err(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  if (options === undefined) {
    out(USAGE);
    return 0;
  }
  const { engine, cluster, encryption, listenMs, timeoutMs, json } = options;
  let status: ClusterStatus;
  try {
    status = await clusterStatus({ engine: natsEngine(engine), cluster, listenMs, timeoutMs, encryption });
  } catch (error) {
    err(`${error instanceof TwinstateError ? error.message : String(error)}\n`);
    return 2;
  }
  if (json) out(`${JSON.stringify(status, null, 2)}\n`);
  if (status.members.length === 0) {
    if (!json) err(`nobody of the cluster ${JSON.stringify(cluster)} was heard within ${listenMs} ms\n`);
    return 2;
  }
  if (!json) out(statusTable(status));
  return isHealthy(status) ? 0 : 1;
}

interface Parsed {
  readonly engine: NatsEngineOptions;
  readonly cluster: string;
  readonly encryption: EncryptionOptions | undefined;
  readonly listenMs: number;
  readonly timeoutMs: number;
  readonly json: boolean;
}

/** `undefined`: only help was asked for. */
function parse(args: readonly string[], env: Surroundings['env']): Parsed | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      servers: { type: 'string', default: 'nats://localhost:4222' },
      cluster: { type: 'string', default: 'default' },
      json: { type: 'boolean', default: false },
      listen: { type: 'string', default: '1000' },
      timeout: { type: 'string', default: '2000' },
      user: { type: 'string' },
      'token-env': { type: 'string' },
      creds: { type: 'string' },
      'keys-env': { type: 'string' },
      'inbox-prefix': { type: 'string' },
      'tls-ca': { type: 'string' },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  if (positionals.length !== 1 || positionals[0] !== 'status') throw new Error(`there is one command: status`);
  const { servers, user, creds, 'token-env': tokenEnv } = values;
  const [ca, cert, key] = [values['tls-ca'], values['tls-cert'], values['tls-key']];
  const engine: NatsEngineOptions = {
    servers: servers.split(','),
    name: 'twinstate status',
    ...(user !== undefined && { user, pass: env['NATS_PASSWORD'] ?? '' }),
    ...(tokenEnv !== undefined && { token: secret(env, tokenEnv) }),
    ...(values['inbox-prefix'] !== undefined && { inboxPrefix: values['inbox-prefix'] }),
    ...(creds !== undefined && { creds: readFileSync(creds) }),
    ...((ca ?? cert ?? key) !== undefined && {
      tls: {
        ...(ca !== undefined && { ca: readFileSync(ca, 'utf8') }),
        ...(cert !== undefined && { cert: readFileSync(cert, 'utf8') }),
        ...(key !== undefined && { key: readFileSync(key, 'utf8') }),
      },
    }),
  };
  const { cluster, json } = values;
  const keysEnv = values['keys-env'];
  const encryption = keysEnv === undefined ? undefined : { keys: keysOf(keysEnv, secret(env, keysEnv)) };
  return {
    engine,
    cluster,
    encryption,
    json,
    listenMs: ms('--listen', values.listen),
    timeoutMs: ms('--timeout', values.timeout),
  };
}

function secret(env: Surroundings['env'], name: string): string {
  const value = env[name];
  if (value === undefined) throw new Error(`the environment variable ${name} is not set`);
  return value;
}

/** What is wrong with them is said by `clusterStatus`, by name and never by value. */
function keysOf(name: string, json: string): EncryptionOptions['keys'] {
  try {
    return JSON.parse(json) as EncryptionOptions['keys'];
  } catch {
    throw new Error(`the environment variable ${name} does not hold JSON`);
  }
}

function ms(option: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`${option} expects whole milliseconds from 1, not ${JSON.stringify(text)}`);
}
