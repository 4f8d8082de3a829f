import { expect } from 'chai';
import type { Message } from '../../src/node/message.js';
import { inBothWorlds } from '../store/world.js';
import { harvest, type Harvest } from './harvest.js';
import { fuzzListeners, PLACES } from './listeners.js';

/** A million in CI's time is `npm run fuzz -- --listeners --runs 1000000`. */
const RUNS = 1_000;
const SEED = 20_260_102;
/** A new kind of message must be among the seeds, too. */
const KINDS: Readonly<Record<Message['kind'], true>> = {
  heartbeat: true,
  operate: true,
  read: true,
  list: true,
  probe: true,
  status: true,
  recall: true,
  report: true,
  invite: true,
  release: true,
  batch: true,
};

inBothWorlds('what strangers say to a live cluster', (world) => {
  let seeds: Harvest;
  before(async () => {
    seeds = await harvest(SEED);
  });

  it('loses nothing, stops nobody, makes nothing grow and begins no generation', async () => {
    const { runs, said, refused, reads, kinds } = await fuzzListeners(world(), seeds, SEED, RUNS);
    expect(runs).to.equal(RUNS);
    const places = PLACES.filter((place) => place !== 'frame' || world().server !== undefined);
    for (const place of places) expect(said[place], place).to.be.greaterThan(RUNS / 50);
    expect(refused, 'most damage is seen').to.be.greaterThan(said.request / 2);
    expect(reads, 'who asks meanwhile is answered').to.be.greaterThan(0);
    expect([...kinds], 'whatever nodes listen to').to.have.members(Object.keys(KINDS));
  });
});
