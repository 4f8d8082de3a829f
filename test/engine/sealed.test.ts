/** A sealed connection is an engine's connection: it passes the conformance suite over the memory engine, every case of it. */
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import type { Engine } from '../../src/engine/port.js';
import { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import { memoryEngine } from '../../src/engine/memory/memory-engine.js';
import { SealedConnection } from '../../src/engine/sealed/sealed-connection.js';
import { Seals } from '../../src/engine/sealed/seals.js';
import { engineConformance } from '../../src/testing/engine-conformance.js';
import type { EngineWorld } from '../../src/testing/engine-world.js';
import { realClock } from '../../src/testing/real-clock.js';
import { REAL_RUNTIME } from '../../src/store/real-runtime.js';

const keys = [{ id: 'k', key: new Uint8Array(randomBytes(32)) }];

function sealed(engine: Engine): Engine {
  return {
    name: 'sealed',
    connect: async (request) => {
      const seals = new Seals(request.cluster, { keys, plain: 'refuse' }, REAL_RUNTIME.uniqueId);
      return new SealedConnection(await engine.connect(request), request.node, seals, request.clock);
    },
  };
}

function sealedWorld(): Promise<EngineWorld> {
  const cluster = new MemoryCluster({ messageBytesMax: 4096, patienceMs: 50 });
  return Promise.resolve({
    clock: realClock,
    random: Math.random,
    engine: ({ logBytesMax } = {}) => sealed(memoryEngine(logBytesMax === undefined ? { cluster } : { logBytesMax })),
    cut: async (nodes) => {
      for (const node of nodes) cluster.cut(node);
      return async () => {
        for (const node of nodes) cluster.mend(node);
      };
    },
    close: () => Promise.resolve(),
  });
}

describe('a sealed connection', () => {
  for (const one of engineConformance()) {
    it(one.name, async () => {
      expect(await one.run(sealedWorld)).to.be.oneOf(['passed', 'skipped']);
    });
  }
});
