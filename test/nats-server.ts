/** The servers that tests run on; they live beside the samples, which need them too. */
export { startNatsCluster, startNatsServer, type NatsServer, type NatsServerOptions } from '../samples/support/nats-server.js';
