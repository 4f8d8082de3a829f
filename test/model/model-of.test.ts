import 'reflect-metadata';
import { expect } from 'chai';
import { Type } from 'class-transformer';
import { defineSession } from '../../src/model/define-session.js';
import { Immutable } from '../../src/model/immutable.js';
import { modelOf } from '../../src/model/model-of.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';
import type { AttributeModel, ClassModel } from '../../src/model/session-model.js';
import { Transient } from '../../src/model/transient.js';
import { refusal } from './refusal.js';

const names = (attributes: readonly AttributeModel[]): string[] => attributes.map((a) => a.property);
const classNames = (model: ClassModel, property: string): string[] =>
  model.attributes.find((a) => a.property === property)!.types.map((t) => t.name);

class LineItem {
  @Immutable() sku!: string;
  @Mutable() qty!: number;
}

@Session({ name: 'cart', ttl: '30m', maxAge: '2h', limits: { objectsMax: 10 } })
class Cart {
  @Immutable() readonly customerId!: string;
  @Mutable() coupon?: string;
  @Mutable() @Type(() => LineItem) items: LineItem[] = [];
  @Mutable({ merge: 'add', name: 'v' }) visits = 0;
  @Transient() cache = new Map<string, string>();
  socket?: object;
}

describe('modelOf', () => {
  it('refuses a class that also is a collection, a date or bytes: no attribute names what these hold', () => {
    for (const Base of [Array, Map, Set, Date, RegExp, URL, Promise, ArrayBuffer, Uint8Array, Float64Array, DataView] as const) {
      class Middle extends (Base as new () => object) {}
      class Rows extends Middle {
        total = 0;
      }
      defineSession(Rows, { name: 'rows', mutable: { total: {} } });
      class Table {
        rows: unknown;
      }
      defineSession(Table, { name: 'table', mutable: { rows: { type: () => Rows } } });
      for (const type of [Rows, Table]) {
        expect(refusal(() => modelOf(type), 'DECLARATION_INVALID', /in an attribute/).message).to.include(
          `Rows extends ${Base.name}`,
        );
      }
    }
  });

  it('resolves attributes in the order of declaration, and the mutable-attribute set from them', () => {
    const { root } = modelOf(Cart);
    expect(names(root.attributes)).to.deep.equal(['customerId', 'coupon', 'items', 'visits']);
    expect(names(root.mutable)).to.deep.equal(['coupon', 'items', 'visits']);
    expect(root.attributes.map((a) => a.index)).to.deep.equal([0, 1, 2, 3]);
    expect(root.attributes[3]).to.include({ wireName: 'v', merge: 'add', diff: 'auto', sensitive: false, accessor: false });
    expect([...root.transient]).to.deep.equal(['cache']);
  });

  it('resolves the options of the session', () => {
    expect(modelOf(Cart)).to.include({ name: 'cart', ttlMs: 1_800_000, maxAgeMs: 7_200_000 });
    expect(modelOf(Cart).limits).to.deep.equal({ objectsMax: 10 });
  });

  it('is made once, and frozen with everything in it', () => {
    const model = modelOf(Cart);
    expect(modelOf(Cart)).to.equal(model);
    for (const part of [model, model.root, model.root.attributes, model.root.mutable, model.root.attributes[0], model.limits]) {
      expect(Object.isFrozen(part)).to.equal(true);
    }
  });

  it('knows every class that may stand in the graph, by wire name and by constructor', () => {
    const model = modelOf(Cart);
    expect([...model.classes.keys()]).to.deep.equal(['cart', 'LineItem']);
    expect(model.byType.get(LineItem)).to.equal(model.classes.get('LineItem'));
    expect(model.root.attributes[2]!.types).to.deep.equal([model.classes.get('LineItem')]);
  });

  it('puts superclass attributes first, lets a subclass refine options, and takes abstract bases', () => {
    abstract class Base {
      @Immutable() readonly id!: string;
      @Mutable({ merge: 'last', sensitive: true }) note = '';
    }
    @Session()
    class Call extends Base {
      @Mutable() state = 'ringing';
      @Mutable({ name: 'n' }) override note = '';
    }
    const { root } = modelOf(Call);
    expect(names(root.attributes)).to.deep.equal(['id', 'note', 'state']);
    expect(root.attributes[1]).to.include({ wireName: 'n', merge: 'last', sensitive: true });
  });

  it('leaves the base as it was when a subclass adds attributes', () => {
    @Session()
    class Base {
      @Mutable() a = 1;
    }
    @Session()
    class Sub extends Base {
      @Mutable() b = 2;
    }
    expect(names(modelOf(Sub).root.attributes)).to.deep.equal(['a', 'b']);
    expect(names(modelOf(Base).root.attributes)).to.deep.equal(['a']);
  });

  it('takes the element type from the option before @Type, and from @Type before design:type', () => {
    class A {
      @Mutable() n = 0;
    }
    class B {
      @Mutable() n = 0;
    }
    class C {
      @Mutable() n = 0;
    }
    @Session()
    class Order {
      @Mutable({ type: () => A }) @Type(() => B) option?: C;
      @Mutable() @Type(() => B) transformer?: C;
      @Mutable() design?: C;
      @Mutable(() => A) short: Map<string, A> = new Map();
      @Mutable() none?: string;
      @Mutable() @Type(() => Date) native?: Date;
    }
    const { root } = modelOf(Order);
    expect(classNames(root, 'option')).to.deep.equal(['A']);
    expect(classNames(root, 'transformer')).to.deep.equal(['B']);
    expect(classNames(root, 'design')).to.deep.equal(['C']);
    expect(classNames(root, 'short')).to.deep.equal(['A']);
    expect(classNames(root, 'none')).to.deep.equal([]);
    expect(classNames(root, 'native')).to.deep.equal([]);
  });

  it('never requires design:type', () => {
    class Item {
      n = 0;
    }
    defineSession(Item, { mutable: ['n'] });
    class Bare {
      items: Item[] = [];
      count = 0;
    }
    // as esbuild compiles it: no metadata at all
    Mutable({ type: () => Item })(Bare.prototype, 'items');
    Mutable({ merge: 'add' })(Bare.prototype, 'count');
    Session()(Bare);
    expect(classNames(modelOf(Bare).root, 'items')).to.deep.equal(['Item']);
  });

  it('names several classes by the keys of a record', () => {
    class Dog {
      @Mutable() name = '';
    }
    class Cat {
      @Mutable() name = '';
    }
    @Session()
    class Shelter {
      @Mutable({ type: { d: () => Dog, c: () => Cat } }) pets: (Dog | Cat)[] = [];
    }
    expect(classNames(modelOf(Shelter).root, 'pets')).to.deep.equal(['d', 'c']);
  });

  it("honours the discriminator of class-transformer's @Type", () => {
    abstract class Shape {
      @Mutable() color = '';
      protected constructor() {
        if (new.target === Shape) throw new Error('abstract');
      }
    }
    class Circle extends Shape {
      @Mutable() r = 1;
      constructor() {
        super();
      }
    }
    class Square extends Shape {
      @Mutable() a = 1;
      constructor() {
        super();
      }
    }
    @Session()
    class Drawing {
      @Mutable()
      @Type(() => Shape, {
        discriminator: {
          property: 'kind',
          subTypes: [
            { name: 'circle', value: Circle },
            { name: 'square', value: Square },
          ],
        },
      })
      shapes: Shape[] = [];
    }
    const { root, classes } = modelOf(Drawing);
    expect(classNames(root, 'shapes')).to.deep.equal(['Circle', 'Square']);
    expect(root.attributes[0]!.discriminator?.property).to.equal('kind');
    expect(root.attributes[0]!.discriminator?.classes.get('square')).to.equal(classes.get('Square'));
  });

  it('keeps the base of a discriminator where it has instances of its own', () => {
    class Event {
      @Mutable() at = 0;
    }
    class Click extends Event {
      @Mutable() x = 0;
    }
    @Session()
    class Log {
      @Mutable()
      @Type(() => Event, { discriminator: { property: 'type', subTypes: [{ name: 'click', value: Click }] } })
      events: Event[] = [];
    }
    expect(classNames(modelOf(Log).root, 'events')).to.deep.equal(['Event', 'Click']);
  });

  it('ends at recursive types', () => {
    @Session()
    class TreeNode {
      @Mutable() label = '';
      @Mutable(() => TreeNode) children: TreeNode[] = [];
    }
    const model = modelOf(TreeNode);
    expect(model.classes.size).to.equal(1);
    expect(model.root.attributes[1]!.types[0]).to.equal(model.root);
  });

  it('reads and writes through a getter with its setter', () => {
    @Session()
    class Counter {
      #n = 0;
      @Mutable()
      get n(): number {
        return this.#n;
      }
      set n(value: number) {
        this.#n = value;
      }
    }
    expect(modelOf(Counter).root.attributes[0]!.accessor).to.equal(true);
  });

  it("gives an attribute the session's strategy unless it has its own", () => {
    @Session({ diff: 'graph' })
    class Doc {
      @Mutable() text = '';
      @Mutable({ diff: 'binary' }) blob = new Uint8Array();
    }
    expect(modelOf(Doc).root.attributes.map((a) => a.diff)).to.deep.equal(['graph', 'binary']);
  });

  it('takes attributes with the names of Object.prototype as data', () => {
    class Odd {}
    for (const property of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) Mutable()(Odd.prototype, property);
    Session()(Odd);
    expect(names(modelOf(Odd).root.mutable)).to.deep.equal(['__proto__', 'constructor', 'toString', 'hasOwnProperty']);
    expect(({} as Record<string, unknown>)['label']).to.equal(undefined);
  });

  it('makes by make where the constructor needs arguments, and does not try it', () => {
    let made = 0;
    @Session({
      make: ({ name }) => {
        made++;
        return new Named(String(name));
      },
    })
    class Named {
      @Immutable() readonly name: string;
      constructor(name: string) {
        if (name === undefined) throw new Error('a name is needed');
        this.name = name;
      }
    }
    const { root } = modelOf(Named);
    expect(made).to.equal(0);
    expect(root.makes).to.equal(true);
    expect(root.construct({ name: 'ada' }))
      .to.be.instanceOf(Named)
      .and.include({ name: 'ada' });
  });
});

