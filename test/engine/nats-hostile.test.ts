/** Garbage that others publish on the subjects of a cluster stalls nobody, crashes nobody and is handed on to be refused. */
import { expect } from 'chai';
import { connect as connectClient, createInbox, headers, type NatsConnection } from 'nats';
import { natsEngine } from '../../src/engine/nats/index.js';
import { Names } from '../../src/engine/nats/names.js';
import { encodeHead } from '../../src/engine/nats/parts.js';
import { split, Transfers } from '../../src/engine/nats/transfers.js';
import type { EngineConnection, LogEntry } from '../../src/engine/port.js';
import { nodeId, partition, revision, sequence, type Sequence } from '../../src/shared/ids.js';
import { ConformanceRoom, patterned, readText, text, type EngineWorld } from '../../src/testing/engine-world.js';
import { realClock } from '../../src/testing/real-clock.js';
import { startNatsServer, type NatsServer } from '../nats-server.js';

const P0 = partition(0);
const ANSWER_MS = 5000;

/** First bytes that mean something to us, then nonsense; and what is no framing at all. */
const GARBAGE: readonly Uint8Array[] = [
  new Uint8Array(0),
  new Uint8Array([0]),
  new Uint8Array([1]),
  new Uint8Array([1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
  new Uint8Array([1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0x0f, 1]),
  new Uint8Array([2, 3, 4]),
  new Uint8Array(1000).fill(0xff),
  text('{"not":"ours"}'),
  encodeHead({ totalBytes: 10, parts: [1, 2, 3] }),
  encodeHead({ totalBytes: 2 ** 40, parts: [1] }),
  encodeHead({ totalBytes: 5, parts: [9_000_000] }),
  patterned(500, 1),
];

describe('nats engine: hostile input', function () {
  this.timeout(60_000);
  const names = new Names('hostile', 1);
  const node = nodeId('target~1');
  let server: NatsServer;
  let connection: EngineConnection;
  let stranger: NatsConnection;

  before(async function () {
    this.timeout(300_000);
    server = await startNatsServer();
    const request = { cluster: 'hostile', generation: 1, clock: realClock, random: Math.random, timeoutMs: 5000 };
    connection = await natsEngine({ servers: server.url }).connect({ ...request, node });
    stranger = await connectClient({ servers: server.url });
  });

  after(async () => {
    await stranger.close();
    await connection.close();
    await server.stop();
  });

  const room = (): ConformanceRoom =>
    new ConformanceRoom({
      clock: realClock,
      random: Math.random,
      engine: () => natsEngine({ servers: server.url }),
    } as unknown as EngineWorld);

  it('a follower hands on what strangers published, in its place, and goes on', async () => {
    const heard: LogEntry[] = [];
    connection.log.follow(P0, sequence(0), (entry) => heard.push(entry));
    for (const garbage of GARBAGE) await stranger.request(names.log(P0), garbage, { timeout: ANSWER_MS });
    const { last } = (await connection.log.read(P0, sequence(0)))!;
    const result = await connection.log.append(P0, last, text('a record'));
    expect(result.outcome).to.equal('stored');
    await room().until('the record was heard', () => readText(heard.at(-1)?.record ?? new Uint8Array(0)) === 'a record');
    const read = (await connection.log.read(P0, sequence(0)))!;
    expect(read.entries.map((entry) => entry.sequence)).to.deep.equal(heard.map((entry) => entry.sequence));
    expect(heard).to.have.length(GARBAGE.length + 1);
    const raw = heard.map(({ record }) => Buffer.from(record).toString('hex'));
    expect(raw, 'what is no framing of ours').to.include(Buffer.from(GARBAGE[11]!).toString('hex'));
    expect(raw, 'a head without parts').to.include(Buffer.from(GARBAGE[8]!).toString('hex'));
    await connection.log.trim(P0, heard.at(-2)!.sequence);
    expect((await connection.log.read(P0, sequence(0)))!.entries.map(({ record }) => readText(record))).to.deep.equal([
      'a record',
    ]);
  });

  it('a record whose head names parts of another partition is not joined from them', async () => {
    const [P1, P2] = [partition(1), partition(2)];
    const stored = await stranger.request(names.logParts(P1), text('secret'), { timeout: ANSWER_MS });
    const { seq } = stored.json<{ seq: number }>();
    const head = encodeHead({ totalBytes: 6, parts: [seq] });
    await stranger.request(names.log(P2), head, { timeout: ANSWER_MS });
    const { entries } = (await connection.log.read(P2, sequence(0)))!;
    expect(Buffer.from(entries[0]!.record).equals(head)).to.equal(true);
  });

  it('a stranger cannot roll up or delete a log with headers', async () => {
    const P3 = partition(3);
    let last = 0;
    for (let i = 0; i < 3; i++) {
      const result = await connection.log.append(P3, sequence(last), text(`${i}`));
      last = (result as { sequence: Sequence }).sequence;
    }
    const rollup = headers();
    rollup.set('Nats-Rollup', 'all');
    await stranger.request(names.log(P3), text('rolled up'), { timeout: ANSWER_MS, headers: rollup });
    const { entries } = (await connection.log.read(P3, sequence(0)))!;
    expect(entries.slice(0, 3).map(({ record }) => readText(record))).to.deep.equal(['0', '1', '2']);
  });

  it('snapshots that are broken are listed and read as they are, so that whoever decodes them knows whose they are, and replaced', async () => {
    const own = await connection.snapshots.put(P0, 'own', text('value'), revision(0));
    expect(own.outcome).to.equal('stored');
    for (const [i, garbage] of GARBAGE.entries()) {
      await stranger.request(names.snapshot(P0, `key ${i}`), garbage, { timeout: ANSWER_MS });
    }
    const list = await room().ask('a listing', () => connection.snapshots.list(P0));
    const listed = new Map(list.entries.map(({ key, value }) => [key, Buffer.from(value)]));
    expect([...listed.keys()]).to.have.members(['own', ...GARBAGE.map((_, i) => `key ${i}`)]);
    expect(listed.get('key 11')!.equals(GARBAGE[11]!)).to.equal(true);
    const bad = await connection.snapshots.get(P0, 'key 11');
    expect(Buffer.from(bad!.value).equals(GARBAGE[11]!)).to.equal(true);
    const replaced = await connection.snapshots.put(P0, 'key 11', text('mended'), bad!.revision);
    expect(replaced.outcome).to.equal('stored');
    expect(readText((await connection.snapshots.get(P0, 'key 11'))!.value)).to.equal('mended');
  });

  it('a value under the name of another key is not taken for it', async () => {
    const P4 = partition(4);
    await connection.snapshots.put(P4, 'mine', text('value'), revision(0));
    const copy = (await connection.snapshots.get(P4, 'mine'))!;
    expect(copy.key).to.equal('mine');
    const framed = Buffer.concat([Buffer.from([0, 6]), Buffer.from('"mine"'), Buffer.from('forged')]);
    await stranger.request(names.snapshot(P4, 'other'), framed, { timeout: ANSWER_MS });
    const { entries } = await room().ask('a listing', () => connection.snapshots.list(P4));
    expect(entries.filter(({ key }) => key === 'mine').map(({ value }) => readText(value))).to.deep.equal(['value']);
    const other = entries.find(({ key }) => key === 'other')!;
    expect(Buffer.from(other.value).equals(framed), 'with its frame, which no decoder takes for a value').to.equal(true);
  });

  it('a node that is sent garbage goes on answering, and hears announcements', async () => {
    connection.bus.serve((body) => text(`answer to ${readText(body)}`));
    const heard: string[] = [];
    connection.bus.hear((body) => heard.push(readText(body)));
    for (const garbage of GARBAGE) {
      stranger.publish(names.node(node), garbage);
      stranger.publish(names.node(node), garbage, { reply: createInbox() });
      stranger.publish(names.presence, garbage);
    }
    await room().until(
      'it answers',
      async () => (await connection.bus.request(node, text('me'), ANSWER_MS)).outcome === 'answered',
    );
    const answer = await connection.bus.request(node, text('me'), ANSWER_MS);
    expect(readText((answer as { body: Uint8Array }).body)).to.equal('answer to me');
    await room().until('it hears', () => {
      connection.bus.announce(text('here'));
      return heard.includes('here');
    });
  });

  it('an answer that is none leaves the request unknown', async () => {
    const liar = nodeId('liar~1');
    stranger.subscribe(names.node(liar), { callback: (_, message) => void message.respond(patterned(100, 1)) });
    await stranger.flush();
    expect((await connection.bus.request(liar, text('?'), 200)).outcome).to.equal('unknown');
  });
});

describe('transfers of the bus', () => {
  const chunk = (id: string, index: number, count: number, bytes: number): Uint8Array =>
    Buffer.concat([Buffer.from([1, id.length]), Buffer.from(id), Buffer.from([index, count]), Buffer.alloc(bytes)]);

  it('join what was split, for every size around the limits, also when two are mixed', () => {
    for (const size of [0, 1, 99, 100, 101, 200, 201, 1000]) {
      const transfers = new Transfers(realClock);
      const [a, b] = [patterned(size, 1), patterned(size, 2)];
      const [as, bs] = [split(a, 'a', 100), split(b, 'b', 100)];
      const joined = as
        .flatMap((message, i) => [transfers.take(message), transfers.take(bs[i]!)])
        .filter((whole) => whole !== undefined);
      expect(joined.map((whole) => Buffer.from(whole).equals(a) || Buffer.from(whole).equals(b))).to.deep.equal([true, true]);
    }
  });

  it('drop a transfer whose chunks are missing, doubled or out of order', () => {
    const transfers = new Transfers(realClock);
    const [first, second, third] = split(patterned(250, 1), 'id', 100) as [Uint8Array, Uint8Array, Uint8Array];
    for (const order of [
      [first, third, second],
      [second, third],
      [first, first, third],
      [third, second, first],
    ]) {
      expect(order.map((message) => transfers.take(message))).to.deep.equal(order.map(() => undefined));
      transfers.take(chunk('id', 1, 9, 1));
    }
    expect([first, second, third].map((message) => transfers.take(message)?.byteLength)).to.deep.equal([
      undefined,
      undefined,
      250,
    ]);
  });

  it('hold no more than they may, whatever strangers begin', () => {
    const transfers = new Transfers(realClock);
    for (let i = 0; i < 5000; i++) transfers.take(chunk(`transfer ${i}`, 0, 100, 1));
    expect(transfers.open).to.be.at.most(256);
    for (let i = 0; i < 20; i++) {
      for (let part = 0; part < 8; part++) transfers.take(chunk(`large ${i}`, part, 100, 2 * 1024 * 1024));
    }
    expect(transfers.heldBytes).to.be.at.most(64 * 1024 * 1024);
  });
});
