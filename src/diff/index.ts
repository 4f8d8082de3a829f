/** The differencing engine on its own: `twinstate/diff`. */
export { Benchmark } from './benchmark.js';
export type { Change } from './delta-description.js';
export { describe, paths, type Places } from './describe.js';
export type { Clash, Graph } from './graph.js';
export type { NodePath } from './graph-path.js';
export { Replica } from './replica.js';
export { strategies, type AttributeStrategy } from './strategy.js';
export type { Limits } from '../wire/limits.js';
export { modelOf } from '../model/model-of.js';
export type { AttributeModel, ClassModel, SessionModel } from '../model/session-model.js';