describe('defineSession', () => {
  it('makes the same model as the decorators do', () => {
    const decorated = (() => {
      @Session({ name: 'order', ttl: '1h' })
      class Order {
        @Immutable() id!: string;
        @Mutable({ merge: 'add' }) total = 0;
        @Mutable(() => LineItem) lines: LineItem[] = [];
      }
      return modelOf(Order);
    })();
    class Order {
      id!: string;
      total = 0;
      lines: LineItem[] = [];
    }
    const returned = defineSession(Order, {
      name: 'order',
      ttl: '1h',
      immutable: ['id'],
      mutable: { total: { merge: 'add' }, lines: () => LineItem },
    });
    expect(returned).to.equal(Order);
    const defined = modelOf(Order);
    expect(defined.fingerprint).to.equal(decorated.fingerprint);
    expect(defined.ttlMs).to.equal(decorated.ttlMs);
    expect(defined.root.attributes.map((a) => ({ ...a, types: classNames(defined.root, a.property) }))).to.deep.equal(
      decorated.root.attributes.map((a) => ({ ...a, types: classNames(decorated.root, a.property) })),
    );
  });

  it("opens a class to every key with mutable: '*'", () => {
    class HttpSession {
      id = '';
      cookie?: object;
      [key: string]: unknown;
    }
    defineSession(HttpSession, { mutable: '*', immutable: ['id'], transient: ['cookie'] });
    const { root } = modelOf(HttpSession);
    expect(root.open).to.equal(true);
    expect(names(root.attributes)).to.deep.equal(['id']);
    expect([...root.transient]).to.deep.equal(['cookie']);
  });
});

