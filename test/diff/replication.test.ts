import { tryGraphs } from './random-graphs.js';

const RUNS = Number(process.env['DIFF_RUNS'] ?? 2000);

describe('a replica of a random object graph', () => {
  it('equals the primary after every delta, identities included, and both encode to the same bytes', function () {
    this.timeout(0);
    tryGraphs(RUNS);
  });
});
