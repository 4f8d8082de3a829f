/** Looks at a cluster's log from outside, through the engine: what really travels to the backups. */
import type { Engine, EngineConnection } from '../../src/engine/port.js';
import { decodeRecord } from '../../src/replication/record.js';
import type { Entry, LogRecord } from '../../src/replication/record.js';
import { nodeId, partition, sequence } from '../../src/shared/ids.js';
import type { Sequence } from '../../src/shared/ids.js';
import { realClock } from '../../src/testing/real-clock.js';
import { until } from './world.js';

export interface SeenRecord {
  readonly at: Sequence;
  readonly record: LogRecord;
}

export class LogEye {
  readonly connection: EngineConnection;
  readonly #partitions: number;

  private constructor(connection: EngineConnection, partitions: number) {
    this.connection = connection;
    this.#partitions = partitions;
  }

  static async open({ engine, name }: { readonly engine: Engine; readonly name: string }, partitions: number): Promise<LogEye> {
    const node = nodeId(`eye~${Math.random().toString(36).slice(2)}`);
    const request = { cluster: name, generation: 1, node, clock: realClock, random: Math.random, timeoutMs: 10_000 };
    return new LogEye(await engine.connect(request), partitions);
  }

  /** Every record of every partition that is still in the log. */
  async records(): Promise<SeenRecord[]> {
    const seen: SeenRecord[] = [];
    for (let i = 0; i < this.#partitions; i++) {
      await until('the log answers', async () => {
        const read = await this.connection.log.read(partition(i), sequence(0));
        for (const entry of read?.entries ?? []) seen.push({ at: entry.sequence, record: decodeRecord(entry.record) });
        return read !== undefined;
      });
    }
    return seen;
  }

  /** What the log holds of one session, in order. */
  async entriesOf(session: string): Promise<Entry[]> {
    const records = await this.records();
    return records.flatMap(({ record }) =>
      record.type === 'commit' ? record.entries.filter((entry) => entry.session === session) : [],
    );
  }

  /** The deltas of one session that went to the backups, in order. */
  async deltasOf(session: string): Promise<Uint8Array[]> {
    return (await this.entriesOf(session)).filter(({ kind }) => kind === 'commit').map(({ payload }) => payload);
  }

  close(): Promise<void> {
    return this.connection.close();
  }
}
