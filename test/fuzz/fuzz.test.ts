import { expect } from 'chai';
import { CASES } from './cases.js';
import { fuzz } from './fuzz.js';
import { harvest, type Harvest } from './harvest.js';
import { attempt, BrokenDecoder, targetsOf, type Target } from './targets.js';

/** A million in CI's time is `npm run fuzz -- --runs 1000000`. */
const RUNS = 4_000;
const SEED = 20_260_101;

describe('damaged bytes', function () {
  this.timeout(120_000);
  let seeds: Harvest;
  before(async () => {
    seeds = await harvest(SEED);
  });

  it('of every kind that processes write and say are harvested', () => {
    for (const target of targetsOf(seeds)) {
      expect(target.seeds.length, target.name).to.be.greaterThan(5);
      for (const bytes of target.seeds.slice(0, 20)) {
        // a delta is tried on any of the states, not only on its own
        if (target.name !== 'delta')
          expect(attempt(target, bytes), `${target.name} ${Buffer.from(bytes).toString('hex')}`).to.equal(true);
      }
    }
  });

  for (const name of ['snapshot', 'opened snapshot', 'delta', 'record', 'stored session', 'message', 'reply']) {
    it(`are taken as a valid ${name} or refused with a typed error`, () => {
      const target = targetsOf(seeds).find((each) => each.name === name)!;
      const tally = fuzz(target, SEED, RUNS, () => performance.now());
      expect(tally.findings).to.deep.equal([]);
      expect(tally.runs).to.equal(RUNS);
      expect(tally.taken, 'some damage does no harm').to.be.greaterThan(0);
      expect(tally.taken, 'most damage is seen').to.be.lessThan(RUNS / 2);
    });
  }

  it('that were a finding once are none any more', () => {
    const targets = targetsOf(seeds);
    for (const { target, bytes } of CASES)
      attempt(
        targets.find(({ name }) => name === target)!,
        Buffer.from(bytes, 'hex'),
      );
  });

  describe('find a decoder that', () => {
    const broken = (run: Target['run']): Target => ({ name: 'broken', seeds: [Buffer.from('abcdefgh')], sealed: false, run });
    const findings = (run: Target['run']): readonly unknown[] => fuzz(broken(run), 1, 3_000, () => performance.now()).findings;

    it('throws what is not typed', () => {
      expect(findings((bytes) => void 'x'.repeat(12 - bytes.byteLength))).to.have.length.above(0);
    });
    it('changes a shared prototype', () => {
      const run = (bytes: Uint8Array): void => {
        if (bytes.byteLength === 3) (Array.prototype as { polluted?: boolean }).polluted = true;
      };
      try {
        expect(findings(run)).to.have.length.above(0);
      } finally {
        delete (Array.prototype as { polluted?: boolean }).polluted;
      }
    });
    it('writes to its input', () => {
      expect(findings((bytes) => void (bytes[0] = bytes[0] === 0x61 ? 0x62 : bytes[0]!))).to.have.length.above(0);
    });
    it('takes what does not survive being sent on', () => {
      const run = (bytes: Uint8Array): void => {
        if (bytes.includes(0x80)) throw new BrokenDecoder('as the targets say it');
      };
      expect(findings(run)).to.have.length.above(0);
    });
  });
});
