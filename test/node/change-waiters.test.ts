import { expect } from 'chai';
import { ChangeWaiters, WAITERS_MAX } from '../../src/node/change-waiters.js';
import { sessionId } from '../../src/shared/ids.js';
import { realClock } from '../../src/testing/real-clock.js';

describe('those who wait for a change', () => {
  const later = (): number => realClock.now() + 60_000;

  it('are so many at most: whoever has waited longest is let go for one more', async () => {
    const waiters = new ChangeWaiters(realClock);
    const woken: number[] = [];
    const cancels: (() => void)[] = [];
    for (let i = 0; i < WAITERS_MAX + 3; i++) {
      const { woken: wakes, cancel } = waiters.next(sessionId(`s${i % 7}`), later());
      if (i < 10) void wakes.then((again) => woken.push(again ? -1 : i));
      cancels.push(cancel);
    }
    await Promise.resolve();
    expect(woken).to.deep.equal([0, 1, 2]);
    expect(waiters.count).to.equal(WAITERS_MAX);
    // one that is let go makes room
    cancels.pop()!();
    cancels.push(waiters.next(sessionId('s0'), later()).cancel);
    await Promise.resolve();
    expect(woken).to.deep.equal([0, 1, 2]);
    for (const cancel of cancels) cancel();
    expect(waiters.count).to.equal(0);
    expect(waiters.has(sessionId('s0'))).to.equal(false);
  });
});
