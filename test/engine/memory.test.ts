/** The memory engine passes the conformance suite, every case of it: as users have it, and under the faults of the simulated world. */
import { expect } from 'chai';
import type { Faults } from '../../src/engine/memory/faults.js';
import type { Engine } from '../../src/engine/port.js';
import { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import { memoryEngine } from '../../src/engine/memory/memory-engine.js';
import { engineConformance } from '../../src/testing/engine-conformance.js';
import type { NodeId } from '../../src/shared/ids.js';
import type { EngineWorld } from '../../src/testing/engine-world.js';
import { realClock } from '../../src/testing/real-clock.js';
import { FaultBook } from '../simulation/fault-book.js';
import { Outages } from '../simulation/outages.js';
import { RandomFaults } from '../simulation/random-faults.js';

function memoryWorld(makeFaults?: () => Faults): Promise<EngineWorld> {
  const faults = makeFaults?.();
  // patience is short, so that what nobody answers does not hold up the tests
  const cluster = new MemoryCluster({ messageBytesMax: 4096, patienceMs: 50, faults });
  const nodes = new Set<NodeId>();
  const on = (engine: Engine): Engine => ({
    name: engine.name,
    connect: (request) => {
      nodes.add(request.node);
      return engine.connect(request);
    },
  });
  return Promise.resolve({
    clock: realClock,
    random: Math.random,
    engine: ({ logBytesMax } = {}) => on(memoryEngine(logBytesMax === undefined ? { cluster } : { logBytesMax, faults })),
    limitsLog: true,
    // its world keeps what is stored, as a server does that goes away and comes back
    restart: async () => {
      for (const node of nodes) cluster.cut(node);
      await new Promise<void>((resolve) => realClock.after(20, resolve));
      for (const node of nodes) cluster.mend(node);
    },
    lose: (name, generation) => {
      cluster.generation(name, generation).wipe({ snapshots: false });
      return Promise.resolve();
    },
    cut: (nodes) => {
      for (const node of nodes) cluster.cut(node);
      return Promise.resolve(() => {
        for (const node of nodes) cluster.mend(node);
        return Promise.resolve();
      });
    },
    close: () => Promise.resolve(),
  });
}

describe('memory engine: conformance', () => {
  for (const one of engineConformance()) {
    it(one.name, async () => {
      expect(await one.run(() => memoryWorld())).to.equal('passed');
    });
  }
});

describe('memory engine: conformance in the simulated world, between two faults', () => {
  // the very faults that the world hands to it, which let every message travel for some milliseconds and in order
  const calm = (): Faults => {
    const faults = new RandomFaults(realClock, 1, new FaultBook(() => undefined), new Outages(realClock));
    faults.active = false;
    return faults;
  };
  for (const one of engineConformance()) {
    it(one.name, async () => {
      expect(await one.run(() => memoryWorld(calm))).to.equal('passed');
    });
  }
});
