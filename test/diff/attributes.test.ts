import { expect } from 'chai';
import 'reflect-metadata';
import { Benchmark, Replica } from '../../src/diff/index.js';
import { defineSession } from '../../src/model/define-session.js';
import { Immutable } from '../../src/model/immutable.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { difference } from './topology.js';

class Decimal {
  constructor(readonly digits: string) {}
}

const decimalCodec = {
  encode: (value: Decimal) => Buffer.from(value.digits),
  decode: (bytes: Uint8Array) => new Decimal(Buffer.from(bytes).toString()),
};

@Session({ name: 'coded' })
class Coded {
  @Mutable({ codec: decimalCodec }) price: Decimal | undefined = new Decimal('1.00');
  @Mutable({ diff: 'binary' }) image: unknown = Buffer.alloc(1000);
  @Mutable({ diff: 'binary' }) rows: unknown = [];
  @Immutable({ codec: decimalCodec }) first = new Decimal('0');
  @Mutable() shared: unknown;
}

describe('an attribute that is compared as bytes', () => {
  it('goes through its codec; undefined never does', () => {
    const coded = new Coded();
    const benchmark = Benchmark.of(coded);
    const replica = Replica.restore(Coded, benchmark.snapshot());
    expect(replica.instance.price).to.be.instanceOf(Decimal);
    coded.price = new Decimal('2.50');
    replica.apply(benchmark.diff(coded)!);
    expect(replica.instance.price?.digits).to.equal('2.50');
    coded.price = new Decimal('2.50');
    expect(benchmark.diff(coded)).to.equal(null);
    coded.price = undefined;
    replica.apply(benchmark.diff(coded)!);
    expect(replica.instance.price).to.equal(undefined);
    expect(Buffer.from(replica.snapshot()).equals(benchmark.snapshot())).to.equal(true);
  });

  it('sends the changed portions, or the whole where that is smaller', () => {
    const coded = new Coded();
    const benchmark = Benchmark.of(coded);
    const replica = Replica.restore(Coded, benchmark.snapshot());
    (coded.image as Buffer)[17] = 1;
    (coded.image as Buffer)[900] = 1;
    const portions = benchmark.diff(coded)!;
    expect(portions.byteLength).to.be.lessThan(20);
    replica.apply(portions);
    expect(replica.instance.image).to.deep.equal(coded.image);
    coded.image = Buffer.alloc(1003, 7);
    const whole = benchmark.diff(coded)!;
    expect(whole.byteLength).to.be.within(1003, 1060);
    replica.apply(whole);
    expect(replica.instance.image).to.deep.equal(coded.image);
  });

  it('keeps identities inside it, and none across its border', () => {
    const coded = new Coded();
    const inner: Record<string, unknown> = { when: new Date(1) };
    inner['self'] = inner;
    coded.rows = [inner, inner, new Map([[inner, 1]])];
    coded.shared = inner;
    const replica = Replica.restore(Coded, Benchmark.of(coded).snapshot());
    expect(difference(coded.rows, replica.instance.rows)).to.equal(undefined);
    expect((replica.instance.rows as unknown[])[0]).not.to.equal(replica.instance.shared);
  });

  it('names the path of what it cannot hold', () => {
    const coded = new Coded();
    coded.rows = [() => 1];
    expect(() => Benchmark.of(coded)).to.throw(TwinstateError, /VALUE_UNSUPPORTED.*rows\[0\]/);
  });
});

@Session({ name: 'access' })
class Access {
  #celsius = 0;
  writes = 0;
  @Mutable()
  get celsius(): number {
    return this.#celsius;
  }
  set celsius(value: number) {
    this.writes++;
    this.#celsius = value;
  }
}

class Money {
  static made = 0;
  @Immutable() currency: string;
  @Mutable() cents: number;
  @Mutable() owner: unknown;
  constructor(currency: string, cents: number) {
    this.currency = currency;
    this.cents = cents;
  }
}
Session({ name: 'money', make: (a) => { Money.made++; return new Money(a['currency'] as string, a['cents'] as number); } })(Money); // prettier-ignore

@Session({ name: 'purse' })
class Purse {
  @Mutable({ type: () => Money }) money: Money[] = [];
}

class Bag {
  [key: string]: unknown;
}
defineSession(Bag, { name: 'bag', mutable: '*', immutable: ['id'], transient: ['socket'] });

describe('classes of every kind', () => {
  it('with a getter and setter are read and written through them', () => {
    const primary = new Access();
    const benchmark = Benchmark.of(primary);
    const replica = Replica.restore(Access, benchmark.snapshot());
    primary.celsius = 21;
    replica.apply(benchmark.diff(primary)!);
    expect(replica.instance.celsius).to.equal(21);
    expect(Object.hasOwn(replica.instance, 'celsius')).to.equal(false);
    expect(replica.instance.writes).to.equal(1);
  });

  it('that are made by `make` get their attributes, cycles included', () => {
    const primary = new Purse();
    const coin = new Money('EUR', 5);
    coin.owner = { coins: [coin], purse: primary };
    primary.money.push(coin);
    const benchmark = Benchmark.of(primary);
    const replica = Replica.restore(Purse, benchmark.snapshot());
    expect(difference(primary, replica.instance)).to.equal(undefined);
    coin.cents = 7;
    primary.money.push(new Money('USD', 1));
    replica.apply(benchmark.diff(primary)!);
    expect(difference(primary, replica.instance)).to.equal(undefined);
    expect(replica.instance.money[1]).to.be.instanceOf(Money);
    expect(Money.made).to.be.at.least(2);
  });

  it('that are open hold any key, in order, and an immutable one that is not compared', () => {
    const primary = Object.assign(new Bag(), { id: 'b', z: 1, a: { deep: 1 } }) as Bag;
    primary['socket'] = () => 'never sent';
    const benchmark = Benchmark.of(primary);
    delete primary['socket'];
    const replica = Replica.restore(Bag, benchmark.snapshot());
    expect(difference(primary, replica.instance)).to.equal(undefined);
    primary['new'] = primary['a'];
    delete primary['z'];
    Object.defineProperty(primary, '__proto__', { value: 'data', enumerable: true, writable: true, configurable: true });
    replica.apply(benchmark.diff(primary)!);
    expect(difference(primary, replica.instance)).to.equal(undefined);
    expect(Object.keys(replica.instance)).to.deep.equal(['id', 'a', 'new', '__proto__']);
    expect(Buffer.from(replica.snapshot()).equals(benchmark.snapshot())).to.equal(true);
  });
});

