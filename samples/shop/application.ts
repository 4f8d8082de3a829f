/**
 * The shop's web application: what each server serves.
 *
 * Invariant: a change is answered with 200 when it is in the log. An error says whether it can have been stored.
 */
/* oxlint-disable oxc/no-async-endpoint-handlers -- express 5 passes what a handler rejects with to the error handler */
import { fileURLToPath } from 'node:url';
import createApp, { type ErrorRequestHandler, type Express, type Request } from 'express';
import session from 'express-session';
import { ConflictError, TwinstateError, type SessionStore } from 'twinstate';
import { express } from 'twinstate/express';
import { CATALOGUE, productOf } from './catalogue.js';
import { change, ShopSession } from './shop-session.js';

/** The plain files lie beside the sources. */
const PAGE = fileURLToPath(new URL('../../../samples/shop/public/', import.meta.url));
const QUANTITY_MAX = 99;
const ATTEMPTS = 5;

export interface ApplicationOptions {
  readonly store: SessionStore;
  /** Signs the cookies; the same on all servers. */
  readonly secret: string;
  /** What the server is called on the page. */
  readonly name: string;
}

/** Gives requests their sessions; the shop's servers and its live view use the same. */
export function sessions(store: SessionStore, secret: string, saveUninitialized: boolean): ReturnType<typeof session> {
  const cookie = { httpOnly: true, sameSite: 'lax' } as const;
  return session({
    name: 'shop',
    store: express({ store, session: ShopSession }),
    secret,
    resave: false,
    saveUninitialized,
    cookie,
  });
}

export function application({ store, secret, name }: ApplicationOptions): Express {
  const app = createApp();
  app.disable('x-powered-by').set('etag', false);
  app.use((_, response, next) => {
    response.set({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'self'; frame-ancestors 'none'",
      'x-served-by': name,
    });
    next();
  });
  app.use('/api', createApp.json({ limit: '4kb' }), sessions(store, secret, true));
  app.get('/api/shop', (request, response) => void response.json({ products: CATALOGUE, ...cartOf(request) }));
  app.post('/api/cart', async (request, response) => {
    const { sku, by } = (request.body ?? {}) as { sku?: unknown; by?: unknown };
    const product = productOf(sku);
    if (product === undefined) return void response.status(404).json(refusal('This shop has no such article.'));
    if (!isQuantity(by)) return void response.status(400).json(refusal(`A quantity changes by 1 to ${QUANTITY_MAX}.`));
    await stored(request, () => change(request.session.cart, product, by));
    response.json(cartOf(request));
  });
  app.delete('/api/cart/:sku', async (request, response) => {
    await stored(request, () => void request.session.cart.delete(request.params.sku));
    response.json(cartOf(request));
  });
  app.use(createApp.static(PAGE, { etag: false, lastModified: false }));
  app.use((_, response) => void response.status(404).json(refusal('There is nothing here.')));
  app.use(tell);
  return app;
}

/** Does it again on newer state where another tab changed the very same slot. */
async function stored(request: Request, work: () => void): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    work();
    try {
      return await called((done) => request.session.save(done));
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt === ATTEMPTS) throw error;
      await called((done) => request.session.reload(done));
    }
  }
}

function called(work: (done: (error?: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    work((error) => (error === undefined || error === null ? resolve() : reject(error)));
  });
}

/** After a save the session holds what was stored: what other tabs changed meanwhile is in it. */
function cartOf({ session: { cart } }: Request): { readonly lines: readonly object[]; readonly cents: number } {
  const lines = [...cart.values()].filter(({ quantity }) => quantity > 0);
  return { lines, cents: lines.reduce((sum, { cents, quantity }) => sum + cents * quantity, 0) };
}

function isQuantity(by: unknown): by is number {
  return Number.isInteger(by) && by !== 0 && Math.abs(by as number) <= QUANTITY_MAX;
}

function refusal(error: string, outcome = 'not-stored'): { readonly error: string; readonly outcome: string } {
  return { error, outcome };
}

/** express knows an error handler by its four parameters. */
const tell: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) return next(error);
  const status = (error as { status?: unknown }).status;
  if (error instanceof ConflictError)
    response.status(409).json(refusal('Another tab was faster, again and again. Try once more.'));
  else if (error instanceof TwinstateError) response.status(503).json(refusal(error.message, error.outcome ?? 'not-stored'));
  else if (typeof status === 'number' && status < 500) response.status(status).json(refusal('This request was not understood.'));
  else response.status(500).json(refusal('Something went wrong here.', 'unknown'));
};
