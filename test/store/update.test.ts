/** An update opens, changes and commits, and runs its function again on newer state until no one else was in between. */
import { expect } from 'chai';
import type { SessionStore } from '../../src/index.js';
import { refused } from './refused.js';
import { Bag, Counter, SESSIONS } from './sessions.js';
import { clusterOf, inBothWorlds } from './world.js';

inBothWorlds('update', (world) => {
  const cluster = clusterOf(world, 2, { sessions: SESSIONS, backups: 1 });
  const here = (): SessionStore => cluster().stores[0]!;
  const there = (): SessionStore => cluster().stores[1]!;

  it('resolves with what the function returned, once the change is stored', async () => {
    const id = here().idOf(await here().create(Counter));
    expect(await there().update(Counter, id, (counter) => ++counter.count)).to.equal(1);
    expect((await here().open(Counter, id, { consistency: 'strong' }))!.count).to.equal(1);
    const name = await here().update(Counter, id, async (counter) => {
      await Promise.resolve();
      counter.count++;
      return 'awaited';
    });
    expect(name).to.equal('awaited');
    expect((await there().open(Counter, id, { consistency: 'strong' }))!.count).to.equal(2);
  });

  it('counts exactly once for each call, from two processes at once', async () => {
    const id = here().idOf(await here().create(Counter));
    const each = 25;
    const add = (store: SessionStore): Promise<unknown>[] =>
      Array.from({ length: each }, () => store.update(Counter, id, (counter) => void counter.count++, { attempts: 1_000 }));
    await Promise.all([...add(here()), ...add(there())]);
    expect((await here().open(Counter, id, { consistency: 'strong' }))!.count).to.equal(2 * each);
  });

  it('runs in order for one session in one process', async () => {
    const id = here().idOf(await here().create(Bag, { value: [] as number[] }));
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => here().update(Bag, id, (bag) => void (bag.value as number[]).push(i))),
    );
    expect((await there().open(Bag, id, { consistency: 'strong' }))!.value).to.deep.equal(
      Array.from({ length: 20 }, (_, i) => i),
    );
  });

  it('runs the function again on newer state after a conflict', async () => {
    const id = here().idOf(await here().create(Counter));
    const seen: number[] = [];
    await here().update(Counter, id, async (counter) => {
      seen.push(counter.count);
      if (seen.length === 1) await there().update(Counter, id, (other) => void (other.count = 10));
      counter.count++;
    });
    expect(seen).to.deep.equal([0, 10]);
    expect((await there().open(Counter, id, { consistency: 'strong' }))!.count).to.equal(11);
  });

  it('gives up after so many attempts, with the conflict', async () => {
    const id = here().idOf(await here().create(Counter));
    let runs = 0;
    const update = here().update(
      Counter,
      id,
      async (counter) => {
        runs++;
        await there().update(Counter, id, (other) => void other.count++);
        counter.count = -1;
      },
      { attempts: 3 },
    );
    await refused(update, 'CONFLICT', 'not-stored');
    expect(runs).to.equal(3);
    expect((await here().open(Counter, id, { consistency: 'strong' }))!.count).to.equal(3);
  });

  it('commits nothing where the function throws, and rejects with what it threw', async () => {
    const id = here().idOf(await here().create(Counter));
    const mine = new Error('mine');
    let caught: unknown;
    await here()
      .update(Counter, id, (counter) => {
        counter.count = 5;
        throw mine;
      })
      .catch((error: unknown) => (caught = error));
    expect(caught).to.equal(mine);
    const after = (await there().open(Counter, id, { consistency: 'strong' }))!;
    expect([after.count, there().versionOf(after)]).to.deep.equal([0, 1]);
    expect(await here().update(Counter, id, (counter) => ++counter.count), 'and the next one is not held up').to.equal(1);
  });

  it('of an absent session is SESSION_GONE, or creates it', async () => {
    let ran = false;
    await refused(
      here().update(Counter, 'absent', () => (ran = true)),
      'SESSION_GONE',
      'not-stored',
    );
    expect(ran).to.equal(false);
    expect(await here().update(Counter, 'absent', (counter) => ++counter.count, { create: { count: 5 } })).to.equal(6);
    expect(await there().update(Counter, 'absent', (counter) => ++counter.count, { create: { count: 5 } })).to.equal(7);
  });

  it('with create from two processes at once makes the session once and loses nothing', async () => {
    const add = (store: SessionStore): Promise<unknown> =>
      store.update(Counter, 'made by both', (counter) => void counter.count++, { create: { count: 0 }, attempts: 1_000 });
    await Promise.all([here(), there(), here(), there(), here(), there()].map(add));
    expect((await here().open(Counter, 'made by both', { consistency: 'strong' }))!.count).to.equal(6);
  });

  it('that changes nothing writes nothing', async () => {
    const id = here().idOf(await here().create(Counter));
    expect(await there().update(Counter, id, ({ count }) => count)).to.equal(0);
    const after = (await here().open(Counter, id, { consistency: 'strong' }))!;
    expect(here().versionOf(after)).to.equal(1);
  });

  it('that waits for its turn can be given up, by signal or by time, and those behind it go on', async () => {
    const id = here().idOf(await here().create(Counter));
    let release!: () => void;
    const held = new Promise<void>((resolve) => (release = resolve));
    const slow = here().update(Counter, id, async (counter) => {
      await held;
      counter.count += 1;
    });
    const never = (): never => {
      throw new Error('this never has its turn');
    };
    const abort = new AbortController();
    const aborted = refused(here().update(Counter, id, never, { signal: abort.signal }), 'ABORTED', 'not-stored');
    const late = refused(here().update(Counter, id, never, { timeoutMs: 50 }), 'TIMEOUT', 'not-stored');
    const after = here().update(Counter, id, (counter) => (counter.count += 10));
    const other = here().idOf(await here().create(Counter));
    expect(await here().update(Counter, other, (counter) => ++counter.count), 'another session is not held up').to.equal(1);
    abort.abort();
    await aborted;
    expect((await late).message).to.match(/waiting behind earlier calls/);
    release();
    await slow;
    expect(await after).to.equal(11);
  });

  it('is refused where a thousand wait for one session already', async () => {
    const id = here().idOf(await here().create(Counter));
    let release!: () => void;
    const held = new Promise<void>((resolve) => (release = resolve));
    const slow = here().update(Counter, id, () => held);
    const aborts = Array.from({ length: 1_000 }, () => new AbortController());
    const waiting = aborts.map(({ signal }) => refused(here().update(Counter, id, () => 0, { signal }), 'ABORTED', 'not-stored')); // prettier-ignore
    const error = await refused(here().update(Counter, id, () => 0), 'LIMIT_EXCEEDED', 'not-stored'); // prettier-ignore
    expect(error.cure).to.match(/await some before calling more/);
    for (const abort of aborts) abort.abort();
    await Promise.all(waiting);
    release();
    await slow;
    expect(await here().update(Counter, id, (counter) => ++counter.count)).to.equal(1);
  });

  it('ends with its time, its function included, and stores nothing then', async () => {
    const id = here().idOf(await here().create(Counter));
    const update = here().update(
      Counter,
      id,
      async (counter) => {
        counter.count = 5;
        await new Promise((resolve) => setTimeout(resolve, 1_600));
      },
      { timeoutMs: 1_500 },
    );
    expect((await refused(update, 'TIMEOUT', 'not-stored')).message).to.match(/in the function given to `update`/);
    expect((await there().open(Counter, id, { consistency: 'strong' }))!.count).to.equal(0);
  });

  it('refuses a number of attempts that is none', async () => {
    await refused(
      here().update(Counter, 'x', () => 0, { attempts: 0 }),
      'OPTION_INVALID',
      'not-stored',
    );
  });
});
