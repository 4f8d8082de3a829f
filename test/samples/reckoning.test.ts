/** The count of `npm run start:nats` sees what it is there to see. */
import { expect } from 'chai';
import type { SessionFound } from '../../samples/start/messages.js';
import { Reckoning } from '../../samples/start/reckoning.js';

function reckoning(): Reckoning {
  const made = new Reckoning();
  const outcomes = { a: 'acknowledged', b: 'acknowledged', n: 'not-stored', u: 'unknown', dead: undefined } as const;
  for (const [op, outcome] of Object.entries(outcomes)) {
    made.take({ type: 'attempt', op, id: 's', atMs: 100 });
    if (outcome !== undefined) made.take({ type: 'result', op, outcome, atMs: 130 });
  }
  return made;
}

const found = (...ops: string[]): SessionFound => ({ id: 's', version: ops.length + 1, ops, sum: ops.length, intact: true });

describe('the reckoning', () => {
  it('finds nothing wrong where all acknowledged commits are there once, and unknown ones are or are not', () => {
    const { lost, duplicated, denied, foreign, torn, ...counts } = reckoning().balance([found('a', 'dead', 'b')]);
    expect({ lost, duplicated, denied, foreign, torn }).to.deep.equal({
      lost: [],
      duplicated: [],
      denied: [],
      foreign: [],
      torn: [],
    });
    expect(counts).to.deep.equal({ acknowledged: 2, notStored: 1, unknown: 2, unknownFound: 1 });
  });

  it('sees a commit that was acknowledged and is lost', () => {
    expect(reckoning().balance([found('a')]).lost).to.deep.equal(['b']);
  });

  it('sees one that is there twice', () => {
    expect(reckoning().balance([found('a', 'b', 'a')]).duplicated).to.deep.equal(['a']);
  });

  it('sees one that was reported as not stored and is there', () => {
    expect(reckoning().balance([found('a', 'b', 'n')]).denied).to.deep.equal(['n']);
  });

  it('sees one that nobody did, and one in another session', () => {
    expect(reckoning().balance([found('a', 'b', 'x')]).foreign).to.deep.equal(['x']);
    expect(reckoning().balance([found('a'), { ...found('b'), id: 't' }]).foreign).to.deep.equal(['b']);
  });

  it('sees a session whose parts do not fit, or that is gone', () => {
    expect(reckoning().balance([{ ...found('a', 'b'), sum: 1 }]).torn).to.deep.equal(['s']);
    expect(reckoning().balance([{ ...found('a', 'b'), version: 2 }]).torn).to.deep.equal(['s']);
    expect(reckoning().balance([{ ...found('a', 'b'), intact: false }]).torn).to.deep.equal(['s']);
    expect(reckoning().balance([{ id: 's', ops: [], sum: 0, intact: false }]).torn).to.deep.equal(['s']);
  });

  it('measures a takeover by the first commit that was begun after the kill', () => {
    const made = reckoning();
    made.take({ type: 'attempt', op: 'later', id: 's', atMs: 120 });
    made.take({ type: 'result', op: 'later', outcome: 'acknowledged', atMs: 320 });
    expect([...made.waits(['s', 't'], 110)]).to.deep.equal([
      ['s', 210],
      ['t', undefined],
    ]);
  });
});
