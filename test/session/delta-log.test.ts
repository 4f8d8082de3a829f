/** Deltas in one array are, one by one, what was put in. */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { DeltaLog } from '../../src/session/delta-log.js';

const deltas = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 60 });

describe('a log of deltas', () => {
  it('hands out what was put in, also behind any number of them, and after it was read from its bytes', () => {
    fc.assert(
      fc.property(deltas, fc.nat(60), (given, some) => {
        const log = DeltaLog.empty();
        for (const delta of given) log.push(delta);
        const count = Math.min(some, given.length);
        const read = DeltaLog.of(
          given.map(({ byteLength }) => byteLength),
          log.all(),
        );
        for (const [whole, expected] of [
          [log, given],
          [read, given],
          [log.behind(count), given.slice(count)],
        ] as const) {
          expect(Array.from({ length: whole.count }, (_, i) => [...whole.at(i)])).to.deep.equal(
            expected.map((each) => [...each]),
          );
          expect(whole.byteLength).to.equal(expected.reduce((sum, { byteLength }) => sum + byteLength, 0));
        }
        expect(log.bytesOf(count)).to.equal(log.byteLength - log.behind(count).byteLength);
      }),
    );
  });

  it('never writes over what it has handed out, and keeps nothing that it was given', () => {
    const log = DeltaLog.empty();
    const given = new Uint8Array([1, 2, 3]);
    log.push(given);
    given.fill(9);
    const view = log.at(0);
    const rest = log.behind(1);
    for (let i = 0; i < 100; i++) {
      log.push(new Uint8Array(10).fill(i));
      rest.push(new Uint8Array(10).fill(i));
    }
    expect([...view]).to.deep.equal([1, 2, 3]);
    expect([...log.at(0)]).to.deep.equal([1, 2, 3]);
    expect([...rest.at(0)]).to.deep.equal(Array.from({ length: 10 }, () => 0));
  });
});
