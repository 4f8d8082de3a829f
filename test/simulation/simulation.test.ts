/** Hundreds of seeds of the simulated world, on all cores; any number by `npm run simulate -- --seeds N --from S`. */
import { availableParallelism } from 'node:os';
import { expect } from 'chai';
import { FAULT_KINDS } from './fault-book.js';
import { SCENARIOS } from './scenario.js';
import { SeedPool } from './seed-pool.js';
import { simulate } from './world.js';

const SEEDS = 150;

describe('the simulated world', () => {
  it('tells the same history for the same seed, and another for another', async () => {
    const first = await simulate(7, SCENARIOS['base']!);
    const again = await simulate(7, SCENARIOS['base']!);
    const other = await simulate(8, SCENARIOS['base']!);
    expect(again.trace).to.equal(first.trace);
    expect(again.struck).to.deep.equal(first.struck);
    expect(other.trace).not.to.equal(first.trace);
    expect(first.acknowledged).to.be.greaterThan(20);
  });

  it('tells the same history where all of its faults are named, and one without faults where none is', async () => {
    const whole = await simulate(7, SCENARIOS['base']!);
    const named = await simulate(7, SCENARIOS['base']!, undefined, { keep: new Set(whole.struck.map(({ name }) => name)) });
    const calm = await simulate(7, SCENARIOS['base']!, undefined, { keep: new Set() });
    expect(named.trace).to.equal(whole.trace);
    expect(calm.struck).to.deep.equal([]);
    expect(calm.unknown).to.equal(0);
  });

  it(`loses nothing, repeats nothing and heals in ${SEEDS} seeds of faults`, async function () {
    this.timeout(600_000);
    const pool = new SeedPool({ first: 1, seeds: SEEDS, workers: Math.max(2, Math.min(4, availableParallelism())), stop: false });
    await pool.run();
    const told = pool.failures.map(({ seed, scenario, violations }) => `seed ${seed} (${scenario}): ${violations[0] ?? ''}`);
    expect(told).to.deep.equal([]);
    // the world did what it is for, and every kind of fault happened
    const { seeds, acknowledged, merges, expired, faults } = pool.sums.plain;
    expect(seeds).to.equal(SEEDS);
    expect(pool.next).to.equal(1 + SEEDS);
    expect(acknowledged).to.be.greaterThan(SEEDS * 40);
    expect(merges).to.be.greaterThan(SEEDS);
    expect(expired).to.be.greaterThan(SEEDS / 20);
    expect(Object.keys(FAULT_KINDS).filter((kind) => !((faults as Record<string, number>)[kind]! > 0))).to.deep.equal([]);
    expect(pool.sums.faults).to.be.greaterThan(SEEDS * 80);
  });
});
