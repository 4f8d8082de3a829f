/**
 * The conformance suite of the engine port: an engine earns its place by passing it.
 *
 * It knows no test framework. Each case is a name and a function that rejects where the engine is wrong:
 *
 *     for (const one of engineConformance()) it(one.name, () => one.run(makeWorld));
 *
 * Invariant: a case uses only the port, in clusters of its own, and closes what it opened.
 */
import { BUS_CASES } from './engine-conformance-bus.js';
import { CONNECTION_CASES } from './engine-conformance-connection.js';
import { GENERATION_CASES } from './engine-conformance-generations.js';
import { LOG_CASES } from './engine-conformance-log.js';
import { SCAN_CASES } from './engine-conformance-scan.js';
import { SNAPSHOT_CASES } from './engine-conformance-snapshots.js';
import { ConformanceRoom, type EngineCase, type EngineWorld } from './engine-world.js';

export interface ConformanceCase {
  readonly name: string;
  /**
   * Runs the case in a world of its own.
   * @returns `'skipped'` where the world cannot do what the case needs
   */
  run(makeWorld: () => Promise<EngineWorld>): Promise<'passed' | 'skipped'>;
}

/** Lists every case. */
export function engineConformance(): ConformanceCase[] {
  return [...LOG_CASES, ...GENERATION_CASES, ...SNAPSHOT_CASES, ...SCAN_CASES, ...BUS_CASES, ...CONNECTION_CASES].map((one) => ({
    name: one.name,
    run: (makeWorld) => run(one, makeWorld),
  }));
}

async function run(one: EngineCase, makeWorld: () => Promise<EngineWorld>): Promise<'passed' | 'skipped'> {
  const world = await makeWorld();
  try {
    if (one.needs?.some((need) => world[need] === undefined || world[need] === false) === true) return 'skipped';
    const room = new ConformanceRoom(world);
    try {
      await one.run(room);
    } finally {
      await room.close();
    }
    return 'passed';
  } finally {
    await world.close();
  }
}
