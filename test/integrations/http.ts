/** A web application with express-session, as people write it, and a browser's half of it. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import createApp, { type Express } from 'express';
import session, { type SessionOptions, type Store } from 'express-session';

/** A request that a broken store leaves without an answer is given up. */
const ANSWER_MS_MAX = 15_000;

export interface App {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves `routes` behind express-session. @param options beside `resave: false, saveUninitialized: false` */
export async function serve(store: Store, routes: (app: Express) => void, options: Partial<SessionOptions> = {}): Promise<App> {
  const app = createApp();
  // whoever expects an error hears of it by the answer, not on the console
  app.set('env', 'test');
  // each application listens to the store's readiness
  store.setMaxListeners(0);
  app.use(session({ secret: 'secret', resave: false, saveUninitialized: false, store, ...options }));
  routes(app);
  app.use(((error: Error & { code?: string }, _: unknown, response: Response, next: (error: unknown) => void) => {
    if (response.headersSent) return next(undefined);
    response.status(500).json({ error: error.code ?? error.message });
  }) as never);
  const server: Server = await new Promise((resolve) => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

interface Response {
  readonly headersSent: boolean;
  status(code: number): { json(body: unknown): void };
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  /** A cookie came with it. */
  readonly setCookie: boolean;
}

/** Keeps its cookie, as a browser does; may talk to several servers. */
export class Browser {
  cookie: string | undefined;

  async get(app: Pick<App, 'url'>, path: string): Promise<Answer> {
    const headers: Record<string, string> = this.cookie === undefined ? {} : { cookie: this.cookie };
    const response = await fetch(app.url + path, { headers, signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    const [setCookie] = response.headers.getSetCookie();
    if (setCookie !== undefined) this.cookie = setCookie.split(';')[0]!;
    const text = await response.text();
    return {
      status: response.status,
      body: (text.startsWith('{') ? JSON.parse(text) : { text }) as Record<string, unknown>,
      setCookie: setCookie !== undefined,
    };
  }

  /** The session's id inside the signed cookie. */
  get id(): string {
    return decodeURIComponent(this.cookie ?? '')
      .replace(/^[^=]+=(?:s:)?/, '')
      .split('.')[0]!;
  }
}
