/** The public face of `twinstate/nats`. */
export { natsEngine } from './nats-engine.js';
export type { NatsEngineOptions } from './options.js';
