import 'reflect-metadata';
import { expect } from 'chai';
import { Type } from 'class-transformer';
import { type Init, instantiate } from '../../src/model/adoption.js';
import { defineSession } from '../../src/model/define-session.js';
import { Immutable } from '../../src/model/immutable.js';
import { requireImmutables, sealImmutables } from '../../src/model/immutability.js';
import { modelOf } from '../../src/model/model-of.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';
import { Transient } from '../../src/model/transient.js';
import { refusal } from './refusal.js';

class Price {
  @Immutable() currency!: string;
  @Mutable() cents = 0;
}

class LineItem {
  @Immutable() sku!: string;
  @Mutable() qty = 1;
  @Mutable(() => Price) price?: Price;
  total(): number {
    return this.qty * (this.price?.cents ?? 0);
  }
}

class Dog {
  @Mutable() name = '';
}
class Cat {
  @Mutable() name = '';
}

@Session()
class Cart {
  @Immutable() customerId!: string;
  @Mutable(() => LineItem) items: LineItem[] = [];
  @Mutable(() => LineItem) bySku = new Map<string, LineItem>();
  @Mutable(() => LineItem) set = new Set<LineItem>();
  @Mutable(() => LineItem) dictionary: Record<string, LineItem> = {};
  @Mutable(() => LineItem) grid: LineItem[][] = [];
  @Mutable(() => LineItem) single: LineItem | undefined;
  @Mutable({ type: { dog: () => Dog, cat: () => Cat } }) pet: Dog | Cat | undefined;
  @Mutable()
  @Type(() => Object, {
    discriminator: {
      property: 'kind',
      subTypes: [
        { name: 'dog', value: Dog },
        { name: 'cat', value: Cat },
      ],
    },
  })
  pets: (Dog | Cat)[] = [];
  @Mutable() note: object | undefined;
  @Transient() cache: unknown = undefined;
  socket: unknown = undefined;
  #upper = '';
  @Mutable()
  get title(): string {
    return this.#upper;
  }
  set title(value: string) {
    this.#upper = value.toUpperCase();
  }
  greet(): string {
    return `hello ${this.customerId}`;
  }
}

const create = (init: Init<Cart>): Cart => instantiate(modelOf(Cart), { customerId: 'c-42', ...init }) as Cart;
const tea = { sku: 'tea', qty: 2 };

