/** Many sessions in little memory, on a real server: nobody can tell which of them are in it, also when a node was killed. */
import 'reflect-metadata';
import { expect } from 'chai';
import { connect, Mutable, Session } from '../../src/index.js';
import type { SessionStore } from '../../src/index.js';
import { natsEngine } from '../../src/engine/nats/index.js';
import { startNatsServer, type NatsServer } from '../nats-server.js';
import { until } from '../store/world.js';
import { NodeProcess } from './node-process.js';

/** `PASSIVATION_SESSIONS` for another number. */
const SESSIONS = Number(process.env['PASSIVATION_SESSIONS'] ?? 3_000);
const AT_ONCE = 1_000;
const LOOKED_AT = 200;
/** A third of what all of them take. */
const MEMORY_BYTES_MAX = SESSIONS * 420;
/** Slabs are whole, and what has left is tidied away in parts: with so few sessions that is much. All of them would take three times the bound. */
const ABOUT = 1.5;
const TEXT_CHARACTERS = 1_024;

@Session({ name: 'page' })
class Page {
  @Mutable() text = '';
  @Mutable() visits = 0;
}

const idOf = (i: number): string => `page-${i}`;
const textOf = (i: number): string => `${i} `.padEnd(TEXT_CHARACTERS, 'tea ');

/** What a process has in memory of its sessions, and how many of them are in the store only. */
function memoryOf(store: SessionStore): { readonly bytes: number; readonly sessions: number; readonly passive: number } {
  const { replicas } = store.status();
  const sum = (of: (replica: (typeof replicas)[number]) => number): number => replicas.reduce((all, each) => all + of(each), 0);
  return { bytes: sum((each) => each.memoryBytes), sessions: sum((each) => each.sessions), passive: sum((each) => each.passive) };
}

describe('more sessions than memory', function () {
  this.timeout(600_000);
  let server: NatsServer;
  before(async () => (server = await startNatsServer()));
  after(() => server.stop());

  it('are all there, and all right, in a bounded memory, also after a kill -9 of a node', async () => {
    const cluster = 'passivation';
    const options = {
      cluster,
      backups: 1,
      partitions: 8,
      limits: { memoryBytesMax: MEMORY_BYTES_MAX },
      timing: { checkpointIdleMs: 300, historyMs: 1_000, hotSessionsMax: 16 },
    };
    const store = await connect({ ...options, sessions: [Page], engine: natsEngine({ servers: server.url }) });
    let other = await NodeProcess.start({ ...options, servers: server.url });
    try {
      await inTurns(SESSIONS, async (i) => void (await store.create(Page, { text: textOf(i) }, { id: idOf(i) })));
      const bounded = (): boolean => memoryOf(store).bytes <= MEMORY_BYTES_MAX * ABOUT && memoryOf(store).passive > SESSIONS / 2;
      await until('memory is within its bound, and most sessions are not in it', () => Promise.resolve(bounded()), 60_000);
      expect(await store.count(Page)).to.equal(SESSIONS);
      // some are changed wherever they are led, in memory or not
      const step = SESSIONS / LOOKED_AT;
      const visit = (i: number): Promise<unknown> => store.update(Page, idOf(i * step), (page) => ++page.visits);
      await inTurns(LOOKED_AT, visit);
      await other.kill();
      await inTurns(LOOKED_AT, visit);
      other = await NodeProcess.start({ ...options, servers: server.url });
      await inTurns(LOOKED_AT, async (i) => {
        const page = await store.open(Page, idOf(i * step), { consistency: 'strong', timeoutMs: 30_000 });
        expect(page && { text: page.text, visits: page.visits }, idOf(i * step)).to.deep.equal({
          text: textOf(i * step),
          visits: 2,
        });
      });
      expect(await store.count(Page)).to.equal(SESSIONS);
      await until('memory is within its bound again', () => Promise.resolve(bounded()), 60_000);
    } finally {
      await store.close();
      await other.end();
    }
  });
});

/** Does something `count` times, a bounded number of them at once. */
async function inTurns(count: number, act: (i: number) => Promise<unknown>): Promise<void> {
  for (let first = 0; first < count; first += AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, i) => act(first + i)));
}