describe('the fingerprint', () => {
  const printOf = (declare: (type: new () => object) => void): string => {
    const type = { Doc: class {} }.Doc;
    declare(type);
    return modelOf(type).fingerprint;
  };
  const base = (): string =>
    printOf((type) => {
      Session({ name: 'doc' })(type);
      Mutable()(type.prototype as object, 'a');
      Mutable()(type.prototype as object, 'b');
    });

  it('is 16 hexadecimal digits, the same for the same declaration', () => {
    expect(base())
      .to.match(/^[0-9a-f]{16}$/)
      .and.equal(base());
  });

  it('stays when a property is renamed behind its wire name, and when options change that no bytes depend on', () => {
    const renamed = printOf((type) => {
      Session({ name: 'doc', ttl: '1h' })(type);
      Mutable({ name: 'a', merge: 'last', sensitive: true })(type.prototype as object, 'renamed');
      Mutable()(type.prototype as object, 'b');
    });
    expect(renamed).to.equal(base());
  });

  it('changes with names, order, mutability and declared types', () => {
    class Inner {}
    Session()(Inner);
    const variants: ((type: new () => object) => void)[] = [
      (type) => {
        Session({ name: 'other' })(type);
        Mutable()(type.prototype as object, 'a');
        Mutable()(type.prototype as object, 'b');
      },
      (type) => {
        Session({ name: 'doc' })(type);
        Mutable({ name: 'x' })(type.prototype as object, 'a');
        Mutable()(type.prototype as object, 'b');
      },
      (type) => {
        Session({ name: 'doc' })(type);
        Mutable()(type.prototype as object, 'b');
        Mutable()(type.prototype as object, 'a');
      },
      (type) => {
        Session({ name: 'doc' })(type);
        Immutable()(type.prototype as object, 'a');
        Mutable()(type.prototype as object, 'b');
      },
      (type) => {
        Session({ name: 'doc' })(type);
        Mutable(() => Inner)(type.prototype as object, 'a');
        Mutable()(type.prototype as object, 'b');
      },
    ];
    const prints = [base(), ...variants.map(printOf)];
    expect(new Set(prints).size).to.equal(prints.length);
  });
});
