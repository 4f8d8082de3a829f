/**
 * What is `sensitive` is nowhere to be seen: a marker stands in every place that an attribute can keep it, everything that can go
 * wrong does, and whatever a person or a machine may look at is searched for it.
 */
import 'reflect-metadata';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { clusterStatus, connect, Immutable, Mutable, Session, subscribe, TwinstateError } from '../../src/index.js';
import type { EventKind, SessionStore } from '../../src/index.js';
import { Benchmark, describe as describeDelta, paths, Replica } from '../../src/diff/index.js';
import { memoryEngine } from '../../src/engine/memory/memory-engine.js';
import { statusTable } from '../../src/cli/status-table.js';
import { otel } from '../../src/observe/otel.js';
import { embeddedWorld, TestCluster, until } from '../store/world.js';

const MARKER = 'sesame-4711-0815';
const NUMBER = 47_110_815.5;
const SEEN = /sesame|47_?110_?815|4711-0815/i;

class Card {
  @Immutable({ sensitive: true }) number: Record<string, unknown> = { [MARKER]: MARKER };
  @Mutable({ sensitive: true }) codes: Record<string, unknown> = { [MARKER]: MARKER };
  @Mutable() label: unknown = 'mine';
}

/** Behind an attribute that is sensitive, nothing of it is. */
class Place {
  @Mutable() street: unknown = MARKER;
  @Mutable() rooms = new Map<unknown, unknown>([[MARKER, { [MARKER]: 1 }]]);
}

