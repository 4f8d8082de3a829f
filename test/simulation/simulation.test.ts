/** A thousand seeds of the simulated world, on both cores; any number by `npm run simulate -- --seeds N --from S`. */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import type { SeedRange, SeedsReport } from './seeds-worker.js';
import { SCENARIOS } from './scenario.js';
import { simulate } from './world.js';

const SEEDS = 300;
const THREADS = Math.max(2, Math.min(4, availableParallelism()));

async function run(range: SeedRange): Promise<SeedsReport> {
  const worker = new Worker(new URL('./seeds-worker.js', import.meta.url), { workerData: range });
  const [report] = (await once(worker, 'message')) as [SeedsReport];
  return report;
}

describe('the simulated world', () => {
  it('tells the same history for the same seed, and another for another', async () => {
    const first = await simulate(7, SCENARIOS['base']!);
    const again = await simulate(7, SCENARIOS['base']!);
    const other = await simulate(8, SCENARIOS['base']!);
    expect(again.trace).to.equal(first.trace);
    expect(other.trace).not.to.equal(first.trace);
    expect(first.acknowledged).to.be.greaterThan(20);
  });

  it('goes on in one generation where a log that was wiped was begun by somebody without memory', async () => {
    // an empty log had no record that ended it: two primaries led, each in its own generation
    expect((await simulate(78, SCENARIOS['lost']!)).violations).to.deep.equal([]);
  });

  it('leaves a lost log in which a late record stands where its position happened to fit', async () => {
    // nobody could read up to its end, and every try to end it only made it longer
    expect((await simulate(30, SCENARIOS['lost']!)).violations).to.deep.equal([]);
  });

  it(`loses nothing, repeats nothing and heals in ${SEEDS} seeds of faults`, async function () {
    this.timeout(300_000);
    const ranges = Array.from({ length: THREADS }, (_, i) => ({ first: 1 + i, count: SEEDS - i, step: THREADS }));
    const reports = await Promise.all(ranges.map(run));
    const failures = reports.flatMap((report) => report.failures);
    const told = failures.map(({ seed, scenario, violations }) => `seed ${seed} (${scenario}): ${violations[0] ?? ''}`);
    expect(told).to.deep.equal([]);
    const sum = (name: 'seeds' | 'acknowledged' | 'merges' | 'faults' | 'expired'): number =>
      reports.reduce((total, report) => total + report[name], 0);
    expect(sum('seeds')).to.equal(SEEDS);
    // the world did what it is for
    expect(sum('acknowledged')).to.be.greaterThan(SEEDS * 40);
    expect(sum('merges')).to.be.greaterThan(SEEDS);
    expect(sum('faults')).to.be.greaterThan(SEEDS);
    expect(sum('expired')).to.be.greaterThan(SEEDS / 20);
  });
});
