/** The cart: 22 attributes, 8 of them immutable, and n items of 6 fields, two of them nested. */
import { schema, t } from '@colyseus/schema';

const PRICE = { name: 'Price', mutable: { amount: 'any', currency: 'any' } };
const OPTIONS = { name: 'Options', mutable: { color: 'any', size: 'any' } };
const ITEM = {
  name: 'Item',
  mutable: { sku: 'any', title: 'any', qty: 'any', weight: 'any', price: PRICE, options: OPTIONS },
};
const SCALARS = ['status', 'coupon', 'note', 'total', 'tax', 'shipping', 'discount', 'visits', 'gift', 'paid', 'step', 'address', 'updatedAt']; // prettier-ignore
const CART = {
  name: 'Cart',
  immutable: ['id', 'customerId', 'currency', 'locale', 'createdAt', 'channel', 'region', 'tenant'],
  mutable: { ...Object.fromEntries(SCALARS.map((name) => [name, 'any'])), items: ITEM },
};

function plainItem(i) {
  const number = String(i).padStart(4, '0');
  return {
    sku: `sku-${number}`,
    title: `Item ${number}`,
    qty: 1 + (i % 3),
    weight: 250 + (i % 100),
    price: { amount: 100_000 + i, currency: 'EUR' },
    options: { color: 'red', size: 'M' },
  };
}

function plainCart(n) {
  return {
    id: 'c7a1f8d2-cart',
    customerId: 'customer-4711',
    currency: 'EUR',
    locale: 'de-DE',
    createdAt: 1_790_000_000_000,
    channel: 'web',
    region: 'eu-central',
    tenant: 'shop-1',
    status: 'open',
    coupon: 'SAVE-10',
    note: 'Please ring twice, the bell is hard to hear from the garden. Leave it with the neighbours otherwise.',
    total: 1234.56,
    tax: 197.1,
    shipping: 4.9,
    discount: 12.34,
    visits: 17,
    gift: false,
    paid: false,
    step: 2,
    address: 'Example Street 12, 12345 Sampletown, second floor, left door; code 4711 at the gate',
    updatedAt: 1_790_000_123_456,
    items: Array.from({ length: n }, (_, i) => plainItem(i)),
  };
}

const colyseus = () => {
  const price = schema({ amount: t.number(), currency: t.string() }, 'Price');
  const options = schema({ color: t.string(), size: t.string() }, 'Options');
  const item = schema(
    { sku: t.string(), title: t.string(), qty: t.number(), weight: t.number(), price: t.ref(price), options: t.ref(options) },
    'Item',
  );
  // its `number` narrows what is nearly exact in 32 bits, so amounts of money need the type of 64
  const types = { string: t.string, number: (value) => (Number.isInteger(value) ? t.number() : t.float64()), boolean: t.boolean };
  const { items: _items, ...scalars } = plainCart(0);
  const fields = Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, types[typeof value](value)]));
  const cart = schema({ ...fields, items: t.array(item) }, 'Cart');
  const toPrice = (plain) => Object.assign(new price(), plain);
  const toOptions = (plain) => Object.assign(new options(), plain);
  return {
    type: cart,
    make(plain) {
      const { items, ...scalars } = plain;
      const made = Object.assign(new cart(), scalars);
      for (const one of items) {
        const { price: p, options: o, ...own } = one;
        made.items.push(Object.assign(new item(), own, { price: toPrice(p), options: toOptions(o) }));
      }
      return made;
    },
  };
};

const cart = (n) => ({
  name: `cart-${n}`,
  title: `a cart of 22 attributes (8 immutable) with ${n} items of 6 fields (two nested)`,
  description: CART,
  plain: () => plainCart(n),
  colyseus,
  byHand: {
    scalars: SCALARS,
    list: { name: 'items', scalars: ['sku', 'title', 'qty', 'weight'], nested: { price: ['amount', 'currency'], options: ['color', 'size'] } },
  }, // prettier-ignore
  changes: [
    { name: 'none', apply() {} },
    { name: 'scalar', apply: (state, i) => (state.updatedAt = 1_790_000_200_000 + (i & 8191)) },
    { name: 'double', apply: (state, i) => (state.total = 1000.01 + (i & 8191)) },
    { name: 'fraction', apply: (state, i) => (state.total = Math.sqrt(2 + (i & 8191) * 4)) },
    { name: 'nested', apply: (state, i) => (state.items[n >> 1].price.amount = 100_000 + (i & 8191)) },
    {
      name: 'three',
      apply(state, i) {
        state.updatedAt = 1_790_000_200_000 + (i & 8191);
        state.visits = 100 + (i & 8191);
        state.coupon = `SAVE-${10 + (i % 89)}`;
      },
    },
  ],
});

export const carts = [cart(6), cart(100), cart(1000)];