describe('a literal becomes an instance of the class declared where it stands', () => {
  it('directly, in arrays, Maps, Sets, dictionaries and arrays of arrays, and inside other literals', () => {
    const cart = create({
      items: [{ ...tea, price: { currency: 'EUR', cents: 250 } }],
      bySku: new Map([['tea', { ...tea }]]),
      set: new Set([{ ...tea }]),
      dictionary: { tea: { ...tea } },
      grid: [[{ ...tea }]],
      single: { ...tea },
    });
    const all = [cart.items[0], cart.bySku.get('tea'), [...cart.set][0], cart.dictionary['tea'], cart.grid[0]![0], cart.single];
    for (const item of all) expect(item).to.be.instanceOf(LineItem).and.include(tea);
    expect(cart.items[0]!.price).to.be.instanceOf(Price);
    expect(cart.items[0]!.total()).to.equal(500);
  });

  it('keeps initialisers where nothing was given', () => {
    expect(create({ items: [{ sku: 'tea' }] }).items[0]!.qty).to.equal(1);
  });

  it('once, however often it stands there', () => {
    const item = { ...tea };
    const cart = create({ items: [item, item], single: item });
    expect(cart.items[0]).to.equal(cart.items[1]).and.equal(cart.single);
  });

  it('once in a shared array, which stays shared', () => {
    const row = [{ ...tea }];
    const cart = create({ items: row, grid: [row, row] });
    expect(cart.grid[0]).to.equal(cart.grid[1]).and.equal(cart.items);
    const loop: unknown[] = [{ ...tea }];
    loop.push(loop);
    const { grid } = create({ grid: loop as Init<LineItem>[][] });
    expect(grid[0]).to.be.instanceOf(LineItem);
    expect(grid[1]).to.equal(grid);
  });

  it('in cycles too', () => {
    @Session()
    class TreeNode {
      @Mutable(() => TreeNode) parent: TreeNode | undefined;
      @Mutable(() => TreeNode) children: TreeNode[] = [];
    }
    const root: Record<string, unknown> = {};
    root['children'] = [{ parent: root }];
    const made = instantiate(modelOf(TreeNode), root) as TreeNode;
    expect(made.children[0]).to.be.instanceOf(TreeNode);
    expect(made.children[0]!.parent).to.equal(made);
  });

  it('never changes what was given, and leaves instances and containers of instances alone', () => {
    const literals = [{ ...tea }];
    const instances = [Object.assign(new LineItem(), tea)];
    const cart = create({ items: literals, grid: [instances] });
    expect(literals).to.deep.equal([tea]);
    expect(literals[0]).not.to.be.instanceOf(LineItem);
    expect(cart.grid[0]).to.equal(instances);
  });

  it('keeps the holes of an array', () => {
    const sparse: Init<LineItem>[] = [];
    sparse[2] = tea;
    const { items } = create({ items: sparse });
    expect(items.length).to.equal(3);
    expect(0 in items).to.equal(false);
  });

  it('leaves plain data alone where no class is declared', () => {
    const note = { sku: 'x' };
    expect(create({ note }).note).to.equal(note);
  });

  it('by its discriminator, which is dropped where it is no attribute', () => {
    const { pets } = create({ pets: [{ kind: 'cat', name: 'Mia' } as Init<Cat>] });
    expect(pets[0]).to.be.instanceOf(Cat);
    expect(Object.keys(pets[0]!)).to.deep.equal(['name']);
  });

  it('and is refused where it could be of several classes, or names none of them', () => {
    expect(refusal(() => create({ pet: { name: 'Rex' } }), 'CLASS_UNKNOWN', /pass an instance/).path).to.equal('pet');
    refusal(() => create({ pets: [{ name: 'Rex' }] }), 'CLASS_UNKNOWN', /give 'kind', or pass an instance/);
    const error = refusal(() => create({ pets: [{ kind: 'cow' } as Init<Cat>] }), 'CLASS_UNKNOWN', /subTypes/);
    expect(error.path).to.equal('pets[0].kind');
  });

  it('and a key that its class has not is refused with its path', () => {
    const error = refusal(
      () => create({ items: [{ sku: 'a' }, { sku: 'b', quantity: 1 } as Init<LineItem>] }),
      'ATTRIBUTE_UNKNOWN',
      /correct the name/,
    );
    expect(error.path).to.equal('items[1].quantity');
    refusal(() => create({ socketr: 1 } as Init<Cart>), 'ATTRIBUTE_UNKNOWN', /mark socketr in Cart/);
    refusal(() => create({ greet: () => 'x' } as Init<Cart>), 'ATTRIBUTE_UNKNOWN', /mark greet/);
    refusal(() => create({ [Symbol('s')]: 1 }), 'ATTRIBUTE_UNKNOWN', /correct/);
  });

  it('sets transient members and goes through setters', () => {
    const socket = {};
    expect(create({ socket, cache: 1, title: 'tea' })).to.include({ socket, cache: 1, title: 'TEA' });
  });

  it('takes __proto__ and constructor as the unknown keys that they are, and reaches no prototype', () => {
    for (const key of ['__proto__', 'constructor', 'toString']) {
      const init = JSON.parse(`{ "items": [{ "sku": "a", "${key}": { "polluted": 1 } }] }`) as Init<Cart>;
      refusal(() => create(init), 'ATTRIBUTE_UNKNOWN', new RegExp(`mark ${key}`));
    }
    class Odd {}
    for (const key of ['__proto__', 'constructor']) Mutable()(Odd.prototype, key);
    Session()(Odd);
    const odd = instantiate(modelOf(Odd), JSON.parse('{ "__proto__": { "a": 1 }, "constructor": 2 }') as object);
    expect(Object.getPrototypeOf(odd)).to.equal(Odd.prototype);
    expect(Object.getOwnPropertyDescriptor(odd, '__proto__')!.value).to.deep.equal({ a: 1 });
    expect(Object.getOwnPropertyDescriptor(odd, 'constructor')!.value).to.equal(2);
  });

  it('goes through make, which is given adopted attributes', () => {
    @Session({ make: ({ item }) => new Order(item as LineItem) })
    class Order {
      @Immutable(() => LineItem) readonly item: LineItem;
      @Mutable() note = '';
      constructor(item: LineItem) {
        if (!(item instanceof LineItem)) throw new TypeError('no item');
        this.item = item;
      }
    }
    const order = instantiate(modelOf(Order), { item: tea, note: 'x' }) as Order;
    expect(order.item).to.be.instanceOf(LineItem);
    expect(order.note).to.equal('x');
    refusal(() => instantiate(modelOf(Order), { item: tea, nope: 1 }), 'ATTRIBUTE_UNKNOWN', /mark nope/);
  });

  it('takes any key of an open class', () => {
    class HttpSession {
      [key: string]: unknown;
    }
    defineSession(HttpSession, { mutable: '*' });
    expect(instantiate(modelOf(HttpSession), { user: 7 })).to.include({ user: 7 });
  });
});

describe('an immutable attribute', () => {
  it('must have a value once created, in nested literals too', () => {
    const model = modelOf(Cart);
    const error = refusal(() => instantiate(model, {}), 'ATTRIBUTE_MISSING', /explicit undefined/);
    expect(error.path).to.equal('customerId');
    expect(refusal(() => create({ items: [{ qty: 1 }] }), 'ATTRIBUTE_MISSING', /give sku/).path).to.equal('items[0].sku');
    refusal(() => requireImmutables(model.root, new Cart(), new Set()), 'ATTRIBUTE_MISSING', /customerId/);
  });

  it('may be undefined on purpose', () => {
    expect(instantiate(modelOf(Cart), { customerId: undefined })).to.be.instanceOf(Cart);
  });

  it('cannot be written or deleted once sealed, while mutable ones can', () => {
    const cart = create({});
    const { root } = modelOf(Cart);
    sealImmutables(root, cart);
    sealImmutables(root, cart);
    expect(() => (cart.customerId = 'other')).to.throw(TypeError, /customerId/);
    expect(() => delete (cart as Partial<Cart>).customerId).to.throw(TypeError);
    cart.title = 'x';
    cart.items = [];
    expect(cart.customerId).to.equal('c-42');
    expect(Object.keys(cart)).to.contain('customerId');
  });

  it('is left to its class behind a getter and setter', () => {
    @Session()
    class Badge {
      #id = 'a';
      @Immutable()
      get id(): string {
        return this.#id;
      }
      set id(value: string) {
        this.#id = value;
      }
    }
    const badge = new Badge();
    sealImmutables(modelOf(Badge).root, badge);
    expect(Object.hasOwn(badge, 'id')).to.equal(false);
  });
});
