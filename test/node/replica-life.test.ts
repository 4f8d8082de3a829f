import { expect } from 'chai';
import { CallQueue } from '../../src/node/call-queue.js';
import { ReplicaLife } from '../../src/node/replica-life.js';

describe('the life of a replica', () => {
  const told: string[] = [];
  const following = (name: string) => () => ({ stop: () => void told.push(`${name} is not followed`) });
  const timer = (name: string) => ({ cancel: () => void told.push(`${name} is cancelled`) });

  beforeEach(() => void told.splice(0));

  it('follows one thing, and waits for one', () => {
    const life = new ReplicaLife();
    life.follow(following('one'));
    life.wait(timer('a'));
    expect(told).to.deep.equal([]);
    life.follow(following('two'));
    life.wait(timer('b'));
    expect(told).to.deep.equal(['one is not followed', 'a is cancelled']);
  });

  it('lets nothing of it go on when it is over', () => {
    const life = new ReplicaLife();
    life.follow(following('one'));
    life.wait(timer('a'));
    life.end();
    expect(life.over).to.equal(true);
    expect(told).to.deep.equal(['one is not followed', 'a is cancelled']);
  });

  it('begins nothing when it is over: a driver may be stopped between the effects of one call', () => {
    const life = new ReplicaLife();
    life.end();
    life.follow(() => {
      told.push('it is followed');
      return { stop: () => undefined };
    });
    life.wait(timer('a'));
    expect(told).to.deep.equal(['a is cancelled']);
  });
});

describe('calls of a state machine', () => {
  it('are made one at a time and in their order, whoever calls meanwhile', () => {
    const made: string[] = [];
    const queue = new CallQueue((call) => {
      made.push('begins');
      call();
      made.push('ends');
    });
    queue.run(() => {
      queue.run(() => void made.push('second'));
      queue.run(() => void made.push('third'));
      expect(queue.busy).to.equal(true);
      made.push('first');
    });
    expect(made).to.deep.equal(['begins', 'first', 'ends', 'begins', 'second', 'ends', 'begins', 'third', 'ends']);
    expect(queue.busy).to.equal(false);
  });

  it('go on after one that failed', () => {
    const made: string[] = [];
    const queue = new CallQueue((call) => call());
    expect(() =>
      queue.run(() => {
        throw new Error('no');
      }),
    ).to.throw('no');
    queue.run(() => void made.push('next'));
    expect(made).to.deep.equal(['next']);
  });
});
