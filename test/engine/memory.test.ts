/** The memory engine passes the conformance suite, every case of it. */
import { expect } from 'chai';
import type { Engine } from '../../src/engine/port.js';
import { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import { memoryEngine } from '../../src/engine/memory/memory-engine.js';
import { engineConformance } from '../../src/testing/engine-conformance.js';
import type { NodeId } from '../../src/shared/ids.js';
import type { EngineWorld } from '../../src/testing/engine-world.js';
import { realClock } from '../../src/testing/real-clock.js';

function memoryWorld(): Promise<EngineWorld> {
  // patience is short, so that what nobody answers does not hold up the tests
  const cluster = new MemoryCluster({ messageBytesMax: 4096, patienceMs: 50 });
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
    engine: ({ logBytesMax } = {}) => on(memoryEngine(logBytesMax === undefined ? { cluster } : { logBytesMax })),
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
      expect(await one.run(memoryWorld)).to.equal('passed');
    });
  }
});