@Session({ name: 'profile' })
class Old {
  @Immutable() id = 'p';
  @Mutable() name = 'Ann';
  @Mutable() dropped: unknown = { kept: [1] };
}

@Session({ name: 'profile' })
class New {
  @Immutable() id = 'p';
  @Immutable() since = 2024;
  @Mutable() name = '';
  @Mutable() language = 'en';
  @Mutable() hint: string | undefined;
}

class Old2 {
  @Mutable() x = 1;
}

@Session({ name: 'holder' })
class OldHolder {
  @Mutable({ type: () => Old2 }) value: unknown = new Old2();
}

@Session({ name: 'holder' })
class NewHolder {
  @Mutable() value: unknown;
}

describe('a class that changed between two releases', () => {
  it('takes the initialisers of attributes that are new, and tells everybody with the next delta', () => {
    const old = Benchmark.of(new Old());
    const snapshot = old.snapshot();
    const primary = Replica.restore(New, snapshot);
    expect(Object.assign({}, primary.instance)).to.deep.equal({
      id: 'p',
      since: 2024,
      name: 'Ann',
      language: 'en',
      hint: undefined,
    });
    primary.instance.language = 'de';
    const delta = primary.graph.diff()!;
    const backup = Replica.restore(New, snapshot);
    backup.apply(delta);
    expect(backup.instance.language).to.equal('de');
    expect(primary.graph.diff()).to.equal(null);
    expect(Buffer.from(backup.snapshot()).equals(primary.snapshot())).to.equal(true);
    expect(primary.graph.fingerprint).not.to.equal(old.graph.fingerprint);
  });

  it('tells everybody once, where the new attribute holds an object of the same class', () => {
    class OldStep {
      @Mutable() n = 1;
    }
    class NewStep {
      @Mutable() n = 1;
      @Mutable() next: unknown;
    }
    @Session({ name: 'way' })
    class OldWay {
      @Mutable({ type: { step: () => OldStep } }) first = new OldStep();
    }
    @Session({ name: 'way' })
    class NewWay {
      @Mutable({ type: { step: () => NewStep } }) first = new NewStep();
    }
    const primary = Replica.restore(NewWay, Benchmark.of(new OldWay()).snapshot());
    const backup = Replica.restore(NewWay, primary.snapshot());
    primary.instance.first.next = new NewStep();
    backup.apply(primary.graph.diff()!);
    expect(difference(primary.instance, backup.instance)).to.equal(undefined);
  });

  it('leaves the schema as it was where the comparison fails', () => {
    const snapshot = Benchmark.of(new Old()).snapshot();
    const { graph, instance } = Replica.restore(New, snapshot);
    (instance as { name: unknown }).name = Symbol('bad');
    instance.language = 'de';
    expect(() => graph.diff()).to.throw(TwinstateError, /VALUE_UNSUPPORTED/);
    expect(graph.encode()).to.deep.equal(snapshot);
    (instance as { hint: unknown }).hint = Symbol('bad');
    instance.name = 'Bob';
    expect(() => graph.diff()).to.throw(TwinstateError, /VALUE_UNSUPPORTED/);
    expect(graph.encode()).to.deep.equal(snapshot);
  });

  it('keeps attributes that it does not know, and passes them on', () => {
    const snapshot = Benchmark.of(new Old()).snapshot();
    const between = Replica.restore(New, snapshot);
    between.instance.name = 'Bob';
    const delta = between.graph.diff()!;
    const old = Replica.restore(Old, snapshot);
    old.apply(delta);
    expect(old.instance.name).to.equal('Bob');
    expect(old.instance.dropped).to.deep.equal({ kept: [1] });
    expect(Replica.restore(Old, between.snapshot()).instance.dropped).to.deep.equal({ kept: [1] });
    expect(Object.keys(old.instance)).not.to.include('language');
  });

  it('that holds an object of a class it no longer knows is an error with both fingerprints', () => {
    const { graph } = Benchmark.of(new OldHolder());
    expect(() => Replica.restore(NewHolder, graph.encode())).to.throw(
      TwinstateError,
      new RegExp(`CLASS_UNKNOWN.*${graph.fingerprint}`),
    );
    expect(() => Replica.restore(New, graph.encode())).to.throw(
      TwinstateError,
      new RegExp(`FINGERPRINT_MISMATCH.*${graph.fingerprint}`),
    );
  });
});
