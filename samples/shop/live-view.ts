/**
 * Serves the live view: server-sent events of a visitor's own session, and the button that kills the server which leads it.
 *
 * Invariant: it runs beside the balancer, in a process that holds no session, so it outlives every server. A visitor is shown the
 * session of the own signed cookie, and no values: versions, paths, bytes and names of servers.
 */
import createApp, { type Express, type Response } from 'express';
import type { SessionStore } from 'twinstate';
import { sessions } from './application.js';
import type { Fleet } from './fleet.js';
import { SessionFeed } from './session-feed.js';
import { ShopSession } from './shop-session.js';

/** Proxies end a stream that is silent for long. */
const BEAT_MS = 15_000;
/** A page that is loaded again finds what was told before. */
const KEPT_MS = 60_000;
/** What `twinstate/express` puts in front of ids unless told otherwise. */
const PREFIX = 'sess:';

interface Feed {
  readonly source: SessionFeed;
  readonly readers: Set<Response>;
  timer: NodeJS.Timeout | undefined;
}

export class LiveView {
  readonly app: Express = createApp();
  readonly #store: SessionStore;
  readonly #fleet: Fleet;
  readonly #feeds = new Map<string, Feed>();
  readonly #beat: NodeJS.Timeout;

  constructor(store: SessionStore, fleet: Fleet, secret: string) {
    this.#store = store;
    this.#fleet = fleet;
    this.app.disable('x-powered-by').use('/live', sessions(store, secret, false));
    this.app.get('/live/events', (request, response) => this.#stream(request.sessionID, response));
    this.app.post('/live/kill', (request, response) => this.#kill(request.sessionID, response));
    this.app.use((_, response) => void response.sendStatus(404));
    this.#beat = setInterval(() => {
      for (const { readers } of this.#feeds.values()) for (const reader of readers) reader.write(': still here\n\n');
    }, BEAT_MS);
  }

  close(): void {
    clearInterval(this.#beat);
    for (const [id, feed] of this.#feeds) {
      // `end` would be a use of the session to express-session, and the store is about to close
      for (const reader of feed.readers) reader.destroy();
      this.#end(id, feed);
    }
  }

  async #stream(sessionID: string, response: Response): Promise<void> {
    // the cookie may be one of a shop that is closed since; where nobody can tell just now, the feed will
    const isThere = await this.#store.open(ShopSession, PREFIX + sessionID).then(
      (session) => session !== undefined,
      () => true,
    );
    if (!isThere) return void response.sendStatus(404);
    if (response.destroyed) return;
    const feed = this.#feed(sessionID);
    // the browser comes back by itself after so many milliseconds
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).write('retry: 500\n\n');
    clearTimeout(feed.timer);
    feed.readers.add(response);
    feed.source.tellAll((event, data) => response.write(text(event, data)));
    response.once('close', () => {
      feed.readers.delete(response);
      if (feed.readers.size > 0 || this.#feeds.get(sessionID) !== feed) return;
      feed.timer = setTimeout(() => this.#end(sessionID, feed), KEPT_MS);
    });
  }

  #kill(sessionID: string, response: Response): void {
    const leader = this.#feeds.get(sessionID)?.source.leader;
    const down = this.#fleet.members.filter(({ state }) => state !== 'up');
    if (leader === undefined) return void response.status(409).json({ error: 'Nobody leads this session right now.' });
    if (down.length > 0) return void response.status(409).json({ error: `${down[0]!.name} is not back yet.` });
    this.#fleet.kill(leader);
    response.status(202).json({ server: leader.name });
  }

  #feed(sessionID: string): Feed {
    const known = this.#feeds.get(sessionID);
    if (known !== undefined) return known;
    const readers = new Set<Response>();
    const source = new SessionFeed(PREFIX + sessionID, this.#store, this.#fleet, (event, data) => {
      for (const reader of readers) reader.write(text(event, data));
    });
    const feed = { source, readers, timer: undefined };
    this.#feeds.set(sessionID, feed);
    return feed;
  }

  #end(id: string, feed: Feed): void {
    clearTimeout(feed.timer);
    feed.source.end();
    this.#feeds.delete(id);
  }
}

function text(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
