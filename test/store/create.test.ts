/** A session is created from attributes or from an instance, once for each id, and is then what every process opens. */
import { expect } from 'chai';
import { defineSession } from '../../src/index.js';
import { refused } from './refused.js';
import { Bag, Cart, Counter, LineItem, SESSIONS, item } from './sessions.js';
import { clusterOf, inBothWorlds } from './world.js';

class Undecorated {
  declare readonly ['__proto__']: unknown;
  plain = 1;
}

class Odd {
  constructor() {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      Object.defineProperty(this, name, { value: undefined, writable: true, enumerable: true, configurable: true });
    }
  }
}
defineSession(Odd, { name: 'odd', mutable: ['__proto__', 'constructor', 'toString'] });

inBothWorlds('create', (world) => {
  const cluster = clusterOf(world, 2, { sessions: [...SESSIONS, Odd], backups: 1 });
  const [here, there] = [(): ReturnType<typeof store> => store(0), (): ReturnType<typeof store> => store(1)];
  const store = (i: number) => cluster().stores[i]!;

  it('makes an instance of the class, runs its constructor, and assigns the attributes', async () => {
    const cart = await here().create(Cart, { customerId: 'c-42', coupon: 'SAVE10' });
    expect(cart).to.be.instanceOf(Cart);
    expect(cart).to.include({ customerId: 'c-42', coupon: 'SAVE10', total: 0 });
    expect(here().versionOf(cart)).to.equal(1);
  });

  it('is seen from another process with everything that it holds', async () => {
    const cart = await here().create(Cart, { customerId: 'c-42', items: [item('tea', 2)], notes: new Map([['gift', 'yes']]) });
    const again = await there().open(Cart, here().idOf(cart));
    expect(again).to.be.instanceOf(Cart).and.not.equal(cart);
    expect(again).to.deep.equal(cart);
    expect(again!.items[0]).to.be.instanceOf(LineItem);
  });

  it('adopts literals into the declared types', async () => {
    const cart = await here().create(Cart, { customerId: 'c-42', items: [{ sku: 'tea' }, { sku: 'jam', qty: 3 }] });
    expect(cart.items[0]).to.be.instanceOf(LineItem).and.to.include({ sku: 'tea', qty: 1 });
    const again = await there().open(Cart, here().idOf(cart));
    expect(again!.items[1]).to.be.instanceOf(LineItem).and.to.include({ sku: 'jam', qty: 3 });
  });

  it('takes an instance of the application, and then knows that very instance', async () => {
    const cart = Object.assign(new Cart(), { customerId: 'own' });
    cart.socket = { open: true };
    expect(await here().create(cart, { id: 'own instance' })).to.equal(cart);
    expect(here().idOf(cart)).to.equal('own instance');
    const again = await there().open(Cart, 'own instance');
    expect(again!.customerId).to.equal('own');
    expect(again!.socket, 'a transient attribute never leaves the process').to.equal(undefined);
    expect(cart.socket).to.deep.equal({ open: true });
    await refused(here().create(cart), 'SESSION_EXISTS', 'not-stored');
  });

  it('refuses a missing immutable attribute, an unknown one, and a class that was not given to connect', async () => {
    expect((await refused(here().create(Cart, {}), 'ATTRIBUTE_MISSING', 'not-stored')).message).to.include('customerId');
    expect(
      (await refused(here().create(Cart, { customerId: 'c', colour: 'red' } as never), 'ATTRIBUTE_UNKNOWN', 'not-stored'))
        .message,
    ).to.include('colour');
    expect((await refused(here().create(Undecorated), 'NOT_A_SESSION', 'not-stored')).message).to.include('Cart');
    expect(
      (await refused(here().create(Object.assign(new Cart(), {}), { id: 'lacks' }), 'ATTRIBUTE_MISSING', 'not-stored')).message,
    ).to.include('customerId');
    expect(await there().open(Cart, 'lacks')).to.equal(undefined);
  });

  it('refuses what cannot be replicated, with the path, before anything is published', async () => {
    const error = await refused(
      here().create(Bag, { value: { deep: [1, () => 2] } }, { id: 'function' }),
      'VALUE_UNSUPPORTED',
      'not-stored',
    );
    expect(error.message).to.include('value.deep[1]');
    expect(await there().open(Bag, 'function')).to.equal(undefined);
  });

  it('makes immutable attributes non-writable once it has resolved, and in every instance that is opened', async () => {
    const cart = await here().create(Cart, { customerId: 'c-42', items: [item('tea', 1)] });
    const again = (await there().open(Cart, here().idOf(cart)))!;
    for (const each of [cart, again]) {
      expect(() => (each.customerId = 'other')).to.throw(TypeError);
      expect(() => (each.items[0]!.sku = 'other')).to.throw(TypeError);
      each.items[0]!.qty = 7;
    }
  });

  it('gives ids of its own that nobody can guess, whose partition is led here', async () => {
    const ids = new Set<string>();
    for (let i = 0; i < 10; i++) ids.add(here().idOf(await here().create(Counter)));
    expect(ids.size).to.equal(10);
    for (const id of ids) expect(id).to.match(/^[0-9A-Za-z]{22,}$/);
  });

  const ids = [
    'a.b.*.>',
    '>',
    ' ',
    'line\nbreak',
    '\u0000',
    'Grüße 👩‍👩‍👧 日本',
    '🦊',
    '__proto__',
    'constructor',
    '../../etc',
    'x'.repeat(512),
    '🦊'.repeat(128),
  ];
  for (const id of ids) {
    it(`takes the id ${JSON.stringify(id.slice(0, 20))} of ${Buffer.byteLength(id)} bytes`, async () => {
      const counter = await here().create(Counter, { count: 1 }, { id });
      counter.count = 2;
      await here().commit(counter);
      expect((await there().open(Counter, id))!.count).to.equal(2);
      expect(await there().destroy(Counter, id)).to.equal(true);
    });
  }

  it('refuses an id that is none', async () => {
    for (const id of ['', 'x'.repeat(513), '🦊'.repeat(129), '\ud800', 7, null]) {
      const error = await refused(here().create(Counter, {}, { id: id as never }), 'OPTION_INVALID', 'not-stored');
      expect(error.message).to.include('512 bytes');
    }
  });

  it('makes a session once: the second create of an id is SESSION_EXISTS, from whichever process', async () => {
    await here().create(Counter, { count: 1 }, { id: 'twice' });
    for (const each of [here(), there()])
      await refused(each.create(Counter, { count: 2 }, { id: 'twice' }), 'SESSION_EXISTS', 'not-stored');
    await refused(here().create(Bag, {}, { id: 'twice' }), 'SESSION_EXISTS', 'not-stored');
    expect((await there().open(Counter, 'twice'))!.count).to.equal(1);
  });

  it('of many at once exactly one makes the session', async () => {
    const tries = Array.from({ length: 8 }, (_, i) => [here(), there()][i % 2]!.create(Counter, { count: i }, { id: 'race' }));
    const results = await Promise.allSettled(tries);
    expect(results.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
    const winner = results.findIndex(({ status }) => status === 'fulfilled');
    expect((await here().open(Counter, 'race'))!.count).to.equal(winner);
  });

  it('treats attributes and keys named __proto__ and constructor as data', async () => {
    const odd = await here().create(Object.assign(new Odd(), {}), { id: 'odd' });
    const set = (name: string, value: unknown): unknown =>
      Object.defineProperty(odd, name, { value, writable: true, enumerable: true, configurable: true });
    set('__proto__', { polluted: 1 });
    set('constructor', JSON.parse('{"__proto__": {"polluted": 2}}'));
    await here().commit(odd);
    const again = (await there().open(Odd, 'odd'))!;
    expect(Object.getPrototypeOf(again)).to.equal(Odd.prototype);
    const own = (object: object, name: string): unknown => Object.getOwnPropertyDescriptor(object, name)?.value;
    expect(own(again, '__proto__')).to.deep.equal({ polluted: 1 });
    const inner = own(again, 'constructor') as object;
    expect(Object.getPrototypeOf(inner)).to.equal(Object.prototype);
    expect(own(inner, '__proto__')).to.deep.equal({ polluted: 2 });
    expect(({} as { polluted?: number }).polluted).to.equal(undefined);
  });

  it('knows no object that is not a session of this store', async () => {
    const cart = await here().create(Cart, Cart.init);
    for (const other of [Object.assign({}, cart), new Cart(), null, 7])
      expect(() => here().idOf(other as object)).to.throw('NOT_OPEN');
    expect(() => there().idOf(cart)).to.throw('NOT_OPEN');
    await refused(there().commit(cart), 'NOT_OPEN', 'not-stored');
  });
});
