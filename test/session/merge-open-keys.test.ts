/** The keys of an open class follow the rule that was declared for all of them, at any depth, and attributes beside them their own. */
import { expect } from 'chai';
import { connect, defineSession, memoryEngine, type SessionStore } from '../../src/index.js';

class Anything {
  [key: string]: unknown;
}
defineSession(Anything, { name: 'anything', mutable: { '*': { merge: 'last' } } });

class Careful {
  [key: string]: unknown;
}
defineSession(Careful, { name: 'careful', mutable: '*' });

describe('two commits that changed the same key of an open class', () => {
  let here: SessionStore;
  let there: SessionStore;
  before(async () => {
    const engine = memoryEngine();
    const options = { sessions: [Anything, Careful], engine, cluster: 'keys', partitions: 1 };
    here = await connect({ ...options, nodeId: 'a' });
    there = await connect({ ...options, nodeId: 'b' });
  });
  after(async () => {
    await here.close();
    await there.close();
  });

  async function both(
    type: typeof Anything,
    init: Record<string, unknown>,
    change: (mine: Anything, theirs: Anything) => void,
  ): Promise<{ readonly stored: Anything; readonly mine: Anything; readonly error: unknown }> {
    const mine = await here.create(type, init);
    const id = here.idOf(mine);
    const theirs = (await there.open(type, id))!;
    change(mine, theirs);
    await there.commit(theirs);
    const error: unknown = await here.commit(mine).then(
      () => undefined,
      (cause: unknown) => cause,
    );
    return { stored: (await there.open(type, id, { consistency: 'strong' }))!, mine, error };
  }

  it('keep the last one, where the class says so', async () => {
    const { stored, mine, error } = await both(Anything, { page: 1, other: 'x' }, (a, b) => {
      a['page'] = 2;
      b['page'] = 3;
      b['other'] = 'y';
    });
    expect(error).to.equal(undefined);
    expect(stored).to.deep.equal(Object.assign(new Anything(), { page: 2, other: 'y' }));
    expect(mine).to.deep.equal(stored);
  });

  it('keep the last one behind a key, too', async () => {
    const { stored, error } = await both(Anything, { prefs: { theme: 'light', size: 1 } }, (a, b) => {
      (a['prefs'] as Record<string, unknown>)['theme'] = 'dark';
      Object.assign(b['prefs'] as object, { theme: 'blue', size: 2 });
    });
    expect(error).to.equal(undefined);
    expect(stored['prefs']).to.deep.equal({ theme: 'dark', size: 2 });
  });

  it('let the one that deletes or begins a key win, if it is the last', async () => {
    const deleted = await both(Anything, { page: 1 }, (a, b) => {
      delete a['page'];
      b['page'] = 3;
    });
    expect(Object.keys(deleted.stored)).to.deep.equal([]);
    const begun = await both(Anything, {}, (a, b) => {
      a['user'] = { name: 'a' };
      b['user'] = { name: 'b' };
    });
    expect(begun.stored['user']).to.deep.equal({ name: 'a' });
  });

  it('conflict where nothing is said', async () => {
    const { stored, error } = await both(Careful, { page: 1 }, (a, b) => {
      a['page'] = 2;
      b['page'] = 3;
    });
    expect(error).to.include({ code: 'CONFLICT', outcome: 'not-stored' });
    expect(stored['page']).to.equal(3);
  });

  it('can follow no rule that wants to know a type, and none beside listed attributes', () => {
    class Odd {}
    expect(() => defineSession(Odd, { mutable: { '*': { merge: 'add' as 'last' } } })).to.throw(/OPTION_INVALID.*merge/);
    expect(() => defineSession(Odd, { mutable: { '*': {}, items: {} } })).to.throw(/OPTION_INVALID.*items/);
  });
});
