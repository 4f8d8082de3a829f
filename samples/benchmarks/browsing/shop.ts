/**
 * The shop that is browsed: what it keeps in a session is plain data, as with any store, and the same for every side.
 *
 * Invariant: what a session becomes depends on the requests alone: its clock counts them.
 */
import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import createApp from 'express';
import session, { type Store } from 'express-session';

interface Item {
  sku: string;
  title: string;
  priceCents: number;
  quantity: number;
  addedAt: number;
}

interface Visit {
  csrf: string;
  startedAt: number;
  theme: string;
  seen: { sku: string; title: string; at: number }[];
  searches: { words: string[]; at: number }[];
  cart: { items: Item[]; currency: string; totalCents: number };
  user?: { id: string; name: string; email: string; address: Record<string, string>; roles: string[]; since: number };
}

const SEEN_MAX = 20;
const SEARCHES_MAX = 10;
const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
const titleOf = (sku: string): string => `Article number ${sku}, of good quality, ${hash(sku).slice(0, 12)}`;

/** Changes a session as a request says. @param at the request's number */
function visit(data: Visit, [what, sku = '', quantity]: readonly string[], at: number): void {
  if (what === 'page') return;
  data.csrf ??= hash(String(at));
  data.startedAt ??= at;
  data.theme ??= 'light';
  data.seen ??= [];
  data.searches ??= [];
  data.cart ??= { items: [], currency: 'EUR', totalCents: 0 };
  const { items } = data.cart;
  const found = items.find((item) => item.sku === sku);
  switch (what) {
    case 'view':
      data.seen = [{ sku, title: titleOf(sku), at }, ...data.seen.filter((one) => one.sku !== sku)].slice(0, SEEN_MAX);
      break;
    case 'search':
      data.searches = [{ words: sku.split('-'), at }, ...data.searches].slice(0, SEARCHES_MAX);
      break;
    case 'add':
      if (found === undefined)
        items.push({ sku, title: titleOf(sku), priceCents: 199 + Number(sku) * 50, quantity: Number(quantity), addedAt: at }); // prettier-ignore
      else found.quantity += Number(quantity);
      break;
    case 'quantity':
      if (items.length > 0) items[Number(sku) % items.length]!.quantity = Number(quantity);
      break;
    case 'remove':
      items.splice(Number(sku) % Math.max(1, items.length), 1);
      break;
    case 'login':
      data.user ??= {
        id: `u-${data.startedAt}`,
        name: `Visitor ${data.startedAt}`,
        email: `visitor-${data.startedAt}@example.org`,
        address: { street: `Long Street ${data.startedAt}`, city: 'Vienna', postcode: '1010', country: 'AT' },
        roles: ['customer'],
        since: at,
      };
      break;
    case 'theme':
      data.theme = data.theme === 'light' ? 'dark' : 'light';
      break;
    default:
      throw new Error(`nobody browses ${what}`);
  }
  data.cart.totalCents = items.reduce((sum, { priceCents, quantity: count }) => sum + priceCents * count, 0);
}

export interface Shop {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the shop on a store; `x-request` numbers the requests. `/session` shows what is kept. */
export async function serveShop(store: Store): Promise<Shop> {
  const app = createApp();
  const cookie = { maxAge: 86_400_000 };
  app.use(session({ store, secret: 'browsing', resave: false, saveUninitialized: false, cookie }));
  app.get('/session', (request, response) => {
    const { cookie: _, ...data } = request.session;
    response.json(data);
  });
  app.get('/{*path}', (request, response) => {
    visit(request.session as unknown as Visit, request.path.split('/').slice(1), Number(request.get('x-request')));
    response.json({ ok: true });
  });
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
