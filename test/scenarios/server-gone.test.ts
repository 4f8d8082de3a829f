/** A server that goes away for good: stores can still be closed, what was under way ends truly, and the process stays whole. */
import { expect } from 'chai';
import { Counter, SESSIONS } from '../store/sessions.js';
import { natsWorld, TestCluster } from '../store/world.js';

describe('stores whose server is gone', function () {
  this.timeout(120_000);

  for (const [title, end] of [
    ['that was shut down', 'shutdown'],
    ['that was killed', 'kill'],
  ] as const) {
    it(`close after a server ${title}`, async () => {
      for (let round = 0; round < 4; round++) {
        const world = await natsWorld();
        const cluster = new TestCluster(world, { sessions: SESSIONS, partitions: 2, backups: 1 });
        const [one, two] = await cluster.connectMany(2);
        const counter = await one!.create(Counter);
        await world.server![end]();
        counter.count = 1;
        const committing = one!.commit(counter, { timeoutMs: 300 });
        const reading = two!.open(Counter, one!.idOf(counter), { timeoutMs: 300, consistency: 'strong' });
        const [committed, read] = await Promise.allSettled([committing, reading]);
        expect((committed as PromiseRejectedResult).reason).to.include({ code: 'UNAVAILABLE', outcome: 'unknown' });
        expect((read as PromiseRejectedResult).reason).to.include({ code: 'UNAVAILABLE' });
        await cluster.close();
        await world.close();
      }
    });
  }

  it('close while the server goes down', async () => {
    for (let round = 0; round < 6; round++) {
      const world = await natsWorld();
      const cluster = new TestCluster(world, { sessions: SESSIONS, partitions: 2, backups: 1 });
      await cluster.connectMany(3);
      await Promise.all([world.close(), cluster.close()]);
    }
  });
});
