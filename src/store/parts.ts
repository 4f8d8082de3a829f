/** What a store is made of. */
import type { EngineConnection } from '../engine/port.js';
import type { SessionModel } from '../model/session-model.js';
import type { ClusterNode } from '../node/cluster-node.js';
import type { Runtime } from '../node/runtime.js';
import type { Events } from '../observe/events.js';
import type { AtRest } from '../session/at-rest.js';
import type { Ack } from './options.js';
import type { Router } from './router.js';
import type { SessionReader } from './session-reader.js';
import type { SessionWriter } from './session-writer.js';
import type { Watchers } from './watch.js';

export interface StoreParts {
  readonly node: ClusterNode<AtRest>;
  readonly router: Router;
  readonly reader: SessionReader;
  readonly writer: SessionWriter;
  readonly models: ReadonlyMap<object, SessionModel>;
  readonly runtime: Runtime;
  readonly ack: Ack;
  /** Commits look into immutable attributes, too. */
  readonly audit: boolean;
  readonly connection: EngineConnection;
  readonly events: Events;
  readonly watchers: Watchers;
}
