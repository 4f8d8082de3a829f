/* oxlint-disable oxc/no-async-endpoint-handlers -- both take promises */
/** Web applications of one kind in the frameworks that stores are held against, as people write them. */
import fastifyCookie from '@fastify/cookie';
import fastifySession, { type FastifySessionOptions } from '@fastify/session';
import type { Express, Request } from 'express';
import type { Store } from 'express-session';
import createFastify, { type FastifyInstance } from 'fastify';
import { TwinstateStore } from '../../src/integrations/fastify.js';
import { serve, type App } from './http.js';

/** @param session what the request has by now; `request.session` may become another one */
export type Handler = (session: Request['session'] & Record<string, unknown>, request: Request) => unknown;

export interface Framework {
  readonly name: 'express' | 'fastify';
  /** Serves routes, with `saveUninitialized: false` and without `rolling`, unless `options` say so. */
  serve(store: Store, routes: Readonly<Record<string, Handler>>, options?: object): Promise<App>;
}

export const EXPRESS: Framework = {
  name: 'express',
  serve: (store, routes, options = {}) =>
    serve(
      store,
      (app: Express) => {
        for (const [path, handler] of Object.entries(routes)) {
          app.get(path, async (request, response) => {
            const result = await handler(request.session as never, request);
            response.json(result === undefined ? { ok: true } : result);
          });
        }
      },
      options,
    ),
};

/** Serves what `routes` says behind @fastify/session. @param options beside `saveUninitialized: false, rolling: false` */
export async function serveFastify(
  store: object,
  routes: (app: FastifyInstance) => void,
  options: Partial<FastifySessionOptions> = {},
): Promise<App> {
  const app = createFastify({ forceCloseConnections: true });
  await app.register(fastifyCookie);
  await app.register(fastifySession, {
    secret: 'a secret of at least thirty-two characters',
    saveUninitialized: false,
    rolling: false,
    store: store as never,
    ...options,
    cookie: { secure: false, ...options.cookie },
  });
  if (store instanceof TwinstateStore) app.addHook('onRequest', store.begin);
  routes(app);
  app.setErrorHandler(
    (error: Error & { code?: string }, _, reply) => void reply.code(500).send({ error: error.code ?? error.message }),
  );
  return { url: await app.listen({ port: 0, host: '127.0.0.1' }), close: () => app.close() };
}

export const FASTIFY: Framework = {
  name: 'fastify',
  serve: (store, routes, options = {}) =>
    serveFastify(
      store,
      (app) => {
        for (const [path, handler] of Object.entries(routes)) {
          app.get(path, async (request) => (await handler(request.session as never, request as never)) ?? { ok: true });
        }
      },
      options,
    ),
};
