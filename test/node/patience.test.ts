/** Waits that share timers end as if each had its own, and never too early. */
import { expect } from 'chai';
import { Patience } from '../../src/node/patience.js';
import { SimulatedTime } from '../../src/testing/simulated-time.js';

describe('patience', () => {
  it('ends each wait once, not before its time and at most 16 ms after it', async () => {
    const time = new SimulatedTime();
    const patience = new Patience(time);
    const ended: { dueMs: number; atMs: number }[] = [];
    for (let i = 0; i < 200; i++) {
      const startMs = i * 3.7;
      time.after(startMs, () => {
        const dueMs = startMs + ((i * 97) % 400);
        patience.begin(dueMs - startMs, () => ended.push({ dueMs, atMs: time.now() }));
      });
    }
    await time.runUntil(2_000);
    expect(ended).to.have.length(200);
    for (const { dueMs, atMs } of ended) expect(atMs - dueMs).to.be.within(0, 16.001);
  });

  it('never ends a wait that was called off, and needs no timer where nobody waits', async () => {
    const time = new SimulatedTime();
    let timers = 0;
    const counting = {
      now: () => time.now(),
      wallMs: () => time.wallMs(),
      after: (delayMs: number, fn: () => void) => {
        timers++;
        const timer = time.after(delayMs, fn);
        return {
          cancel: () => {
            timers--;
            timer.cancel();
          },
        };
      },
    };
    const patience = new Patience(counting);
    const ended: number[] = [];
    const waits = Array.from({ length: 100 }, (_, i) => patience.begin(1_000, () => ended.push(i)));
    expect(timers, 'those that end together share a timer').to.equal(1);
    for (const [i, wait] of waits.entries()) if (i !== 7) wait.end();
    expect(timers).to.equal(1);
    await time.runUntil(1_100);
    expect(ended).to.deep.equal([7]);
    waits[7]!.end();
    patience.begin(10, () => ended.push(-1)).end();
    expect(timers - 1, 'one has run, none is left').to.equal(0);
    await time.runUntil(2_000);
    expect(ended).to.deep.equal([7]);
  });
});
