/** An audit finds what was changed inside an immutable attribute, which no comparison looks into. */
import 'reflect-metadata';
import { expect } from 'chai';
import { connect, Immutable, Mutable, Session } from '../../src/index.js';
import type { SessionStore } from '../../src/index.js';
import { refused } from './refused.js';

class Clause {
  @Immutable() since = new Date(0);
  @Mutable() text = '';
}

@Session({ name: 'contract' })
class Contract {
  @Immutable() terms!: { price: number; parts: unknown[]; by: Map<unknown, unknown>; on: Set<unknown> };
  @Immutable() bytes = Buffer.from('abc');
  @Immutable() seen: Date = new Date(5);
  @Immutable({ sensitive: true }) secret = { pin: [1, 2] };
  @Immutable({ type: () => Clause }) first!: Clause;
  @Mutable({ type: () => Clause }) clauses: Clause[] = [];
  @Mutable() note = '';
}

function contract(): Contract {
  const clause = new Clause();
  const terms = { price: 1, parts: [{ deep: [1] }, , 2], by: new Map<unknown, unknown>([['a', { n: 1 }]]), on: new Set(['x']) }; // oxlint-disable-line no-sparse-arrays
  return Object.assign(new Contract(), { terms, first: clause, clauses: [clause, new Clause()] });
}

describe('an audit of immutable attributes', () => {
  let store: SessionStore;
  before(async () => void (store = await connect({ sessions: [Contract], audit: true })));
  after(() => store.close());

  const changes: Record<string, (of: Contract) => unknown> = {
    'terms.price': (of) => (of.terms.price = 2),
    'terms.parts[0].deep[0]': (of) => ((of.terms.parts[0] as { deep: number[] }).deep[0] = 9),
    'terms.parts[1]': (of) => (of.terms.parts[1] = undefined),
    'terms.parts': (of) => of.terms.parts.push(3),
    'terms.by.get("a").n': (of) => ((of.terms.by.get('a') as { n: number }).n = 2),
    'terms.by': (of) => of.terms.by.set('b', 1),
    'terms.on.values()[0]': (of) => (of.terms.on.clear(), of.terms.on.add('y')),
    'terms.constructor': (of) => Object.assign(of.terms, { constructor: 1 }),
    'terms.on': (of) => Reflect.deleteProperty(of.terms, 'on') && Object.assign(of.terms, { on: [] }),
    bytes: (of) => (of.bytes[0] = 0),
    seen: (of) => of.seen.setTime(6),
    secret: (of) => of.secret.pin.push(3),
    'clauses[1].since': (of) => of.clauses[1]!.since.setTime(1),
  };

  for (const [path, change] of Object.entries(changes)) {
    it(`names ${path}`, async () => {
      const instance = await store.create(contract());
      change(instance);
      const error = await refused(store.commit(instance), 'IMMUTABLE_CHANGED', 'not-stored');
      expect(error.path).to.equal(path);
      instance.note = 'and more';
      await refused(store.commit(instance), 'IMMUTABLE_CHANGED', 'not-stored');
      await refused(store.commit(instance), 'STALE_INSTANCE', 'not-stored');
      await store.refresh(instance);
      expect(instance, 'all of it is back').to.deep.equal(contract());
      instance.note = 'now';
      expect((await store.commit(instance)).version).to.equal(2);
    });
  }

  it('finds nothing where only mutable attributes changed, those of shared objects too', async () => {
    const instance = await store.create(contract());
    instance.first.text = 'reached as clauses[0] as well';
    instance.clauses.push(new Clause());
    instance.note = 'x';
    expect((await store.commit(instance)).version).to.equal(2);
    const other = (await store.open(Contract, store.idOf(instance)))!;
    expect(other.first.text).to.equal('reached as clauses[0] as well');
    expect((await store.commit(other)).bytes).to.equal(0);
  });

  it('is made only where it is asked for', async () => {
    const quiet = await connect({ sessions: [Contract] });
    const instance = await quiet.create(contract());
    instance.terms.price = 3;
    expect((await quiet.commit(instance)).bytes).to.equal(0);
    await quiet.close();
    await refused(connect({ sessions: [Contract], audit: 1 as never }), 'OPTION_INVALID');
  });
});
