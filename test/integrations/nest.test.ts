import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import { expect } from 'chai';
import { connect, memoryEngine, SessionStore } from '../../src/index.js';
import { HttpSession } from '../../src/integrations/express.js';
import { storeToken, TwinstateModule } from '../../src/integrations/nest.js';
import { startNatsServer, type NatsServer } from '../nats-server.js';
import { pause } from './compliance.js';
import { Browser } from './http.js';
import { makeApp, PrivateModule, Tallies, Tally } from './nest-app.js';

const SERVER = fileURLToPath(new URL('./nest-server.js', import.meta.url));

describe('twinstate/nest', function () {
  this.timeout(120_000);

  it('gives its services the stores, connected, and drains them at the end of the application', async () => {
    const engine = memoryEngine();
    const app = await makeApp({ engine, cluster: 'nest', nodeId: 'nest-1', partitions: 4 });
    const peer = await connect({ sessions: [HttpSession, Tally], engine, cluster: 'nest', nodeId: 'peer', partitions: 4 });
    try {
      const url = await app.getUrl();
      const store = app.get(SessionStore);
      expect(app.get(Tallies).store).to.equal(store);
      expect(app.get(Tallies).notes).to.equal(app.get(storeToken('notes')));
      const browser = new Browser();
      for (const token of ['a', 'b']) await browser.get({ url }, `/add/${token}`);
      expect((await browser.get({ url }, '/tokens')).body).to.deep.equal({ all: ['a', 'b'], mine: ['a', 'b'] });
      expect((await browser.get({ url }, '/note')).body).to.deep.equal({ text: 'in 2 partitions' });

      await app.close();
      // handed over, not given up: a closed store's partitions have no primary until somebody suspects its death
      expect(peer.status().replicas.map(({ role }) => role)).to.deep.equal(['leading', 'leading', 'leading', 'leading']);
      for (const closed of [store, app.get<SessionStore>(storeToken('notes'))]) expect(() => closed.status()).to.throw(/CLOSED/);
      expect([...(await peer.open(Tally, 'all'))!.tokens]).to.deep.equal(['a', 'b']);
      await app.close();
    } finally {
      await peer.close();
    }
  });

  it('leaves who does not import a store that is not global without it', async () => {
    const make = (global: boolean): Promise<{ close(): Promise<void> }> =>
      NestFactory.createApplicationContext(PrivateModule.with(global), { logger: false, abortOnError: false });
    await (await make(true)).close();
    const error = await make(false).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error?.message).to.match(/can't resolve dependencies of the Stranger/);
  });

  it('is the same to an application that Nest compiles to CommonJS', () => {
    const required = createRequire(import.meta.url)('twinstate/nest') as { TwinstateModule: unknown };
    expect(required.TwinstateModule).to.equal(TwinstateModule);
  });

  describe('in processes of their own, on a real NATS server', () => {
    let nats: NatsServer;
    const children: ChildProcess[] = [];
    before(async () => {
      nats = await startNatsServer();
    });
    after(async () => {
      for (const child of children) child.kill('SIGKILL');
      await nats.stop();
    });

    const start = async (nodeId: string): Promise<{ child: ChildProcess; url: string }> => {
      const child = fork(SERVER, [nats.url, nodeId], { execArgv: ['--enable-source-maps'] });
      children.push(child);
      const [url] = (await once(child, 'message', { signal: AbortSignal.timeout(60_000) })) as [string];
      return { child, url };
    };

    it('ends at SIGTERM with every request answered and every commit handed over', async () => {
      const [ending, staying] = await Promise.all([start('nest-1'), start('nest-2')]);
      const servers = [ending, staying];
      const browser = new Browser();
      await browser.get(staying, '/add/first');
      const answered: string[] = ['first'];
      const unanswered: string[] = [];
      let isOver = false;
      const visit = async (visitor: number): Promise<void> => {
        for (let i = 0; !isOver; i++) {
          const token = `v${visitor}-${i}`;
          const open = servers.filter(({ child }) => child.connected);
          const answer = await browser.get(open[i % open.length]!, `/add/${token}`).catch(() => undefined);
          if (answer === undefined) unanswered.push(token);
          else {
            expect(answer.status).to.equal(200);
            answered.push(token);
          }
        }
      };
      const visitors = Promise.all([0, 1, 2, 3].map(visit));
      try {
        while (answered.length < 40) await pause(20);
        const exited = once(ending.child, 'exit', { signal: AbortSignal.timeout(60_000) });
        ending.child.kill('SIGTERM');
        // Nest ends itself by the same signal, once all is done
        expect(await exited).to.deep.equal([null, 'SIGTERM']);
        const goal = answered.length + 20;
        while (answered.length < goal) await pause(20);
      } finally {
        isOver = true;
        await visitors;
      }

      const { all, mine } = (await browser.get(staying, '/tokens')).body as Record<'all' | 'mine', string[]>;
      expect(all).to.include.members(answered);
      expect(mine).to.include.members(answered);
      // what had no answer went to a port where nobody listened any more
      expect(all.filter((token) => unanswered.includes(token))).to.deep.equal([]);
    });
  });
});
