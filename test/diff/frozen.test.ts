/** The application may freeze what it holds; a delta for it is an error, whole, and a refresh the way out. */
import { expect } from 'chai';
import 'reflect-metadata';
import { Benchmark, Replica } from '../../src/diff/index.js';
import { Immutable } from '../../src/model/immutable.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { difference } from './topology.js';

class Step {
  @Immutable() tool = 'search';
  @Mutable() done = false;
}

@Session({ name: 'frozen' })
class Plan {
  @Mutable() first = 1;
  @Mutable() options: Record<string, unknown> = { a: 1 };
  @Mutable() list: unknown[] = [1, 2];
  @Mutable(() => Step) step = new Step();
  @Mutable() map = new Map([[1, 'one']]);
  @Mutable() date = new Date(0);
  @Mutable() last = 1;
}

type Act = (plan: Plan) => unknown;

describe('a delta for an object that is', () => {
  const refused: [string, Act, Act][] = [
    ['frozen: a key', ({ options }) => Object.freeze(options), ({ options }) => (options['a'] = 2)],
    ['sealed: another key', ({ options }) => Object.seal(options), ({ options }) => (options['b'] = 2)],
    ['sealed: a key less', ({ options }) => Object.seal(options), ({ options }) => delete options['a']],
    ['not extensible: another key', ({ options }) => Object.preventExtensions(options), ({ options }) => (options['b'] = 2)],
    ['frozen: an element', ({ list }) => Object.freeze(list), ({ list }) => (list[0] = 9)],
    ['frozen: a longer array', ({ list }) => Object.freeze(list), ({ list }) => list.push(3)],
    ['sealed: a shorter array', ({ list }) => Object.seal(list), ({ list }) => list.pop()],
    ['frozen: an attribute', ({ step }) => Object.freeze(step), ({ step }) => (step.done = true)],
  ];
  for (const [name, freeze, change] of refused) {
    it(`${name}: an error before anything is written, and a refresh makes it good`, () => {
      const plan = new Plan();
      const benchmark = Benchmark.of(plan);
      const replica = Replica.restore(Plan, benchmark.snapshot());
      const before = replica.snapshot();
      freeze(replica.instance);
      [plan.first, plan.last] = [7, 8];
      change(plan);
      const delta = benchmark.diff(plan)!;
      let error: unknown;
      try {
        replica.apply(delta);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).to.be.instanceOf(TwinstateError);
      expect((error as TwinstateError).code).to.equal('VALUE_UNSUPPORTED');
      expect([replica.instance.first, replica.instance.last]).to.deep.equal([1, 1]);
      expect(Buffer.compare(replica.snapshot(), before)).to.equal(0);

      replica.graph.sync(benchmark.snapshot());
      expect(difference(plan, replica.instance)).to.equal(undefined);
      plan.first = 9;
      change(plan);
      const next = benchmark.diff(plan)!;
      replica.apply(next);
      expect(difference(plan, replica.instance)).to.equal(undefined);
    });
  }

  const taken: [string, Act, Act][] = [
    ['sealed: a value', ({ options }) => Object.seal(options), ({ options }) => (options['a'] = 2)],
    ['sealed: an element', ({ list }) => Object.seal(list), ({ list }) => (list[0] = 9)],
    ['sealed: an attribute', ({ step }) => Object.seal(step), ({ step }) => (step.done = true)],
    ['frozen: an entry of a Map, which freezing does not hold', ({ map }) => Object.freeze(map), ({ map }) => map.set(2, 'two')],
    ['frozen: a time, likewise', ({ date }) => Object.freeze(date), ({ date }) => date.setTime(5)],
    ['frozen, and does not change', ({ options }) => Object.freeze(options), () => {}],
  ];
  for (const [name, freeze, change] of taken) {
    it(`${name}: arrives`, () => {
      const plan = new Plan();
      const benchmark = Benchmark.of(plan);
      const replica = Replica.restore(Plan, benchmark.snapshot());
      freeze(replica.instance);
      plan.first = 7;
      change(plan);
      replica.apply(benchmark.diff(plan)!);
      expect(difference(plan, replica.instance)).to.equal(undefined);
    });
  }
});
