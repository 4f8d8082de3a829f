/** What the calls of a store take and give. */
import type { Init } from '../model/adoption.js';
import type { CallOptions } from './call-options.js';
import type { Ack } from './options.js';

export interface WriteOptions extends CallOptions {
  /** How much must have happened once the promise resolves (default: the store's). */
  readonly ack?: Ack | undefined;
}

export interface CreateOptions extends WriteOptions {
  /** The session's id: 1 to 512 bytes of well-formed Unicode (default: a random one that is led by this process). */
  readonly id?: string | undefined;
}

export interface OpenOptions extends CallOptions {
  /** `primary` (default): as its primary holds it, at most one lease old. `strong`: confirmed by the log. `local`: what is here. */
  readonly consistency?: 'strong' | 'primary' | 'local' | undefined;
  /** Only a state of at least this version will do: what somebody has seen stays seen. */
  readonly atLeast?: number | undefined;
}

export interface UpdateOptions<T> extends WriteOptions {
  /** Creates the session with these attributes where there is none. */
  readonly create?: Init<T> | undefined;
  /** How often the function may run, at most (default 16). */
  readonly attempts?: number | undefined;
}

export interface Committed {
  /** The version that holds the change. */
  readonly version: number;
  /** Bytes of the delta; 0 where nothing had changed. */
  readonly bytes: number;
}