const JSON_CODEC = {
  encode: (value: unknown) => Buffer.from(JSON.stringify(value)),
  decode: (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as unknown,
};
const REFUSING_CODEC = {
  encode: (value: string | undefined): Uint8Array => {
    if (value === undefined) return new Uint8Array(0);
    throw new Error(`cannot encode ${value}`);
  },
  decode: (bytes: Uint8Array) => (bytes.byteLength === 0 ? undefined : JSON.parse(Buffer.from(bytes).toString())),
};

@Session({ name: 'secret', limits: { elementsMax: 50, objectsMax: 200, sessionBytesMax: 20_000, deltaBytesMax: 10_000 } })
class Secret {
  @Immutable({ sensitive: true }) owner: unknown = { [MARKER]: [MARKER] };
  @Mutable({ sensitive: true }) pin: unknown = MARKER;
  @Mutable({ sensitive: true }) byKey = new Map<unknown, unknown>([[MARKER, { [MARKER]: MARKER }]]);
  @Mutable({ sensitive: true }) words = new Set<unknown>([MARKER]);
  @Mutable({ sensitive: true }) list: unknown[] = [MARKER, { [MARKER]: [MARKER] }];
  @Mutable({ sensitive: true, merge: 'add' }) amount = NUMBER;
  @Mutable({ sensitive: true, merge: (_: unknown, mine: string) => BigInt(mine) }) merged: unknown = MARKER;
  @Mutable({ sensitive: true, diff: 'binary' }) packed: unknown = { [MARKER]: MARKER };
  @Mutable({ sensitive: true, codec: JSON_CODEC }) coded: unknown = MARKER;
  @Mutable({ sensitive: true, codec: REFUSING_CODEC }) refusing: unknown;
  @Mutable({ sensitive: true, type: () => Place }) place = new Place();
  @Mutable({ type: () => Card }) cards: Card[] = [new Card()];
  @Mutable() n = 0;
}

/** The same attribute by a codec of another release, which cannot read what is stored. */
@Session({ name: 'secret' })
class Misread {
  @Mutable({ sensitive: true, codec: { encode: JSON_CODEC.encode, decode: (bytes) => BigInt(Buffer.from(bytes).toString()) } })
  coded: unknown = 0;
}

@Session({
  name: 'made',
  make: (given) => {
    if (given['pin'] !== undefined) throw new Error(`no pin like ${given['pin'] as string}`);
    return new Made();
  },
})
class Made {
  @Mutable({ sensitive: true }) pin: unknown;
}

const KINDS: Readonly<Record<EventKind, true>> = {
  promoted: true,
  demoted: true,
  role: true,
  created: true,
  destroyed: true,
  expired: true,
  commit: true,
  failed: true,
  conflict: true,
  open: true,
  update: true,
  snapshot: true,
  passivation: true,
  trim: true,
  link: true,
  notice: true,
  malformed: true,
};

describe('what is sensitive', function () {
  this.timeout(60_000);
  const told: { readonly what: string; readonly text: string }[] = [];
  const stops: (() => void)[] = [];
  let cluster: TestCluster;

  const tell = (what: string, value: unknown): void => {
    const text = inspect(value, { depth: 20, showHidden: true, maxStringLength: null, maxArrayLength: null, getters: true });
    told.push({ what, text: `${text}\n${value instanceof Error ? `${value.stack}` : ''}\n${JSON.stringify(value) ?? ''}` });
  };
  const codes = new Set<string>();

  /** Whatever a call says: its error, and all that the error holds. */
  async function fails(what: string, call: () => unknown): Promise<void> {
    let error: unknown;
    try {
      await call();
    } catch (caught) {
      error = caught;
    }
    expect(error, what).to.be.instanceOf(TwinstateError);
    codes.add((error as TwinstateError).code);
    tell(what, error);
  }
  const instruments = {
    createCounter: (name: string) => ({ add: (value: number, attributes?: object) => tell(name, { value, attributes }) }),
    createHistogram: (name: string) => ({ record: (value: number, attributes?: object) => tell(name, { value, attributes }) }),
    createObservableGauge: (name: string) => ({
      addCallback: (callback: (result: { observe(value: number, attributes?: object): void }) => void) =>
        callback({ observe: (value, attributes) => tell(name, { value, attributes }) }),
      removeCallback: () => undefined,
    }),
  };
  const tracer = {
    startSpan: (name: string, options?: object) => {
      tell(name, options);
      return { setStatus: (status: object) => tell(name, status), end: () => undefined };
    },
  };

  before(async () => {
    for (const kind of Object.keys(KINDS) as EventKind[]) stops.push(subscribe(kind, (event) => tell(`event ${kind}`, event)));
    const timing = { checkpointRecords: 4, checkpointIdleMs: 200, snapshotMs: 20 };
    cluster = new TestCluster(embeddedWorld(), { sessions: [Secret, Made], backups: 1, partitions: 1, timing, audit: true });
    const stores = await cluster.connectMany(2);
    await cluster.backedUp(1);
    stops.push(otel({ meter: instruments, tracer, stores }));
  });
  after(async () => {
    for (const stop of stops) stop();
    await cluster.close();
  });
  const here = (): SessionStore => cluster.stores[0]!;
  const there = (): SessionStore => cluster.stores[1]!;
  const heard = new Set<string>();
  afterEach(() => {
    for (const { what } of told) heard.add(what);
    for (const { what, text } of told.splice(0)) expect(text, `${what}: ${text}`).not.to.match(SEEN);
  });

  const UNSUPPORTED: readonly (readonly [what: string, spoil: (secret: Secret) => void])[] = [
    ['a function', (secret) => (secret.pin = () => MARKER)],
    ['a symbol of that name', (secret) => (secret.pin = Symbol(MARKER))],
    ['a function under a key', (secret) => ((secret.list[1] as Record<string, unknown>)[MARKER] = () => 0)],
    ['a function behind a key of a Map', (secret) => secret.byKey.set(`${MARKER}-2`, () => 0)],
    ['a function inside a value of a Map', (secret) => secret.byKey.set(`${MARKER}-2`, { [MARKER]: { f: () => 0 } })],
    ['a function in a nested object', (secret) => secret.place.rooms.set(MARKER, { [MARKER]: () => 0 })],
    ['a function in an element', (secret) => (secret.cards[0]!.codes[MARKER] = { [MARKER]: () => 0 })],
    ['a function in what is binary', (secret) => (secret.packed = { [MARKER]: { [MARKER]: () => 0 } })],
    ['an unknown class', (secret) => (secret.list[1] = { [MARKER]: new (class Stranger {})() })],
    ['a property beside elements', (secret) => (secret.list = Object.assign([], { [MARKER]: 1 }))],
    [
      'a getter that throws',
      (secret) => Object.defineProperty(secret.list[1], 'x', { enumerable: true, get: () => BigInt(MARKER) }),
    ],
    ['a codec that throws', (secret) => (secret.refusing = MARKER)],
    ['too many elements', (secret) => ((secret.list[1] as Record<string, unknown>)[MARKER] = Array.from({ length: 60 }))],
    [
      'too many objects',
      (secret) =>
        secret.byKey.set(
          `${MARKER}-3`,
          Array.from({ length: 40 }, () => [[], [], [], []]),
        ),
    ],
    ['too many bytes', (secret) => (secret.pin = MARKER.repeat(5_000))],
    ['an immutable that changed inside', (secret) => ((secret.owner as Record<string, unknown>)[MARKER] = `${MARKER}!`)],
    ['an immutable element that changed', (secret) => (secret.cards[0]!.number[MARKER] = `${MARKER}!`)],
  ];

  it('is in no error of what cannot be committed', async () => {
    for (const [what, spoil] of UNSUPPORTED) {
      const secret = await here().create(Secret);
      spoil(secret);
      await fails(what, () => here().commit(secret));
      await fails(`${what}, and it is stale`, () => here().commit(secret));
    }
    expect([...codes]).to.include.members(['VALUE_UNSUPPORTED', 'CLASS_UNKNOWN', 'LIMIT_EXCEEDED', 'IMMUTABLE_CHANGED']);
  });

  it('is in no error of what cannot be created', async () => {
    const wrong: readonly (readonly [string, object])[] = [
      ['of an attribute that is a function', { pin: { [MARKER]: () => 0 } }],
      ['of an unknown attribute of a literal', { place: { [MARKER]: 1 } }],
      ['of an unknown attribute of an element', { cards: [{ codes: { [MARKER]: () => 0 } }] }],
    ];
    for (const [what, init] of wrong) await fails(what, () => here().create(Secret, init));
    await fails('whose make throws', () => here().create(Made, { pin: MARKER }));
    expect([...codes]).to.include.members(['ATTRIBUTE_UNKNOWN', 'NOT_CONSTRUCTIBLE']);
  });

  it('is in no conflict, whoever decides it', async () => {
    const changes: readonly (readonly [string, (secret: Secret, by: string) => void])[] = [
      ['a value', (secret, by) => (secret.pin = `${MARKER} ${by}`)],
      ['a key', (secret, by) => ((secret.list[1] as Record<string, unknown>)[MARKER] = by)],
      ['a key of a Map', (secret, by) => secret.byKey.set(MARKER, `${MARKER} ${by}`)],
      ['a new key of a Map', (secret, by) => secret.byKey.set(`${MARKER}-new`, `${MARKER} ${by}`)],
      ['a key in an element', (secret, by) => (secret.cards[0]!.codes[MARKER] = `${MARKER} ${by}`)],
      ['a key of a nested Map', (secret, by) => secret.place.rooms.set(MARKER, `${MARKER} ${by}`)],
      ['a merge function that throws', (secret, by) => (secret.merged = `${MARKER} ${by}`)],
      ['an operand of a rule', (secret, by) => (secret.amount = by === 'one' ? NaN : (MARKER as never))],
    ];
    for (const [i, [what, change]] of changes.entries()) {
      const id = `conflict ${i}`;
      await here().create(Secret, {}, { id });
      const one = (await here().open(Secret, id))!;
      const two = (await there().open(Secret, id))!;
      change(one, 'one');
      change(two, 'two');
      await here().commit(one);
      if (what === 'an operand of a rule')
        await there()
          .commit(two)
          .catch((error: unknown) => tell(what, error));
      else await fails(what, () => there().commit(two));
    }
    expect([...codes]).to.include('CONFLICT');
  });

  it('is in nothing that is said of stored bytes that do not fit the class', async () => {
    await here().create(Secret, {}, { id: 'misread' });
    const engine = cluster.engine;
    const other = await connect({ sessions: [Misread], engine, cluster: cluster.name, role: 'client', nodeId: 'misreader' });
    try {
      await fails('a codec that cannot read it', () => other.open(Misread, 'misread'));
    } finally {
      await other.close();
    }
  });

  it('is in no description of a delta, with its graph or without it, and in no error of damaged bytes', () => {
    const secret = new Secret();
    const benchmark = Benchmark.of(secret);
    const snapshot = benchmark.snapshot();
    const replica = Replica.restore(Secret, snapshot);
    secret.pin = `${MARKER}!`;
    secret.byKey.set(`${MARKER}!`, { [MARKER]: MARKER });
    (secret.byKey.get(MARKER) as Record<string, unknown>)[`${MARKER}!`] = MARKER;
    secret.words.add(`${MARKER}!`);
    secret.list.push(MARKER, new Map([[MARKER, MARKER]]));
    secret.amount += 1;
    secret.packed = { [MARKER]: `${MARKER}!` };
    secret.place.rooms.set(`${MARKER}!`, new URL(`https://${MARKER}.example`));
    secret.place.street = new RegExp(MARKER);
    secret.cards[0]!.codes[`${MARKER}!`] = new Date(NUMBER);
    secret.cards.push(new Card());
    const delta = benchmark.diff(secret)!;
    for (const places of [undefined, replica, benchmark]) {
      tell('describe', describeDelta(Secret, delta, places));
      tell('paths', paths(Secret, delta, places));
    }
    let damaged = 0;
    for (const bytes of [delta, snapshot]) {
      for (let i = 0; i < bytes.length * 2; i++) {
        const broken = Uint8Array.from(bytes);
        broken[i >> 1]! ^= i % 2 === 0 ? 0x01 : 0x80;
        try {
          if (bytes === snapshot) Replica.restore(Secret, broken);
          else Replica.restore(Secret, snapshot).apply(broken);
        } catch (error) {
          damaged++;
          tell('damaged bytes', error);
        }
      }
    }
    expect(damaged).to.be.greaterThan(200);
  });

  it('is in no event, metric, span, status or watched path', async () => {
    const secret = await here().create(Secret, {}, { id: 'watched' });
    const controller = new AbortController();
    const watching = (async () => {
      for await (const seen of there().watch(Secret, 'watched', { signal: controller.signal })) tell('watch', seen);
    })().catch((error: unknown) => tell('watch', error));
    secret.byKey.set(`${MARKER}!`, MARKER);
    secret.cards[0]!.codes[`${MARKER}!`] = MARKER;
    await here().commit(secret);
    await there().update(Secret, 'watched', (each) => void (each.pin = `${MARKER}?`));
    await fails('an id that is taken', () => here().create(Secret, {}, { id: 'watched' }));
    await until('it was watched', () => told.some(({ what }) => what === 'watch'));
    controller.abort();
    await watching;
    await fails('an instance of nobody', () => here().commit(new Secret()));
    await here().destroy(Secret, 'watched');
    await fails('one that is gone', () => here().refresh(secret));
    await until('a snapshot was told', () => heard.has('event snapshot') || told.some(({ what }) => what === 'event snapshot'));
    tell('store', here().status());
    const status = await clusterStatus({ engine: cluster.engine, cluster: cluster.name, listenMs: 300 });
    tell('status', status);
    tell('the table of the command', statusTable(status));
    tell('the store itself', inspect(here(), { depth: 3 }));
    for (const kind of ['created', 'commit', 'failed', 'conflict', 'open', 'update', 'destroyed', 'snapshot'])
      expect(heard.has(`event ${kind}`) || told.some(({ what }) => what === `event ${kind}`), kind).to.equal(true);
    expect([...heard].some((what) => what.startsWith('twinstate.'))).to.equal(true);
  });

  it('would be found: a class without sensitive attributes shows its keys', async () => {
    @Session({ name: 'open' })
    class Open {
      @Mutable() byKey = new Map<unknown, unknown>();
    }
    await using store = await connect({ sessions: [Open], engine: memoryEngine(), partitions: 1 });
    const open = await store.create(Open);
    open.byKey.set(MARKER, { f: () => 0 });
    const error = await store.commit(open).catch((each: TwinstateError) => each);
    expect((error as TwinstateError).message).to.match(SEEN);
  });
});
