/** The public face of `twinstate/testing`: engines' conformance, and a cluster under simulated time. */
export { engineConformance } from './engine-conformance.js';
export type { EngineCase, EngineWorld } from './engine-world.js';
export { ProcessClock, seededRandom, SimulatedTime } from './simulated-time.js';
export { MemoryCluster } from '../engine/memory/memory-cluster.js';
export type { MemoryClusterOptions } from '../engine/memory/memory-cluster.js';
export type { Faults, Journey, ReadJourney, RequestJourney, WriteJourney } from '../engine/memory/faults.js';
