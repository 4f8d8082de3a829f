/** The session of the failover benchmark: what it counts is held against what was acknowledged. */
import 'reflect-metadata';
import { Mutable } from '../../../src/model/mutable.js';
import { Session } from '../../../src/model/session.js';

@Session({ name: 'counter' })
export class Counter {
  @Mutable() count = 0;
}

export const CLUSTER = 'failover';
export const PARTITIONS = 16;
export const BACKUPS = 1;
