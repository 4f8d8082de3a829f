import { expect } from 'chai';
import { measureWaits, percentile, WAIT_KINDS } from './waits.js';

/** More of them, with percentiles: `npm run simulate:waits`. */
describe('in virtual time, where a message takes up to 4 ms, a commit', function () {
  this.timeout(120_000);

  it('waits no longer than 300 ms where the node that leads its partition is killed', async () => {
    for (let seed = 1; seed <= 4; seed++) {
      const { waitsMs, othersMs, needless, failed } = await measureWaits(seed, ['kill', 'kill', 'kill']);
      expect(waitsMs.kill.length, 'each node led something').to.be.greaterThan(5);
      expect(percentile(waitsMs.kill, 1), `seed ${seed}`).to.be.lessThan(300);
      expect(percentile(othersMs.kill, 1), 'nobody else is touched').to.be.lessThan(50);
      expect([needless, failed], `seed ${seed}`).to.deep.equal([0, 0]);
    }
  });

  it('waits no longer than 1,200 ms where it stands still or is cut off, and 50 where it is drained or comes back', async () => {
    const { waitsMs, othersMs, needless, failed } = await measureWaits(11);
    const longest = Object.fromEntries(WAIT_KINDS.map((kind) => [kind, percentile(waitsMs[kind], 1)]));
    for (const kind of WAIT_KINDS) expect(percentile(othersMs[kind], 1), `the others: ${kind}`).to.be.lessThan(50);
    expect(longest['stand still'], 'it is suspected first').to.be.within(1_000, 1_200);
    expect(longest['cut off']).to.be.within(1_000, 1_200);
    expect(longest['drain']).to.be.lessThan(50);
    expect(longest['come back']).to.be.lessThan(50);
    expect([needless, failed]).to.deep.equal([0, 0]);
  });
});
