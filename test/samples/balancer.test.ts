import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { Balancer, type Target } from '../../samples/shop/balancer.js';
import { Shop } from '../../samples/shop/shop.js';
import { freePort } from '../../samples/support/free-port.js';

describe("the shop's balancer", () => {
  const servers: Server[] = [];
  let targets: Target[];
  let url: string;
  let asked: string[];

  beforeEach(async () => {
    targets = [];
    asked = [];
    const balancer = new Balancer(() => targets);
    url = `http://127.0.0.1:${await listen((request, response) => void balancer.handle(request, response))}`;
  });

  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function listen(answer: RequestListener): Promise<number> {
    const server = createServer(answer);
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  /** A server that answers, dies with the whole request in its hands, or dies in the middle of its answer. */
  async function target(name: string, how: 'answers' | 'dies' | 'stops'): Promise<Target> {
    const port = await listen((request, response) => {
      asked.push(`${name} ${request.method}`);
      request.resume().once('end', () => {
        if (how === 'dies') request.socket.destroy();
        else response.writeHead(200, { 'content-length': 4, 'x-served-by': name });
        if (how === 'answers') response.end('done');
        if (how === 'stops') response.write('do', () => request.socket.destroy());
      });
    });
    return { name, port };
  }

  const gone = async (name: string): Promise<Target> => ({ name, port: await freePort() });

  it('goes to the servers in turn', async () => {
    targets = [await target('a', 'answers'), await target('b', 'answers')];
    for (let i = 0; i < 4; i++) expect(await (await fetch(url)).text()).to.equal('done');
    expect(asked).to.deep.equal(['a GET', 'b GET', 'a GET', 'b GET']);
  });

  it('sends a change to another server where nothing was sent yet', async () => {
    targets = [await gone('a'), { name: 'b', port: undefined }, await target('c', 'answers')];
    const response = await fetch(url, { method: 'POST', body: 'one more' });
    expect([response.status, await response.text()]).to.deep.equal([200, 'done']);
    expect(response.headers.get('x-tried-before')).to.equal('a');
    expect(asked).to.deep.equal(['c POST']);
  });

  for (const how of ['dies', 'stops'] as const) {
    it(`never sends a change twice: if the server ${how} its fate is told as unknown`, async () => {
      targets = [await target('a', how), await target('b', 'answers')];
      const response = await fetch(url, { method: 'POST', body: 'one more' });
      expect(response.status).to.equal(502);
      expect(await response.json()).to.deep.equal({ error: 'a went away before it answered.', outcome: 'unknown' });
      expect(asked).to.deep.equal(['a POST']);
    });

    it(`asks another server again, if one ${how}, for what may be done twice`, async () => {
      for (const method of ['GET', 'DELETE']) {
        targets = [await target('a', how), await target('b', 'answers')];
        for (let i = 0; i < 2; i++) expect(await (await fetch(url, { method })).text()).to.equal('done');
      }
      expect(asked.filter((each) => each.startsWith('a'))).to.have.length.of.at.least(2);
      expect(asked.filter((each) => each.startsWith('b'))).to.have.length(4);
    });
  }

  it('says that nothing was stored where no server can be reached, or the request is too large', async () => {
    targets = [await gone('a'), { name: 'b', port: undefined }];
    const none = await fetch(url, { method: 'POST' });
    expect([none.status, ((await none.json()) as { outcome: string }).outcome]).to.deep.equal([503, 'not-stored']);
    const large = await fetch(url, { method: 'POST', body: 'x'.repeat(100_000) });
    expect([large.status, ((await large.json()) as { outcome: string }).outcome]).to.deep.equal([413, 'not-stored']);
  });
});

describe('the shop, embedded', function () {
  this.timeout(60_000);

  it('survives the loss of the server that leads a session, too', async () => {
    const shop = await Shop.open({ embedded: true, restartMs: 100 });
    try {
      const first = await fetch(`${shop.url}/api/shop`);
      const cookie = first.headers.getSetCookie()[0]!.split(';')[0]!;
      const add = async (): Promise<number> => {
        const body = JSON.stringify({ sku: 'cup', by: 1 });
        const headers = { cookie, 'content-type': 'application/json' };
        return (await fetch(`${shop.url}/api/cart`, { method: 'POST', headers, body })).status;
      };
      const statuses = [await add()];
      expect((await fetch(`${shop.url}/live/events`)).status, 'nobody without a session has one to look at').to.equal(404);
      const events = await fetch(`${shop.url}/live/events`, { headers: { cookie } });
      const killed = once(shop.fleet, 'killed');
      const kill = await fetch(`${shop.url}/live/kill`, { method: 'POST', headers: { cookie } });
      expect(kill.status).to.equal(202);
      const { server } = (await kill.json()) as { server: string };
      expect(((await killed)[0] as { name: string }).name).to.equal(server);
      for (let i = 0; i < 3; i++) statuses.push(await add());
      const { lines } = (await (await fetch(`${shop.url}/api/shop`, { headers: { cookie } })).json()) as {
        lines: { quantity: number }[];
      };
      expect([statuses, lines.map(({ quantity }) => quantity)]).to.deep.equal([[200, 200, 200, 200], [4]]);
      await shop.fleet.until(() => shop.fleet.members.every(({ state }) => state === 'up'));
      await events.body?.cancel();
    } finally {
      await shop.close();
    }
  });
});
