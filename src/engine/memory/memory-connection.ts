/** One node's connection to a memory cluster: the three services over one link. */
import type { EngineConnection, EngineRequest } from '../port.js';
import { MemoryBus } from './memory-bus.js';
import type { MemoryCluster } from './memory-cluster.js';
import { MemoryLink } from './memory-link.js';
import { MemoryLog } from './memory-log.js';
import { MemorySnapshots } from './memory-snapshots.js';

const MESSAGE_BYTES_MAX = 1024 * 1024;

export class MemoryConnection implements EngineConnection {
  readonly log: MemoryLog;
  readonly snapshots: MemorySnapshots;
  readonly bus: MemoryBus;
  readonly link: MemoryLink;
  readonly messageBytesMax: number;

  constructor(cluster: MemoryCluster, request: EngineRequest) {
    this.link = new MemoryLink(cluster, request);
    this.messageBytesMax = cluster.options.messageBytesMax ?? MESSAGE_BYTES_MAX;
    this.log = new MemoryLog(this.link);
    this.snapshots = new MemorySnapshots(this.link);
    this.bus = new MemoryBus(this.link);
  }

  close(): Promise<void> {
    this.link.close();
    return Promise.resolve();
  }
}
