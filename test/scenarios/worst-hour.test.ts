/** Some seconds of the worst hour; `npm run scenario:worst-hour` has more of them, and thousands of sessions. */
import { expect } from 'chai';
import { startNatsServer } from '../nats-server.js';
import type { NatsServer } from '../nats-server.js';
import type { Counted } from './counting.js';
import { balance, worstHour } from './worst-hour.js';

describe('the worst hour, in small', function () {
  this.timeout(240_000);
  let server: NatsServer;
  before(async () => {
    server = await startNatsServer();
  });
  after(() => server?.stop());

  it('loses nothing and repeats nothing while nodes are killed, drained and added at random', async () => {
    const seed = Math.floor(Math.random() * 1e6);
    const size = { sessions: 500, seconds: 6, nodes: 3, more: 1, applications: 2, workers: 4 };
    const { waitsMs, ...account } = await worstHour({ server, seed, ...size });
    expect(account, `seed ${seed}`).to.include({ lost: 0, duplicated: 0 });
    expect(account.differing, `seed ${seed}`).to.deep.equal([]);
    expect(account.replicas).to.equal(32);
    expect(account.kills + account.drains).to.be.greaterThan(0);
    expect(waitsMs.length).to.equal(account.acknowledged);
    expect(account.acknowledged).to.be.greaterThan(100);
  });

  it('is balanced by what was told: missing writes are lost, surplus ones are duplicated, unknown ones may be either', () => {
    const told = (acknowledged: number[], unknown: number[]): Counted => ({
      acknowledged: Uint32Array.from(acknowledged),
      unknown: Uint32Array.from(unknown),
      notStored: 1,
      waitsMs: new Float64Array(),
    });
    const sums = balance([told([3, 5, 2, 1], [0, 0, 1, 1])], [{ w0: 2 }, { w0: 7 }, { w0: 3 }, { w0: 1 }]);
    expect(sums).to.include({ acknowledged: 11, notStored: 1, unknown: 2, lost: 1, duplicated: 2 });
    expect(balance([told([4], [0])], [{ lost: 1 }])).to.include({ lost: 4 });
  });
});
