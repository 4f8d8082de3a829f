/**
 * Claims 7 and 8. Which attributes are mutable is found from the declarations of the class, once; the backup is synchronised by
 * that set, and only what is in the set is compared. What is immutable is sent once, when the session is made, and never looked
 * at again.
 */
import 'reflect-metadata';
import { expect } from 'chai';
import { Immutable, Mutable, Session, Transient } from '../../src/index.js';
import { modelOf } from '../../src/model/model-of.js';
import { claimGround } from './observer.js';
import type { ClaimGround } from './observer.js';

/** Every read of an attribute. */
const reads: string[] = [];

class Watched {
  protected spied(name: string): void {
    reads.push(`.${name}`);
  }
}

class Device extends Watched {
  #serial = '';
  #level = 0;
  @Immutable()
  get serial(): string {
    this.spied('serial');
    return this.#serial;
  }
  set serial(serial: string) {
    this.#serial = serial;
  }
  @Mutable()
  get level(): number {
    this.spied('level');
    return this.#level;
  }
  set level(level: number) {
    this.#level = level;
  }
}

@Session({ name: 'household' })
class Household extends Watched {
  #owner = '';
  #mode = 'day';
  #cache = 'never leaves';
  @Immutable()
  get owner(): string {
    this.spied('owner');
    return this.#owner;
  }
  set owner(owner: string) {
    this.#owner = owner;
  }
  @Mutable()
  get mode(): string {
    this.spied('mode');
    return this.#mode;
  }
  set mode(mode: string) {
    this.#mode = mode;
  }
  @Transient()
  get cache(): string {
    this.spied('cache');
    return this.#cache;
  }
  set cache(cache: string) {
    this.#cache = cache;
  }
  @Mutable({ type: () => Device }) devices: Device[] = [];
  /** The object that stands in an immutable attribute is not looked into either. */
  @Immutable() address!: object;
}

describe('claims 7, 8: the mutable-attribute set', function () {
  this.timeout(120_000);
  let ground: ClaimGround;
  before(async () => (ground = await claimGround({ sessions: [Household] })));
  after(() => ground?.close());
  beforeEach(() => void (reads.length = 0));

  const spyAddress = (): object =>
    new Proxy(
      { street: 'Long Street' },
      {
        get: (target, key, receiver) => {
          reads.push(`.address.${String(key)}`);
          return Reflect.get(target, key, receiver) as unknown;
        },
        ownKeys: (target) => {
          reads.push('.address keys');
          return Reflect.ownKeys(target);
        },
      },
    );

  const device = (serial: string): Device => Object.assign(new Device(), { serial });

  async function household(): Promise<{ home: Household; id: string }> {
    const home = Object.assign(new Household(), { owner: 'Ada', devices: [device('d1'), device('d2')], address: spyAddress() });
    await ground.primary.create(home);
    return { home, id: ground.primary.idOf(home) };
  }

  it('is made from the declarations, ordered and frozen, and made once', () => {
    const { root, classes } = modelOf(Household);
    expect(root.mutable.map(({ property }) => property)).to.deep.equal(['mode', 'devices']);
    expect(classes.get('Device')!.mutable.map(({ property }) => property)).to.deep.equal(['level']);
    expect(Object.isFrozen(root.mutable)).to.equal(true);
    expect(modelOf(Household).root.mutable).to.equal(root.mutable);
  });

  it('is what a commit compares, and nothing else is read', async () => {
    const { home } = await household();
    expect(reads, 'when the session was made').to.include.members(['.owner', '.serial', '.address keys']);
    home.devices[1]!.level = 7;
    reads.length = 0;
    await ground.primary.commit(home);
    expect(reads).to.include.members(['.mode', '.level']);
    expect(new Set(reads)).to.deep.equal(new Set(['.mode', '.level']));
    reads.length = 0;
    expect((await ground.primary.commit(home)).bytes).to.equal(0);
    expect(new Set(reads)).to.deep.equal(new Set(['.mode', '.level']));
  });

  it('is what the delta carries: immutables went once, with the create', async () => {
    const { home, id } = await household();
    home.mode = 'night';
    home.devices[0]!.level = 3;
    home.cache = 'changed, and of no interest';
    await ground.primary.commit(home, { ack: { backups: 1 } });
    const [create] = await ground.eye.entriesOf(id);
    const [delta] = (await ground.eye.deltasOf(id)).map((each) => Buffer.from(each));
    for (const text of ['Ada', 'Long Street', 'd1']) {
      expect(Buffer.from(create!.payload).includes(text), text).to.equal(true);
      expect(delta!.includes(text), text).to.equal(false);
    }
    expect(delta!.includes('night')).to.equal(true);
    expect(Buffer.concat([create!.payload, delta!]).includes('never leaves')).to.equal(false);
    expect(delta!.includes('of no interest')).to.equal(false);
  });

  it('is what the backup is synchronised by: it has the new mutables and the old immutables', async () => {
    const { home, id } = await household();
    home.mode = 'away';
    home.devices[1]!.level = 9;
    home.devices.push(device('d3'));
    await ground.primary.commit(home, { ack: { backups: 1 } });
    const backup = (await ground.backup.open(Household, id, { consistency: 'local' }))!;
    expect([backup.owner, backup.mode, backup.cache]).to.deep.equal(['Ada', 'away', 'never leaves']);
    expect(backup.devices.map(({ serial, level }) => [serial, level])).to.deep.equal([
      ['d1', 0],
      ['d2', 9],
      ['d3', 0],
    ]);
    expect(backup.address).to.deep.equal({ street: 'Long Street' });
  });
});
