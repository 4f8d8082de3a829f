/**
 * A server in a process of its own: `server-process.js NAME NATS-ADDRESS`, the cookies' secret in `$SHOP_SECRET`.
 *
 * Invariant: it ends when its parent ends, however that happens.
 */
import { natsEngine } from 'twinstate/nats';
import { openServer } from './shop-server.js';
import type { FromServer } from './messages.js';

const [name = 'server-1', servers = 'nats://127.0.0.1:4222'] = process.argv.slice(2);

process.once('disconnect', () => process.exit(0));
// Ctrl-C reaches the whole process group: the parent decides what happens then
process.on('SIGINT', () => undefined);

const server = await openServer({ engine: natsEngine({ servers }), name, secret: process.env['SHOP_SECRET'] ?? '', tell });
process.once('SIGTERM', () => void server.leave().finally(() => process.exit(0)));

function tell(message: FromServer): void {
  // a parent that has gone is noticed by `disconnect`
  if (process.connected) process.send!(message, undefined, undefined, () => undefined);
}
