/** The public face of `twinstate/testing`: the engine port and its conformance suite, simulated time, and a checker of histories. */
export { engineConformance, type ConformanceCase } from './engine-conformance.js';
export type { EngineWorld } from './engine-world.js';
export { checkHistory } from './history-check.js';
export type {
  Contradiction,
  HistoryAttribute,
  HistoryCall,
  HistoryChange,
  HistoryDeed,
  HistoryState,
  HistoryValue,
} from './history.js';
export { realClock } from './real-clock.js';
export { ProcessClock, seededRandom, SimulatedTime } from './simulated-time.js';
export { SimulatedCluster, type SimulatedClusterOptions } from './simulated-cluster.js';
export { MemoryCluster, type MemoryClusterOptions } from '../engine/memory/memory-cluster.js';
export type { Faults, Journey, ReadJourney, RequestJourney, WriteJourney } from '../engine/memory/faults.js';
export type {
  AppendResult,
  Bus,
  Engine,
  EngineConnection,
  EngineRequest,
  Link,
  Log,
  LogEntry,
  LogRead,
  PutResult,
  RequestResult,
  SnapshotEntry,
  Snapshots,
  Subscription,
} from '../engine/port.js';
export type { Clock, Random, Timer } from '../shared/clock.js';
export { nodeId, partition, revision, sequence } from '../shared/ids.js';
export type { NodeId, Partition, Revision, Sequence } from '../shared/ids.js';
