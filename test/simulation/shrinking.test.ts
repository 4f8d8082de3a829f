/** A failing seed becomes a story that people can read: shown on a client of the log that takes silence for a refusal. */
import { expect } from 'chai';
import { MemoryLog } from '../../src/engine/memory/memory-log.js';
import { parseRestraint, printRestraint } from './restraint.js';
import { SCENARIOS } from './scenario.js';
import { shrink } from './shrinking.js';
import { storyOf } from './story.js';
import { simulate } from './world.js';

const SCENARIO = { ...SCENARIOS['base']!, faultsMs: 2_000 };
const KIND = 'reported as not stored, but stored';
const TRIES_MAX = 70;

describe('shrinking a history', () => {
  const { append } = MemoryLog.prototype;
  let seed = 1;

  before(async function () {
    this.timeout(300_000);
    // that nobody answered is taken for a refusal
    MemoryLog.prototype.append = async function (partition, expected, record) {
      const result = await append.call(this, partition, expected, record);
      return result.outcome === 'unknown' ? { outcome: 'refused', reason: 'full' } : result;
    };
    while (!(await simulate(seed, SCENARIO)).violations.some((violation) => violation.startsWith(KIND))) seed++;
  });

  after(() => {
    MemoryLog.prototype.append = append;
  });

  it('leaves a story of few faults that still fails, and that replays to the same trace', async function () {
    this.timeout(600_000);
    const shrunk = (await shrink(seed, SCENARIO, {}, undefined, TRIES_MAX))!;
    expect(shrunk.faultsBefore).to.be.greaterThan(15);
    expect(shrunk.report.struck.length).to.be.lessThan(shrunk.faultsBefore / 4);
    expect(shrunk.report.violations.join('\n')).to.include(KIND);

    const story = await storyOf(seed, SCENARIO, shrunk);
    expect(story).to.include(`violated: ${shrunk.report.violations[0]}`).and.include(`trace ${shrunk.report.trace}`);
    for (const { name } of shrunk.report.struck) expect(story).to.include(`(${name})`);
  });

  it('has nothing to tell of a seed that holds', async () => {
    MemoryLog.prototype.append = append;
    expect(await shrink(seed, SCENARIO)).to.equal(undefined);
  });

  it('writes what is left out as the command line takes it', () => {
    const restraint = { keep: new Set(['#3', 'append.n0.7']), faultsMs: 900, silent: new Set(['c0']), diaries: 1 };
    expect(printRestraint(restraint)).to.equal("--keep '#3,append.n0.7' --faults-ms 900 --silent c0 --diaries 1");
    expect(parseRestraint({ keep: '#3,append.n0.7', 'faults-ms': '900', silent: 'c0', diaries: '1' })).to.deep.equal(restraint);
  });
});
