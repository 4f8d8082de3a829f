/**
 * `npm run sample:shop [-- --embedded] [--servers N] [--port N]`: a shop to look at in a browser, until Ctrl-C.
 *
 * Invariant: it leaves no process and no folder.
 */
import { parseArgs } from 'node:util';
import { Shop } from './shop.js';

const { values } = parseArgs({
  options: {
    embedded: { type: 'boolean', default: false },
    servers: { type: 'string', default: '3' },
    port: { type: 'string', default: '0' },
  },
});
const opening = Shop.open({
  embedded: values.embedded,
  servers: whole('servers', values.servers, 2, 8),
  port: whole('port', values.port, 0, 65_535),
});
let ending: Promise<void> | undefined;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // `on`: who presses Ctrl-C twice must not interrupt the cleaning up
  process.on(signal, () => {
    ending ??= opening.then((shop) => shop.close()).finally(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  });
}

const { url, fleet } = await opening;
const places = values.embedded ? 'in this process' : 'as processes of their own, on a real NATS server';
console.log(`\n  ${fleet.members.length} servers ${places}, one backup for each session.\n`);
console.log(`  The shop:  ${url}\n\n  Ctrl-C ends it.\n`);

function whole(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  console.error(`--${option} takes a whole number from ${min} to ${max}, not ${text}`);
  return process.exit(2);
}
