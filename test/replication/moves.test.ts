/** What placement asks of a primary: whom it hands its partition to, and which replicas are too many. */
import { expect } from 'chai';
import { nodeId } from '../../src/shared/ids.js';
import { holdersOf, successorOf, surplusOf } from '../../src/replication/moves.js';
import { A, B, C } from './fixtures.js';

const D = nodeId('d~1');

describe('the lead of a partition', () => {
  it('moves to the node that should have it, once that is warm, and to no other', () => {
    expect(successorOf({ order: [B, A, C], self: A, warm: [C] })).to.equal(undefined);
    expect(successorOf({ order: [B, A, C], self: A, warm: [C, B] })).to.equal(B);
    expect(successorOf({ order: [A, B, C], self: A, warm: [B, C] }), 'it is where it should be').to.equal(undefined);
  });

  it('leaves a node that drains for the best one that is warm', () => {
    expect(successorOf({ order: [B, C], self: A, warm: [C] })).to.equal(C);
    expect(successorOf({ order: [B, C], self: A, warm: [C, B] })).to.equal(B);
    expect(successorOf({ order: [B, C], self: A, warm: [] })).to.equal(undefined);
    expect(successorOf({ order: [], self: A, warm: [B] }), 'everybody leaves').to.equal(undefined);
  });
});

describe('a replica', () => {
  it('is one too many once all that should be there are warm', () => {
    const order = [A, B, C, D];
    expect(surplusOf({ order, self: A, warm: [C] }, 1), 'the proper one is still missing').to.deep.equal([]);
    expect(surplusOf({ order, self: A, warm: [B, C, D] }, 1)).to.deep.equal([C, D]);
    expect(surplusOf({ order, self: A, warm: [B, C] }, 2)).to.deep.equal([]);
    expect(surplusOf({ order, self: A, warm: [B] }, 0), 'no backups are wanted').to.deep.equal([B]);
    expect(surplusOf({ order: [A, B], self: A, warm: [B] }, 3), 'fewer nodes than wanted').to.deep.equal([]);
  });

  it('is never one too many in the eyes of a primary that is one itself', () => {
    expect(surplusOf({ order: [A, B, C], self: C, warm: [A, B, D] }, 1)).to.deep.equal([]);
  });

  it('is held by the primary and as many backups as are wanted and there', () => {
    expect(holdersOf([A, B, C], 1)).to.deep.equal([A, B]);
    expect(holdersOf([A, B, C], 0)).to.deep.equal([A]);
    expect(holdersOf([A], 2)).to.deep.equal([A]);
  });
});
