/** The memory engine passes the conformance suite. */
import { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import { memoryEngine } from '../../src/engine/memory/memory-engine.js';
import { engineConformance } from '../../src/testing/engine-conformance.js';
import type { EngineWorld } from '../../src/testing/engine-world.js';
import { realClock } from '../../src/testing/real-clock.js';

function memoryWorld(): Promise<EngineWorld> {
  // patience is short, so that what nobody answers does not hold up the tests
  const cluster = new MemoryCluster({ messageBytesMax: 4096, patienceMs: 50 });
  return Promise.resolve({
    clock: realClock,
    random: Math.random,
    engine: ({ logBytesMax } = {}) => memoryEngine(logBytesMax === undefined ? { cluster } : { logBytesMax }),
    limitsLog: true,
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
    it(one.name, async function () {
      if ((await one.run(memoryWorld)) === 'skipped') this.skip();
    });
  }
});
