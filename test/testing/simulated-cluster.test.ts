/** The simulated cluster that `twinstate/testing` offers: takeovers in a user's own test, in virtual time. */
import 'reflect-metadata';
import { expect } from 'chai';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { SimulatedCluster } from '../../src/testing/simulated-cluster.js';

@Session({ name: 'basket' })
class Basket {
  @Mutable() items: string[] = [];
}

const OPTIONS = { sessions: [Basket], backups: 1, partitions: 2 };

describe('a simulated cluster', () => {
  let cluster: SimulatedCluster;

  beforeEach(() => {
    cluster = new SimulatedCluster(OPTIONS);
  });

  afterEach(() => cluster.end());

  /** Two nodes, and a session that was committed by the first. */
  async function two(): Promise<{ first: Awaited<ReturnType<SimulatedCluster['start']>>; id: string; second: typeof first }> {
    const first = await cluster.start('first');
    const second = await cluster.start('second');
    await cluster.advance(2_000);
    const basket = await cluster.until(first.create(Basket));
    basket.items.push('tea');
    await cluster.until(first.commit(basket));
    return { first, second, id: first.idOf(basket) };
  }

  it('keeps an acknowledged commit where the node that led it crashes', async () => {
    const { second, id } = await two();
    cluster.crash('first');
    const items = await cluster.until(second.update(Basket, id, (basket) => [...basket.items, basket.items.push('cup')]));
    expect(items).to.deep.equal(['tea', 2]);
    const again = await cluster.start('first');
    expect((await cluster.until(again.open(Basket, id, { consistency: 'strong' })))?.items).to.deep.equal(['tea', 'cup']);
  });

  it('lets a paused and a cut off node go on where the others have got to', async () => {
    const { first, second, id } = await two();
    for (const [fault, cure] of [
      [(): void => cluster.pause('first'), (): void => cluster.resume('first')],
      [(): void => cluster.cut('first'), (): void => cluster.mend('first')],
    ] as const) {
      fault();
      await cluster.until(second.update(Basket, id, (basket) => void basket.items.push('pot')));
      cure();
      await cluster.advance(3_000);
      const seen = await cluster.until(first.open(Basket, id, { consistency: 'strong' }));
      const there = await cluster.until(second.open(Basket, id, { consistency: 'strong' }));
      expect(seen?.items).to.deep.equal(there?.items);
    }
  });

  it('does the same things at the same times for the same seed', async () => {
    const times: number[] = [];
    for (const seed of [5, 5, 6]) {
      cluster.end();
      cluster = new SimulatedCluster({ ...OPTIONS, seed });
      const { second, id } = await two();
      cluster.crash('first');
      await cluster.until(second.update(Basket, id, (basket) => void basket.items.push('cup')));
      times.push(cluster.nowMs);
    }
    expect(times[1]).to.equal(times[0]);
  });

  it('says so where time is up, and where a name is wrong', async () => {
    await cluster.start('only');
    const forever = new Promise(() => undefined);
    const error = await cluster.until(forever, 50).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(TwinstateError).with.property('code', 'TIMEOUT');
    expect(() => cluster.crash('onyl'))
      .to.throw(TwinstateError)
      .with.property('code', 'OPTION_INVALID');
    const twice = await cluster.start('only').catch((reason: unknown) => reason);
    expect(twice).to.have.property('code', 'OPTION_INVALID');
  });
});
