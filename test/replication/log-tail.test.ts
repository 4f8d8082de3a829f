/** The tail of a log is counted and searched as a plain list of records would be. */
import { expect } from 'chai';
import { LogTail } from '../../src/replication/log-tail.js';
import { sequence } from '../../src/shared/ids.js';
import { seededRandom } from '../../src/testing/simulated-time.js';

describe('the tail of a log', () => {
  it('answers as a plain list does, whatever was noted and given up', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seededRandom(seed);
      const tail = new LogTail();
      let list: { at: number; bytes: number }[] = [];
      let last = 0;
      const sum = (of: readonly { bytes: number }[]): number => of.reduce((total, { bytes }) => total + bytes, 0);
      for (let step = 0; step < 3_000; step++) {
        if (random() < 0.995) {
          last += 1 + Math.floor(random() * 3);
          const bytes = Math.floor(random() * 500);
          tail.note(sequence(last), bytes);
          list.push({ at: last, bytes });
        } else {
          const upTo = list[Math.floor(random() * list.length)]?.at ?? last;
          tail.giveUp(sequence(upTo));
          list = list.filter(({ at }) => at > upTo);
        }
        if (step % 50 > 0) continue;
        expect([tail.records, tail.bytes]).to.deep.equal([list.length, sum(list)]);
        const some = list[Math.floor(random() * list.length)]?.at ?? last;
        const given = list.filter(({ at }) => at <= some);
        expect(tail.upTo(sequence(some))).to.deep.equal({ records: given.length, bytes: sum(given) });
        const [records, bytes] = [random() * 200, random() * 20_000];
        const behind = list.findLast((_, i) => list.length - 1 - i >= records || sum(list.slice(i + 1)) >= bytes);
        expect(tail.horizon(records, bytes), `behind ${records} records or ${bytes} bytes`).to.equal(behind?.at);
      }
    }
  });
});
