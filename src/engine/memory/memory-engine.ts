/**
 * The engine that runs in one process: the default of `connect`, and the ground of the simulated world.
 *
 * Invariant: one engine object is one world. Stores that share it form clusters; two engine objects know nothing of each other.
 */
import type { Engine, EngineConnection, EngineRequest } from '../port.js';
import { TwinstateError } from '../../shared/errors.js';
import { MemoryCluster, type MemoryClusterOptions } from './memory-cluster.js';
import { MemoryConnection } from './memory-connection.js';

export interface MemoryEngineOptions extends MemoryClusterOptions {
  /** A world made before, for those who want to cut, crash or look inside; the other options are then its own. */
  readonly cluster?: MemoryCluster | undefined;
}

/** Makes an engine that keeps everything in this process's memory; it is lost when the process ends. */
export function memoryEngine(options: MemoryEngineOptions = {}): Engine {
  const cluster = options.cluster ?? new MemoryCluster(options);
  return { name: 'memory', connect: (request) => connect(cluster, request) };
}

function connect(cluster: MemoryCluster, request: EngineRequest): Promise<EngineConnection> {
  const { clock, node, timeoutMs, signal } = request;
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      timer.cancel();
      reject(new TwinstateError('ABORTED', 'connecting was aborted', { cause: signal?.reason }));
    };
    const finish = (): void => {
      signal?.removeEventListener('abort', abort);
      if (!cluster.isCut(node)) return resolve(new MemoryConnection(cluster, request));
      reject(
        new TwinstateError('UNAVAILABLE', 'the memory engine cannot be reached', {
          received: `no answer within ${timeoutMs} ms: this node is cut off`,
          cure: 'mend its link and connect again',
        }),
      );
    };
    const timer = clock.after(cluster.isCut(node) ? timeoutMs : 0, finish);
    if (signal?.aborted === true) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}
