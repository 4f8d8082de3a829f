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

/** Proxies end a stream that is silent for long. */
const BEAT_MS = 15_000;
/** A page that is loaded again finds what was told before. */
const KEPT_MS = 60_000;

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
    this.app.post('/live/kill', createApp.json(), (request, response) => this.#kill(request.sessionID, response));
    this.app.use((_, response) => void response.sendStatus(404));
    this.#beat = setInterval(() => {
      for (const { readers } of this.#feeds.values()) for (const reader of readers) reader.write(': still here\n\n');
    }, BEAT_MS);
  }

  close(): void {
    clearInterval(this.#beat);
    for (const [id, feed] of this.#feeds) {
      for (const reader of feed.readers) reader.end();
      this.#end(id, feed);
    }
  }

  #stream(sessionID: string, response: Response): void {
    const feed = this.#feed(sessionID);
    // the browser comes back by itself after so many milliseconds
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).write('retry: 500\n\n');
    clearTimeout(feed.timer);
    feed.readers.add(response);
    feed.source.tellAll((event, data) => response.write(text(event, data)));
    response.once('close', () => {
      feed.readers.delete(response);
      if (feed.readers.size === 0) feed.timer = setTimeout(() => this.#end(sessionID, feed), KEPT_MS);
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
    // the prefix is the one that `twinstate/express` puts in front unless told otherwise
    const source = new SessionFeed(`sess:${sessionID}`, this.#store, this.#fleet, (event, data) => {
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
