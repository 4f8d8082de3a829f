/** Besieges live clusters in a thread of its own whose memory is bounded, by turns in memory and on the server that it is given. */
// threads have no origin
/* oxlint-disable unicorn/require-post-message-target-origin */
import { parentPort, workerData } from 'node:worker_threads';
import { natsEngine } from '../../src/engine/nats/index.js';
import { embeddedWorld } from '../store/world.js';
import type { Harvest } from './harvest.js';
import { fuzzListeners } from './listeners.js';
import type { Heard } from './listeners.js';

export interface SiegeData {
  readonly seeds: Harvest;
  readonly url: string;
}

export interface SiegePortion {
  readonly seed: number;
  readonly runs: number;
}

export interface SiegeResult {
  readonly world: string;
  readonly heard?: Heard;
  readonly error?: string;
}

if (parentPort !== null) {
  const { seeds, url } = workerData as SiegeData;
  const server = { url };
  const worlds = [embeddedWorld(), { name: 'a real nats-server', server, engine: () => natsEngine({ servers: url }) }];
  parentPort.on('message', ({ seed, runs }: SiegePortion) => {
    const world = worlds[seed % worlds.length]!;
    const tell = (result: Omit<SiegeResult, 'world'>): void => parentPort?.postMessage({ world: world.name, ...result });
    fuzzListeners(world, seeds, seed, runs).then(
      (heard) => tell({ heard }),
      (error: unknown) => tell({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
}
