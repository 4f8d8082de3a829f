/** A program that was written from the README alone: what one process commits, another reads, references and all. */
import { expect } from 'chai';
import { startNatsServer, type NatsServer } from '../nats-server.js';
import { start } from './process.js';

describe('two processes on NATS', function () {
  this.timeout(60_000);
  let nats: NatsServer;
  let other: NatsServer;

  before(async () => {
    nats = await startNatsServer();
    other = await startNatsServer();
  });

  after(async () => {
    await nats.stop();
    await other.stop();
  });

  it('see one call: nested classes, a Map, dates and shared references', async () => {
    const first = start('two-processes/first.js', [nats.url]);
    try {
      await first.wrote('first: version 2 in');
      await first.wrote('version 3 in');
      const second = await start('two-processes/second.js', [nats.url]).ended;
      expect({ code: second.code, stderr: second.stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(second.stdout).to.match(/^second: read version 3, Omar is muted\nsecond: version 4 in \d+ bytes\n$/);
      first.child.kill('SIGINT');
      expect((await first.ended).code).to.equal(0);
    } finally {
      first.child.kill('SIGKILL');
    }
  });

  it('go on where the first is killed and the second is alone', async () => {
    const first = start('two-processes/first.js', [other.url]);
    await first.wrote('version 3 in');
    first.child.kill('SIGKILL');
    await first.ended;
    // nobody holds the call in memory now: it comes back from the log
    const second = await start('two-processes/second.js', [other.url]).ended;
    expect({ code: second.code, stderr: second.stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(second.stdout).to.include('second: read version 3, Omar is muted');
  });
});
