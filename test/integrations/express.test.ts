import { expect } from 'chai';
import type { SessionStore } from '../../src/index.js';
import { express } from '../../src/integrations/express.js';
import { CASES, type StorePair } from './compliance.js';
import { ours } from './stores.js';

describe('twinstate/express', function () {
  this.timeout(60_000);
  let pair: StorePair;
  before(async () => {
    pair = await ours();
  });
  after(() => pair.close());

  for (const { group, name, run } of CASES) it(`${group}: ${name}`, () => run(pair));

  it('refuses what is no session class', () => {
    expect(() => express({ store: {} as SessionStore, session: class {} })).to.throw(/NOT_A_SESSION/);
  });
});
