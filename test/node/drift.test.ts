/** Two real stores in simulated time: what is damaged in one's memory is found, never served, and read again. */
import diagnostics from 'node:diagnostics_channel';
import { expect } from 'chai';
import { MemoryCluster } from '../../src/engine/memory/memory-cluster.js';
import type { Notice } from '../../src/replication/effect.js';
import type { PartitionMachine } from '../../src/replication/partition-machine.js';
import { AtRest } from '../../src/session/at-rest.js';
import { sessionId } from '../../src/shared/ids.js';
import { SimulatedTime, seededRandom } from '../../src/testing/simulated-time.js';
import { Diary } from '../simulation/diary.js';
import { SimulatedProcess } from '../simulation/process.js';

const TIMING = { checkpointRecords: 4, checkpointIdleMs: 500, snapshotMs: 50, hotSessionsMax: 1 };
const ID = 'page by page';

describe('a replica whose memory was damaged', () => {
  let time: SimulatedTime;
  let processes: SimulatedProcess[];
  let notices: Notice[];
  const onNotice = (message: unknown): void => void notices.push((message as { readonly notice: Notice }).notice);

  beforeEach(async () => {
    time = new SimulatedTime();
    notices = [];
    diagnostics.subscribe('twinstate:notice', onNotice);
    const cluster = new MemoryCluster();
    const random = seededRandom(3);
    let ids = 0;
    const common = { role: 'node', backups: 1, partitions: 1, takeover: 'fast', timing: TIMING, editions: { old: [Diary], new: [Diary] } } as const;
    processes = ['a', 'b'].map(
      (name) => new SimulatedProcess({ ...common, name }, time, cluster, random, () => `id${++ids}`.padEnd(24, 'x')),
    );
    for (const process of processes) process.start();
    await run(2_000);
    const [first] = processes;
    await during(first!.store!.create(Diary, { life: 'one' }, { id: ID }));
    for (let i = 0; i < 3; i++) await during(first!.store!.update(Diary, ID, (diary) => void diary.entries.push(`entry ${i}`)));
    await run(300);
  });

  afterEach(() => {
    diagnostics.unsubscribe('twinstate:notice', onNotice);
    for (const process of processes) process.kill();
  });

  const run = (ms: number): Promise<void> => time.runUntil(time.now() + ms);

  async function during<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const mark = (): void => void (settled = true);
    promise.then(mark, mark);
    for (let i = 0; i < 200 && !settled; i++) await run(50);
    return promise;
  }

  function replica(role: 'leading' | 'following'): {
    readonly process: SimulatedProcess;
    readonly machine: PartitionMachine<AtRest>;
  } {
    for (const process of processes) {
      const machine = process.node!.replicas[0]!.machine;
      if (machine.role === role) return { process, machine };
    }
    throw new Error(`nobody is ${role}`);
  }

  const drifts = (): Notice[] => notices.filter(({ kind }) => kind === 'drift');
  const bytesOf = (machine: PartitionMachine<AtRest>): string =>
    Buffer.from(machine.ledger.session(sessionId(ID))!.body!.snapshot()).toString('hex');

  for (const role of ['following', 'leading'] as const) {
    it(`serves nothing of it, says so, and has read it again a moment later: ${role}`, async () => {
      const { process, machine } = replica(role);
      const record = machine.ledger.sessions.cold.record(sessionId(ID));
      expect(record, 'it is cold after some ticks without a request').not.to.equal(undefined);
      record![record!.byteLength - 20]! ^= 0x10;
      const diary = await during(process.store!.open(Diary, ID, { consistency: role === 'following' ? 'local' : 'primary' }));
      expect(diary!.entries).to.deep.equal(['entry 0', 'entry 1', 'entry 2']);
      expect(drifts().map((notice) => 'session' in notice && notice.session)).to.deep.equal([ID]);
      await run(500);
      expect(bytesOf(replica('following').machine)).to.equal(bytesOf(replica('leading').machine));
    });
  }

  it('is found at a checkpoint although its bytes are whole, and mended', async () => {
    const { machine } = replica('following');
    const state = machine.ledger.session(sessionId(ID))!;
    const other = Buffer.from(state.body!.snapshot());
    const at = other.indexOf('entry 1');
    other.write('entry X', at);
    state.body = AtRest.of(new Uint8Array(other), state.version);
    // so much is committed that snapshots are written and the log is trimmed
    const { process } = replica('leading');
    for (let i = 3; i < 8; i++) await during(process.store!.update(Diary, ID, (diary) => void diary.entries.push(`entry ${i}`)));
    await run(5_000);
    expect(drifts()).to.have.length(1);
    expect(bytesOf(replica('following').machine)).to.equal(bytesOf(replica('leading').machine));
  });

  it('takes commits for its other sessions all the while', async () => {
    const { process, machine } = replica('leading');
    machine.ledger.sessions.cold.record(sessionId(ID))![60]! ^= 0x01;
    const other = await during(process.store!.create(Diary, { life: 'two' }));
    await during(process.store!.update(Diary, ID, (diary) => void diary.entries.push('entry 3')));
    other.entries.push('whole');
    expect((await during(process.store!.commit(other))).version).to.equal(2);
    expect((await during(process.store!.open(Diary, ID)))!.entries).to.have.length(4);
  });
});
