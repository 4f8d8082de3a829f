/** One node's connection to a memory cluster: the three services over one link. */
import type { EngineConnection, EngineRequest, StoredGeneration } from '../port.js';
import { MemoryBus } from './memory-bus.js';
import { TwinstateError } from '../../shared/errors.js';
import type { MemoryCluster } from './memory-cluster.js';
import { MemoryLink } from './memory-link.js';
import { MemoryLog } from './memory-log.js';
import { MemorySnapshots } from './memory-snapshots.js';

const MESSAGE_BYTES_MAX = 1024 * 1024;

export class MemoryConnection implements EngineConnection {
  readonly generation: number;
  readonly log: MemoryLog;
  readonly snapshots: MemorySnapshots;
  readonly bus: MemoryBus;
  readonly link: MemoryLink;
  readonly messageBytesMax: number;

  constructor(cluster: MemoryCluster, request: EngineRequest) {
    this.link = new MemoryLink(cluster, request);
    this.messageBytesMax = cluster.options.messageBytesMax ?? MESSAGE_BYTES_MAX;
    const { generation } = request;
    this.generation = generation === 'newest' ? (cluster.generations(request.cluster).at(-1) ?? 1) : generation;
    const stored = cluster.generation(request.cluster, this.generation);
    this.log = new MemoryLog(this.link, stored);
    this.snapshots = new MemorySnapshots(this.link, stored);
    this.bus = new MemoryBus(this.link);
  }

  open(generation: number): Promise<StoredGeneration> {
    const { cluster, clusterName } = this.link;
    return this.link.travel<StoredGeneration>(
      undefined,
      () => {
        const stored = cluster.generation(clusterName, generation);
        return { generation, log: new MemoryLog(this.link, stored), snapshots: new MemorySnapshots(this.link, stored) };
      },
      () => {
        throw new TwinstateError('UNAVAILABLE', 'the memory engine cannot be reached', { cure: 'mend its link and try again' });
      },
    );
  }

  generations(): Promise<readonly number[] | undefined> {
    const { cluster, clusterName } = this.link;
    return this.link.travel<readonly number[] | undefined>(
      undefined,
      () => cluster.generations(clusterName),
      () => undefined,
    );
  }

  close(): Promise<void> {
    this.link.close();
    return Promise.resolve();
  }
}
