/** Those who wait for changes cost a bounded memory, however many strangers wait. */
import { expect } from 'chai';
import { ChangeWaiters } from '../../src/node/change-waiters.js';
import type { PartitionDriver } from '../../src/node/partition-driver.js';
import { RequestServer } from '../../src/node/request-server.js';
import type { Holdings } from '../../src/node/request-server.js';
import type { Read, ReadAnswer } from '../../src/replication/operation.js';
import { sequence, sessionId, version } from '../../src/shared/ids.js';
import { realClock } from '../../src/testing/real-clock.js';

const MAX = 20;
const LONG_MS = 60_000;

describe('those who wait for a change', () => {
  it('are so many at most: whoever has waited longest is let go for one more', async () => {
    const waiters = new ChangeWaiters(realClock, MAX);
    const later = realClock.now() + LONG_MS;
    const letGo: number[] = [];
    const cancels: (() => void)[] = [];
    for (let i = 0; i < MAX + 3; i++) {
      const { woken, cancel } = waiters.next(sessionId(`s${i % 7}`), later);
      void woken.then((again) => again || letGo.push(i));
      cancels.push(cancel);
    }
    await Promise.resolve();
    expect(letGo).to.deep.equal([0, 1, 2]);
    expect(waiters.count).to.equal(MAX);
    // one that goes by itself makes room
    cancels.pop()!();
    cancels.push(waiters.next(sessionId('s0'), later).cancel);
    await Promise.resolve();
    expect(letGo).to.deep.equal([0, 1, 2]);
    for (const cancel of cancels) cancel();
    expect(waiters.count).to.equal(0);
    expect(waiters.has(sessionId('s0'))).to.equal(false);
  });

  it('are answered when they are let go, and do not begin again by themselves', async () => {
    const waiters = new ChangeWaiters(realClock, MAX);
    // as a primary answers whose session does not change
    let asked = 0;
    const same: ReadAnswer = { kind: 'same', version: version(1), incarnation: sequence(1) };
    const driver = { read: () => Promise.resolve((asked++, same)) } as unknown as PartitionDriver<unknown>;
    const server = new RequestServer({ runtime: { clock: realClock } } as unknown as Holdings<unknown>, waiters);
    const known = { version: version(1), incarnation: sequence(1) };
    const read: Read = { session: sessionId('s'), consistency: 'primary', known, atLeast: undefined, use: false };
    const answers = Array.from({ length: MAX + 5 }, () => server.readAndWait(driver, read, LONG_MS));
    let answered = 0;
    for (const answer of answers) void answer.then(() => answered++);
    expect(await Promise.all(answers.slice(0, 5))).to.deep.equal(Array.from({ length: 5 }, () => same));
    expect([answered, waiters.count, asked]).to.deep.equal([5, MAX, MAX + 5]);
    server.close();
    await Promise.all(answers);
    expect(waiters.count).to.equal(0);
  });
});
