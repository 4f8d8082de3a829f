/** The NATS engine while its server is killed, and the process while the engine is closed. */
import { execFile } from 'node:child_process';
import { connect as connectSocket, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { natsEngine } from '../../src/engine/nats/index.js';
import type { LogEntry } from '../../src/engine/port.js';
import { ConformanceRoom, P0, patterned, readText, S0, text } from '../../src/testing/engine-world.js';
import { realClock } from '../../src/testing/real-clock.js';
import { startNatsServer, type NatsServer } from '../nats-server.js';

const run = promisify(execFile);

/** Stands between client and server and drops, once each, messages to the client whose payload begins with `lost`. */
class LossyProxy {
  readonly lost: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: number) {
    this.#server = createServer((client) => {
      const upstream = connectSocket(target, '127.0.0.1');
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket);
        socket.once('error', () => socket.destroy());
        socket.once('close', () => [client, upstream].forEach((end) => end.destroy()));
      }
      client.on('data', (data) => upstream.write(data));
      upstream.on('data', (data) => client.write(this.#drop(data)));
    });
  }

  static async start(target: number): Promise<LossyProxy> {
    const proxy = new LossyProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** A delivery is `HMSG <inbox> <sid> <reply> <bytes> <bytes>\r\n`, the headers it was stored with, the framing byte, the record. */
  #drop(data: Buffer): Buffer {
    const frame = /HMSG \S+ \d+ \$JS\.ACK\S+ \d+ \d+\r\nNATS\/1\.0\r\n(?:[^\r]+\r\n)*\r\n\0(lost[a-z ]*)\r\n/;
    const found = frame.exec(data.toString('latin1'));
    if (found === null || this.lost.includes(found[1]!)) return data;
    this.lost.push(found[1]!);
    return Buffer.concat([data.subarray(0, found.index), data.subarray(found.index + found[0].length)]);
  }
}

describe('nats engine: crashes', function () {
  this.timeout(60_000);
  let server: NatsServer;

  before(async function () {
    this.timeout(300_000);
    server = await startNatsServer({ config: 'max_payload: 32768' });
  });

  after(() => server.stop());

  it('a server that is killed twice under load loses nothing that was acknowledged, and stores nothing twice', async () => {
    const room = new ConformanceRoom({
      clock: realClock,
      random: Math.random,
      engine: () => natsEngine({ servers: server.url, requestTimeoutMs: 500 }),
      close: () => Promise.resolve(),
    });
    try {
      const [writer, reader] = [await room.connect(), await room.connect()];
      const heard: LogEntry[] = [];
      reader.log.follow(P0, S0, (entry) => heard.push(entry));
      const stored: LogEntry[] = [];
      const writing = (async () => {
        for (let i = 0; i < 300; i++) {
          const record = i % 50 === 7 ? patterned(100_000, i) : text(`record ${i}`);
          stored.push(await room.occupy(writer, P0, stored.at(-1)?.sequence ?? S0, record));
        }
      })();
      for (const count of [40, 120]) {
        await room.until(`${count} were stored`, () => stored.length >= count);
        await server.kill();
        await server.start();
      }
      await writing;
      await room.until('all were heard', () => heard.length >= 300);
      const entries = await room.readAll(reader, P0);
      const plain = (list: readonly LogEntry[]): string[] =>
        list.map((e) => `${e.sequence} ${Buffer.from(e.record).toString('latin1')}`);
      expect(plain(entries)).to.deep.equal(plain(stored));
      expect(plain(heard)).to.deep.equal(plain(stored));
    } finally {
      await room.close();
    }
  });

  it('a delivery that is lost on its way is noticed and fetched again, in its place', async () => {
    const proxy = await LossyProxy.start(server.port);
    const room = new ConformanceRoom({
      clock: realClock,
      random: Math.random,
      engine: () => natsEngine({ servers: `nats://127.0.0.1:${proxy.port}` }),
      close: () => Promise.resolve(),
    });
    try {
      const connection = await room.connect();
      const heard: string[] = [];
      connection.log.follow(P0, S0, ({ record }) => heard.push(readText(record)));
      let last = S0;
      for (const record of ['one', 'lost in between', 'three', 'lost at the end']) {
        last = await room.store(connection, P0, last, text(record));
        await room.until(
          'it was heard, or lost',
          () => heard.includes(record) || proxy.lost.includes(record) || heard.length >= 3,
        );
      }
      await room.until('all were heard', () => heard.length >= 4);
      expect(proxy.lost).to.deep.equal(['lost in between', 'lost at the end']);
      expect(heard).to.deep.equal(['one', 'lost in between', 'three', 'lost at the end']);
    } finally {
      await room.close();
      await proxy.stop();
    }
  });

  it('a process that closes its connection ends by itself, also with followers and calls under way', async () => {
    const folder = new URL('../../src/', import.meta.url).href;
    const program = `
      import { natsEngine } from '${folder}engine/nats/index.js';
      import { realClock as clock } from '${folder}testing/real-clock.js';
      const engine = natsEngine({ servers: '${server.url}' });
      const connection = await engine.connect({ cluster: 'exit', generation: 1, node: 'n~1', clock, random: Math.random, timeoutMs: 5000 });
      connection.log.follow(0, 0, () => {});
      connection.bus.serve(() => undefined);
      await connection.log.append(0, 0, new Uint8Array(100));
      const open = connection.bus.request('n~1', new Uint8Array(1), 60_000).catch((error) => error.code);
      setTimeout(() => void connection.close(), 20);
      console.log(await open);
    `;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { timeout: 20_000 });
    expect(stdout.trim()).to.equal('CLOSED');
  });
});
