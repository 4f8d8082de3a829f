/**
 * A simple balancer: each request goes to the next server in turn, whoever had the visitor before.
 *
 * Invariant: a request that may have been carried out is not sent again. Another server is tried only if no connection was made, so
 * that nothing was sent, or if the method promises that doing it twice is doing it once (RFC 9110, 9.2.2). A visitor gets a whole
 * answer of one server, or one of the balancer that says what is known.
 */
import { request as send, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';

const BODY_BYTES_MAX = 65_536;
const ANSWER_MS_MAX = 10_000;
const IDEMPOTENT: readonly (string | undefined)[] = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'];
/** Of one connection (RFC 9110, 7.6.1), or worked out anew. */
const OWN_HEADERS = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'content-length'];

export interface Target {
  readonly name: string;
  readonly port: number | undefined;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Why there is no answer. `wasSent`: the server may have carried the request out. */
class NoAnswer extends Error {
  readonly wasSent: boolean;

  constructor(wasSent: boolean, cause: Error) {
    super('the server did not answer', { cause });
    this.wasSent = wasSent;
  }
}

export class Balancer {
  readonly #targets: () => readonly Target[];
  #turn = 0;

  /** @param targets all servers; those without a port are down */
  constructor(targets: () => readonly Target[]) {
    this.#targets = targets;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    if (body === undefined) return refuse(response, 413, 'This request is too large.', 'not-stored');
    const targets = this.#targets();
    const first = this.#turn++;
    const missed: string[] = [];
    for (let i = 0; i < targets.length; i++) {
      const { name, port } = targets[(first + i) % targets.length]!;
      if (port === undefined) continue;
      try {
        const answer = await ask(port, request, body);
        return pass(response, answer, missed);
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        missed.push(name);
        if (!error.wasSent || IDEMPOTENT.includes(request.method)) continue;
        return refuse(response, 502, `${name} went away before it answered.`, 'unknown', missed);
      }
    }
    refuse(response, 503, 'No server could be reached.', 'not-stored', missed);
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.byteLength;
    // who is refused is still read to the end: else there would be no connection left to say so
    if (bytes <= BODY_BYTES_MAX) parts.push(part);
  }
  return bytes <= BODY_BYTES_MAX ? Buffer.concat(parts) : undefined;
}

/** @throws {NoAnswer} */
function ask(port: number, { method, url, headers }: IncomingMessage, body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let isConnected = false;
    const fail = (cause: Error): void => reject(new NoAnswer(isConnected, cause));
    const sending = send({
      host: '127.0.0.1',
      port,
      method,
      path: url,
      headers: { ...carried(headers), 'content-length': body.byteLength },
      // one connection for each request: then whether it stands tells whether anything was sent
      agent: false,
      timeout: ANSWER_MS_MAX,
    });
    sending.once('socket', (socket) => socket.once('connect', () => (isConnected = true)));
    sending.once('timeout', () => sending.destroy(new Error(`no answer within ${ANSWER_MS_MAX} ms`)));
    sending.once('error', fail);
    sending.once('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.once('error', fail);
      response.once('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(parts) }),
      );
    });
    sending.end(body);
  });
}

function pass(response: ServerResponse, { status, headers, body }: Answer, missed: readonly string[]): void {
  response.writeHead(status, { ...carried(headers), ...tried(missed), 'content-length': body.byteLength });
  response.end(body);
}

function refuse(response: ServerResponse, status: number, error: string, outcome: string, missed: readonly string[] = []): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...tried(missed) });
  response.end(JSON.stringify({ error, outcome }));
}

function tried(missed: readonly string[]): Record<string, string> {
  return missed.length === 0 ? {} : { 'x-tried-before': missed.join(', ') };
}

function carried(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OWN_HEADERS.includes(name)));
}
