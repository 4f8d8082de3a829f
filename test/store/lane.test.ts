/** Tasks of one key in turn, tasks of several side by side. */
import { expect } from 'chai';
import { TwinstateError } from '../../src/shared/errors.js';
import { Lanes } from '../../src/store/lane.js';
import type { Bound } from '../../src/store/lane.js';

class Gate {
  open!: () => void;
  readonly passed = new Promise<void>((resolve) => (this.open = resolve));
}

/** A bound that ends when the test says so. */
class Hand implements Bound {
  #end: ((why: TwinstateError) => void) | undefined;

  onEnd(_doing: string, _outcome: unknown, fn: (why: TwinstateError) => void): () => void {
    this.#end = fn;
    return () => (this.#end = undefined);
  }

  end(): void {
    this.#end?.(new TwinstateError('TIMEOUT', 'the time is up'));
  }
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

describe('lanes', () => {
  it('begin a task at once where its key is idle, and the next when it has ended, however that was', async () => {
    const lanes = new Lanes<string>();
    const gate = new Gate();
    const order: string[] = [];
    const first = lanes.run('a', async () => {
      order.push('first');
      await gate.passed;
      throw new Error('it fails');
    });
    expect(order).to.deep.equal(['first']);
    const second = lanes.run('a', async () => order.push('second'));
    const third = lanes.run('a', async () => order.push('third'));
    await lanes.run('b', async () => order.push('other'));
    expect(order).to.deep.equal(['first', 'other']);
    gate.open();
    const error = await first.catch((caught: unknown) => caught);
    expect((error as Error).message).to.equal('it fails');
    await Promise.all([second, third]);
    expect(order).to.deep.equal(['first', 'other', 'second', 'third']);
  });

  it('never begin a task whose caller has given up, and keep the turns of those behind it', async () => {
    const lanes = new Lanes<string>();
    const gate = new Gate();
    const order: string[] = [];
    const first = lanes.run('a', () => gate.passed);
    const hand = new Hand();
    const second = lanes.run('a', async () => order.push('second'), hand);
    const third = lanes.run('a', async () => order.push('third'), new Hand());
    hand.end();
    const error = await second.catch((caught: unknown) => caught);
    expect((error as TwinstateError).code).to.equal('TIMEOUT');
    await turns();
    expect(order, 'the first still runs').to.deep.equal([]);
    gate.open();
    await Promise.all([first, third]);
    expect(order).to.deep.equal(['third']);
  });

  it('that were entered without a promise keep others waiting until they are left', async () => {
    const lanes = new Lanes<string>();
    expect(lanes.enter('a')).to.equal(true);
    expect(lanes.enter('a'), 'taken').to.equal(false);
    const order: string[] = [];
    const second = lanes.run('a', async () => order.push('second'));
    await turns();
    expect(order).to.deep.equal([]);
    lanes.leave('a');
    await second;
    await lanes.idle();
    expect(order).to.deep.equal(['second']);
    expect(lanes.enter('a'), 'idle again').to.equal(true);
  });

  it('are idle once all that was given has ended, and not before', async () => {
    const lanes = new Lanes<string>();
    const gates = [new Gate(), new Gate()];
    let idle = false;
    const runs = gates.map((gate, i) => lanes.run(`${i}`, () => gate.passed));
    const waited = lanes.idle().then(() => (idle = true));
    gates[0]!.open();
    await turns();
    expect(idle).to.equal(false);
    gates[1]!.open();
    await Promise.all([...runs, waited]);
    await lanes.idle();
    expect(idle).to.equal(true);
  });
});
