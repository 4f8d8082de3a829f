import { expect } from 'chai';
import type { SnapshotEntry, Snapshots } from '../../src/engine/port.js';
import { SnapshotPasses } from '../../src/node/snapshot-passes.js';
import { partition, revision, type Partition, type Revision } from '../../src/shared/ids.js';
import { SimulatedTime } from '../../src/testing/simulated-time.js';

const PARTITIONS = 32;
const EACH = 300;

/** Stored snapshots that note how they are read. */
class Shelf {
  readonly reads: string[] = [];
  readonly time: SimulatedTime;
  scanAnswers = true;
  readonly snapshots: Snapshots;

  constructor(scans = true, time = new SimulatedTime()) {
    this.time = time;
    const entries = (of: Partition): SnapshotEntry[] =>
      Array.from({ length: EACH }, (_, i) => ({ key: `${of}/${i}`, value: new Uint8Array(1), revision: revision(i + 1) }));
    const wait = (): Promise<void> => new Promise((resolve) => void this.time.after(10, resolve));
    this.snapshots = {
      put: () => Promise.reject(new Error('nobody writes here')),
      get: () => Promise.resolve(null),
      remove: () => Promise.resolve(),
      list: async (of) => {
        this.reads.push(`list ${of}`);
        await wait();
        return { entries: entries(of), highest: revision(EACH) };
      },
      ...(scans && {
        scan: async (of: ReadonlySet<Partition>, take: (p: Partition, e: readonly SnapshotEntry[]) => Promise<boolean>) => {
          this.reads.push(`scan ${[...of].join()}`);
          for (const each of of) {
            await wait();
            if (!(await take(each, entries(each)))) return undefined;
          }
          return this.scanAnswers ? revision(EACH) : undefined;
        },
      }),
    };
  }
}

class Reader {
  readonly keys: string[] = [];
  live = true;
  result: Revision | undefined | 'none yet' = 'none yet';

  constructor(shelf: Shelf, passes: SnapshotPasses, of: number) {
    const wish = { partition: partition(of), live: () => this.live, take: (some: readonly SnapshotEntry[]) => this.#take(some) };
    void passes.read(shelf.snapshots, wish).then((result) => (this.result = result));
  }

  #take(entries: readonly SnapshotEntry[]): void {
    this.keys.push(...entries.map(({ key }) => key));
  }
}

describe('stored snapshots for replicas that load', () => {
  const start = (shelf: Shelf): SnapshotPasses => new SnapshotPasses(shelf.time, PARTITIONS);

  it('are read in one pass for those that come one after the other, and each gets all of its own', async () => {
    const shelf = new Shelf();
    const passes = start(shelf);
    const readers: Reader[] = [];
    for (let i = 0; i < 6; i++) {
      readers.push(new Reader(shelf, passes, i));
      await shelf.time.runUntil(shelf.time.now() + 60);
    }
    await shelf.time.runUntil(5_000);
    expect(shelf.reads).to.deep.equal(['scan 0,1,2,3,4,5']);
    for (const [i, { keys, result }] of readers.entries()) {
      expect(result).to.equal(EACH);
      expect(keys).to.deep.equal(Array.from({ length: EACH }, (_, k) => `${i}/${k}`));
    }
  });

  it('are read again for one that comes during a pass', async () => {
    const shelf = new Shelf();
    const passes = start(shelf);
    const first = [0, 1, 2].map((i) => new Reader(shelf, passes, i));
    await shelf.time.runUntil(215);
    expect(shelf.reads).to.have.length(1);
    const late = [3, 4].map((i) => new Reader(shelf, passes, i));
    await shelf.time.runUntil(5_000);
    expect(shelf.reads).to.deep.equal(['scan 0,1,2', 'scan 3,4']);
    for (const { keys, result } of [...first, ...late]) expect([keys.length, result]).to.deep.equal([EACH, EACH]);
  });

  it('are listed for one alone, for few of many partitions, and where the engine knows no pass; two at once', async () => {
    for (const [count, scans] of [
      [1, true],
      [4, false],
    ] as const) {
      const shelf = new Shelf(scans);
      const passes = start(shelf);
      const readers = Array.from({ length: count }, (_, i) => new Reader(shelf, passes, i));
      await shelf.time.runUntil(205);
      expect(shelf.reads).to.have.length(Math.min(count, 2));
      await shelf.time.runUntil(5_000);
      expect(shelf.reads).to.deep.equal(readers.map((_, i) => `list ${i}`));
      for (const { keys, result } of readers) expect([keys.length, result]).to.deep.equal([EACH, EACH]);
    }
    const many = new Shelf();
    const passes = new SnapshotPasses(many.time, 100);
    const few = [7, 8].map((i) => new Reader(many, passes, i));
    await many.time.runUntil(5_000);
    for (const { keys } of few) expect(keys).to.have.length(EACH);
    expect(many.reads).to.deep.equal(['list 7', 'list 8']);
  });

  it('of two generations are listed two at once, too', async () => {
    const lost = new Shelf(false);
    const next = new Shelf(false, lost.time);
    const passes = start(lost);
    const readers = [lost, next].flatMap((shelf) => [0, 1, 2].map((i) => new Reader(shelf, passes, i)));
    await lost.time.runUntil(205);
    expect([...lost.reads, ...next.reads]).to.have.length(2);
    await lost.time.runUntil(5_000);
    for (const { keys, result } of readers) expect([keys.length, result]).to.deep.equal([EACH, EACH]);
  });

  it('are asked for again where a pass was not read to its end', async () => {
    const shelf = new Shelf();
    shelf.scanAnswers = false;
    const readers = [0, 1].map((i) => new Reader(shelf, start(shelf), i));
    const passes = start(shelf);
    const both = [2, 3].map((i) => new Reader(shelf, passes, i));
    await shelf.time.runUntil(5_000);
    for (const { result } of both) expect(result).to.equal(undefined);
    expect(
      readers.map(({ result }) => result),
      'these were listed',
    ).to.deep.equal([EACH, EACH]);
  });

  it('are given to nobody who has ended, and a pass that nobody wants any more ends', async () => {
    const shelf = new Shelf();
    const passes = start(shelf);
    const readers = [0, 1, 2, 3].map((i) => new Reader(shelf, passes, i));
    await shelf.time.runUntil(212);
    for (const reader of readers) reader.live = false;
    await shelf.time.runUntil(5_000);
    expect(readers.map(({ keys }) => keys.length).slice(1)).to.deep.equal([0, 0, 0]);
    expect(readers.map(({ result }) => result)).to.deep.equal([undefined, undefined, undefined, undefined]);
  });

  it('leave the process time for other work: no more than 256 are given without a pause', async () => {
    const shelf = new Shelf();
    const passes = start(shelf);
    const readers = Array.from({ length: 8 }, (_, i) => new Reader(shelf, passes, i));
    let [before, most] = [0, 0];
    while (readers.some(({ result }) => result === 'none yet')) {
      // one event after the other
      await shelf.time.runUntil(shelf.time.now() + 0.5);
      const given = readers.reduce((sum, { keys }) => sum + keys.length, 0);
      most = Math.max(most, given - before);
      before = given;
    }
    expect(before).to.equal(8 * EACH);
    expect(most).to.be.within(1, 512);
  });
});
