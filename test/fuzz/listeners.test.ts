import { expect } from 'chai';
import { inBothWorlds } from '../store/world.js';
import { harvest, type Harvest } from './harvest.js';
import { fuzzListeners } from './listeners.js';

/** Many more: `npm run fuzz -- --listeners --runs 100000`. */
const RUNS = 500;
const SEED = 20_260_102;

inBothWorlds('what strangers say to a live cluster', (world) => {
  let seeds: Harvest;
  before(async () => {
    seeds = await harvest(SEED);
  });

  it('loses nothing, stops nobody, makes nothing grow and begins no generation', async () => {
    const { runs, said, refused } = await fuzzListeners(world(), seeds, SEED, RUNS);
    expect(runs).to.equal(RUNS);
    for (const [place, count] of Object.entries(said)) expect(count, place).to.be.greaterThan(RUNS / 20);
    expect(refused, 'most damage is seen').to.be.greaterThan(said.request / 2);
  });
});
