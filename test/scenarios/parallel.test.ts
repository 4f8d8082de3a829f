/** Parallel changes of one session from several processes all survive: real processes, a real nats-server. */
import { expect } from 'chai';
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { natsEngine } from '../../src/engine/nats/index.js';
import { connect } from '../../src/index.js';
import { startNatsServer } from '../nats-server.js';
import type { NatsServer } from '../nats-server.js';
import { Board, BOARD, Card } from './board.js';

const PROGRAM = fileURLToPath(new URL('./board-writer.js', import.meta.url));
const WRITERS = ['w0', 'w1', 'w2'];
const COMMITS = 70;

describe('three processes that change one session at once', function () {
  this.timeout(300_000);
  let server: NatsServer;
  const children: ChildProcess[] = [];
  before(async () => void (server = await startNatsServer()));
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await server?.stop();
  });

  const said = (child: ChildProcess, what: string): Promise<void> =>
    new Promise((resolve, reject) => {
      child.once('message', (message) =>
        message === what ? resolve() : reject(new Error(`it said ${JSON.stringify(message)}`)),
      );
      child.once('exit', (code) => reject(new Error(`a writer ended with ${code}`)));
    });

  it('lose nothing and count nothing twice: sums, sets, lists and what is each one’s own', async () => {
    const cluster = 'parallel';
    const store = await connect({ sessions: [Board], cluster, engine: natsEngine({ servers: server.url }) });
    try {
      const board = new Board();
      board.cards.push(Object.assign(new Card(), { title: 'first' }));
      await store.create(board, { id: BOARD });
      const ready = WRITERS.map((name) => {
        const options = JSON.stringify({ servers: server.url, cluster, name, commits: COMMITS });
        const child = fork(PROGRAM, [options], { execArgv: ['--enable-source-maps'] });
        children.push(child);
        return said(child, 'ready');
      });
      await Promise.all(ready);
      const done = children.map((child) => said(child, 'done'));
      for (const child of children) child.send('begin');
      await Promise.all(done);

      const end = (await store.open(Board, BOARD, { consistency: 'strong', timeoutMs: 60_000 }))!;
      const each = WRITERS.flatMap((name) => Array.from({ length: COMMITS }, (_, i) => `${name}.${i}`));
      expect([end.count, end.cards[0]!.votes]).to.deep.equal([each.length, each.length]);
      expect(end.exact).to.equal(BigInt((WRITERS.length * COMMITS * (COMMITS - 1)) / 2));
      expect([...end.tags]).to.have.members(each);
      expect(end.log).to.have.length(each.length).and.to.have.members(each);
      expect([...end.own]).to.have.deep.members(WRITERS.map((name) => [name, COMMITS]));
      for (const name of WRITERS) {
        const own = end.log.filter((entry) => entry.startsWith(`${name}.`));
        expect(own, 'each in its own order').to.deep.equal(each.filter((entry) => entry.startsWith(`${name}.`)));
      }
      const cards = each.filter((entry) => entry.endsWith('0'));
      expect(end.cards.map(({ title }) => title)).to.have.members(['first', ...cards]);
      for (const child of children) child.send('end');
    } finally {
      await store.close();
    }
  });
});
