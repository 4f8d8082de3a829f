/**
 * `npm run bench:sealing`: what `encryption` costs a commit that the log acknowledges.
 *
 * Invariant: both clusters stand on one nats-server, do the same work, and take turns, so that whatever else the machine does meets both.
 */
import { randomBytes } from 'node:crypto';
import { cpus } from 'node:os';
import { connect, Mutable, Session } from '../../src/index.js';
import type { SessionStore } from '../../src/index.js';
import { natsEngine } from '../../src/engine/nats/index.js';
import { startNatsServer } from '../support/nats-server.js';

@Session({ name: 'ticket' })
class Ticket {
  @Mutable() n = 0;
  @Mutable() text = 'x'.repeat(1_000);
}

const SESSIONS = 256;
const TURNS = 12;
const TURN_MS = 1_000;

interface Side {
  readonly name: string;
  readonly store: SessionStore;
  readonly tickets: readonly Ticket[];
  commits: number;
  ms: number;
}

async function turn(side: Side): Promise<void> {
  const startedMs = performance.now();
  const untilMs = startedMs + TURN_MS;
  await Promise.all(
    side.tickets.map(async (ticket) => {
      while (performance.now() < untilMs) {
        ticket.n++;
        await side.store.commit(ticket);
        side.commits++;
      }
    }),
  );
  side.ms += performance.now() - startedMs;
}

const server = await startNatsServer();
const sides: Side[] = [];
for (const [name, encryption] of [
  ['plain', undefined],
  ['sealed', { keys: [{ id: 'k', key: randomBytes(32) }] }],
] as const) {
  const engine = natsEngine({ servers: server.url });
  const store = await connect({ sessions: [Ticket], engine, cluster: name, backups: 0, encryption });
  const tickets = await Promise.all(Array.from({ length: SESSIONS }, () => store.create(Ticket)));
  sides.push({ name, store, tickets, commits: 0, ms: 0 });
}
for (const side of sides) await turn(side);
for (const side of sides) side.commits = side.ms = 0;
for (let i = 0; i < TURNS; i++) for (const side of i % 2 === 0 ? sides : sides.toReversed()) await turn(side);

const [plain, sealed] = sides.map(({ commits, ms }) => commits / (ms / 1_000)) as [number, number];
console.log(`sealed / plain: ${(sealed / plain).toFixed(2)}`);
for (const { name, commits, ms } of sides) console.log(`${name}: ${Math.round(commits / (ms / 1_000))} commits a second`);
console.log(
  `${SESSIONS} commits in flight, one scalar each, 16 partitions; nats-server ${server.version}; Node ${process.version}; ${cpus().length} cores`,
);
for (const { store } of sides) await store.close();
await server.stop();
