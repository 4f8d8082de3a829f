/** Commits whose primary is in the very process that commits: the way of most of them. */
import { expect } from 'chai';
import type { TwinstateError } from '../../src/index.js';
import { LogEye } from './log-eye.js';
import { Counter, SESSIONS } from './sessions.js';
import { embeddedWorld, TestCluster } from './world.js';

describe('commits to a primary in the same process', () => {
  const clusters: TestCluster[] = [];
  const clusterOf = (sessions: readonly (new () => object)[]): TestCluster => {
    const cluster = new TestCluster(embeddedWorld(), { sessions: [...sessions], backups: 0, partitions: 1 });
    clusters.push(cluster);
    return cluster;
  };
  afterEach(async () => {
    for (const cluster of clusters.splice(0)) await cluster.close();
  });

  it('leave together in one record where they are awaited side by side', async () => {
    const cluster = clusterOf(SESSIONS);
    const store = await cluster.connect();
    const counters = await Promise.all(Array.from({ length: 20 }, () => store.create(Counter)));
    await Promise.all(
      counters.map((counter) => {
        counter.count = 7;
        return store.commit(counter);
      }),
    );
    const eye = await LogEye.open(cluster, 1);
    const records = (await eye.records()).map(({ record }) => (record.type === 'commit' ? record.entries : []));
    await eye.close();
    const commits = records.map((entries) => entries.filter(({ kind }) => kind === 'commit').length).filter((count) => count > 0);
    expect(commits).to.deep.equal([20]);
  });

  it('keep the order of one session, however many are under way, and every one has its own version', async () => {
    const store = await clusterOf(SESSIONS).connect();
    const counter = await store.create(Counter);
    const versions = await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        counter.count = i + 1;
        return (await store.commit(counter)).version;
      }),
    );
    expect(versions).to.deep.equal([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const again = (await store.open(Counter, store.idOf(counter), { consistency: 'strong' }))!;
    expect(again.count).to.equal(10);
  });

  it('are stale after one that did not succeed, and those behind it in the lane fail with it', async () => {
    const store = await clusterOf(SESSIONS).connect();
    const one = await store.create(Counter);
    const second = (await store.open(Counter, store.idOf(one)))!;
    second.count = 5;
    await store.commit(second);
    one.count = 1;
    const first = store.commit(one).catch((error: TwinstateError) => error.code);
    one.count = 2;
    const behind = store.commit(one).catch((error: TwinstateError) => error.code);
    expect(await Promise.all([first, behind])).to.deep.equal(['CONFLICT', 'STALE_INSTANCE']);
    await store.refresh(one);
    one.count = 3;
    expect((await store.commit(one)).version).to.equal(3);
  });

  it('end with the truth where the store is closed while they are under way', async () => {
    const store = await clusterOf(SESSIONS).connect();
    const counters = await Promise.all(Array.from({ length: 5 }, () => store.create(Counter)));
    const ends = counters.map((counter) => {
      counter.count = 1;
      return store.commit(counter).then(
        () => 'stored',
        (error: TwinstateError) => `${error.code} ${error.outcome}`,
      );
    });
    const closed = store.close();
    // taken, and not sent when the store closed: they can never be stored
    for (const end of await Promise.all(ends)) expect(end).to.equal('CLOSED not-stored');
    await closed;
  });
});
