import { expect } from 'chai';
import { LogExtent } from '../../src/replication/log-extent.js';
import { sequence } from '../../src/shared/ids.js';

describe('the extent of a log', () => {
  it('counts what was applied, less what was given up, although sequences have holes', () => {
    const log = new LogExtent();
    for (const at of [3, 4, 9, 12]) log.add(sequence(at), at * 10);
    expect([log.records, log.bytes]).to.deep.equal([4, 280]);
    expect([0, 3, 8, 9, 11, 12, 20].map((position) => log.after(sequence(position)))).to.deep.equal([4, 3, 2, 1, 1, 0, 0]);
    log.trim(sequence(7));
    expect([log.records, log.bytes, log.after(sequence(0)), log.after(sequence(9))]).to.deep.equal([2, 210, 2, 1]);
    log.trim(sequence(40));
    expect([log.records, log.bytes]).to.deep.equal([0, 0]);
  });
});
