/** The wheel against what it stands for: nobody comes later than a slot's width, and nobody is lost. */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { TimingWheel } from '../../src/replication/timing-wheel.js';

const TICK_MS = 64;

/** Takes everything, and puts back what came too early. */
function due(
  wheel: TimingWheel,
  nowMs: number,
  deadlines: ReadonlyMap<number, number>,
): { readonly due: number[]; looks: number } {
  wheel.advance(nowMs);
  const found: number[] = [];
  let looks = 0;
  for (let taken = wheel.take(100); taken.length > 0; taken = wheel.take(100)) {
    for (const hash of taken) {
      looks++;
      if (deadlines.get(hash)! <= nowMs) found.push(hash);
      else wheel.insert(hash, deadlines.get(hash)!);
    }
  }
  return { due: found, looks };
}

describe('the timing wheel', () => {
  it('hands out every entry in time, whatever the steps of the clock, forwards and back', () => {
    const delay = fc.oneof(fc.nat(200), fc.nat(100_000), fc.nat(40_000_000), fc.nat(2 ** 41));
    const step = fc.oneof(fc.nat(100), fc.nat(10_000), fc.nat(20_000_000), fc.nat(2 ** 40), fc.integer({ min: -3_000, max: -1 }));
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 40 }),
        fc.array(fc.tuple(fc.array(delay, { maxLength: 8 }), step), { maxLength: 40 }),
        (startMs, steps) => {
          const wheel = new TimingWheel();
          const deadlines = new Map<number, number>();
          let nowMs = startMs;
          let next = 0;
          for (const [delays, stepMs] of steps) {
            for (const delayMs of delays) {
              const hash = Math.imul(++next, 0x9e3779b1) >>> 0;
              deadlines.set(hash, nowMs + delayMs);
              wheel.insert(hash, nowMs + delayMs);
            }
            nowMs = Math.max(0, nowMs + stepMs);
            for (const hash of due(wheel, nowMs, deadlines).due) deadlines.delete(hash);
            // whatever is left is not due yet, or only since less than a slot
            for (const atMs of deadlines.values()) expect(atMs).to.be.greaterThan(nowMs - TICK_MS);
          }
          for (const hash of due(wheel, 2 ** 46, deadlines).due) deadlines.delete(hash);
          expect([...deadlines.values()], 'nobody is lost').to.deep.equal([]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('looks at an entry a few times, not in every tick', () => {
    const wheel = new TimingWheel();
    const deadlines = new Map([[7, 86_400_000]]);
    wheel.advance(0);
    wheel.insert(7, 86_400_000);
    let looks = 0;
    let nowMs = 0;
    while (deadlines.size > 0) {
      nowMs += 50;
      const found = due(wheel, nowMs, deadlines);
      looks += found.looks;
      for (const hash of found.due) deadlines.delete(hash);
    }
    expect(looks).to.be.at.most(5);
    expect(nowMs).to.be.within(86_400_000, 86_400_000 + TICK_MS + 50);
  });

  it('hands out no more than it is asked for, and equal ones once', () => {
    const wheel = new TimingWheel();
    wheel.advance(0);
    for (let i = 0; i < 1_000; i++) wheel.insert(i % 100, 10_000);
    wheel.advance(10_064);
    const taken: number[] = [];
    for (let hashes = wheel.take(30); hashes.length > 0; hashes = wheel.take(30)) {
      expect(hashes.length).to.be.at.most(30);
      taken.push(...hashes);
    }
    expect(new Set(taken).size).to.equal(100);
    expect(taken.length, 'of ten each, most are one').to.be.lessThan(500);
  });

  it('takes about four bytes an entry', () => {
    const wheel = new TimingWheel();
    wheel.advance(0);
    for (let i = 0; i < 100_000; i++) wheel.insert(Math.imul(i, 0x9e3779b1) >>> 0, 1_800_000 + (i % 112_000));
    expect(wheel.bytes / 100_000).to.be.lessThan(4.2);
  });
});
