/** What a store is made of, and what it asks of its router. */
import type { EngineConnection } from '../engine/port.js';
import type { SessionModel } from '../model/session-model.js';
import type { ClusterNode, NodeOperation } from '../node/cluster-node.js';
import type { Runtime } from '../node/runtime.js';
import type { Events } from '../observe/events.js';
import type { AtRest } from '../session/at-rest.js';
import type { SessionId } from '../shared/ids.js';
import type { Ack } from './options.js';
import type { Router } from './router.js';

export interface StoreParts {
  readonly node: ClusterNode<AtRest>;
  readonly router: Router;
  readonly models: ReadonlyMap<object, SessionModel>;
  readonly runtime: Runtime;
  readonly ack: Ack;
  /** This client's incarnation: part of every operation's id. */
  readonly client: string;
  readonly connection: EngineConnection;
  readonly events: Events;
}

export interface StoreOperation extends Pick<NodeOperation, 'kind' | 'base' | 'payload' | 'rebased'> {
  readonly id: SessionId;
  readonly model: SessionModel;
  readonly ack: Ack;
}
