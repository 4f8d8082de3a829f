/** A log without room, on a real server: commits are refused truly, and go on once snapshots have made room (rule 9). */
import { expect } from 'chai';
import { natsEngine } from '../../src/engine/nats/index.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { startNatsServer, type NatsServer } from '../nats-server.js';
import { Counter, SESSIONS } from '../store/sessions.js';
import { TestCluster, until } from '../store/world.js';

const LOG_BYTES_MAX = 48 * 1024;

describe('a log that is full', function () {
  this.timeout(120_000);
  let server: NatsServer;
  before(async () => (server = await startNatsServer()));
  after(() => server.stop());

  it('refuses commits that are then truly not there, and takes them again after it was trimmed', async () => {
    const engine = (): ReturnType<typeof natsEngine> => natsEngine({ servers: server.url, maxBytes: LOG_BYTES_MAX });
    // checkpoints would come too late by themselves: only a full log makes them come
    const timing = { checkpointRecords: 100_000, checkpointIdleMs: 600_000 };
    const cluster = new TestCluster({ engine }, { sessions: SESSIONS, partitions: 1, backups: 1, timing });
    try {
      const [one, two] = await cluster.connectMany(2);
      const counter = await one!.create(Counter, {}, { id: 'c' });
      let acknowledged = 0;
      let refused = 0;
      for (let round = 0; round < 40; round++) {
        const next = counter.count + 1;
        counter.count = next;
        counter.by = { [`round ${round}`]: round, filler: round, ['x'.repeat(4_000)]: round };
        try {
          await one!.commit(counter);
          acknowledged = next;
        } catch (error) {
          expect(error).to.be.instanceOf(TwinstateError);
          expect((error as TwinstateError).outcome).to.equal('not-stored');
          refused++;
          await until('there is room again', () =>
            one!.touch(Counter, 'c').then(
              () => true,
              () => false,
            ),
          );
          await one!.refresh(counter);
          expect(counter.count, 'what was refused is not there').to.equal(acknowledged);
        }
      }
      expect(refused, 'it was full').to.be.greaterThan(0);
      expect(acknowledged).to.be.greaterThan(20);
      const seen = await two!.open(Counter, 'c', { consistency: 'strong' });
      expect(seen!.count).to.equal(acknowledged);
      const fresh = await cluster.connect({ nodeId: 'fresh' });
      expect((await fresh.open(Counter, 'c', { consistency: 'strong' }))!.count).to.equal(acknowledged);
    } finally {
      await cluster.close();
    }
  });
});
