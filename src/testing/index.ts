/** The public face of `twinstate/testing`: every name by hand. */
export { engineConformance, type ConformanceCase } from './engine-conformance.js';
export type { EngineWorld } from './engine-world.js';
export { MemoryCluster, type MemoryClusterOptions } from '../engine/memory/memory-cluster.js';
export { realClock } from './real-clock.js';
export { nodeId, type NodeId } from '../shared/ids.js';
