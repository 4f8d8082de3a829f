/**
 * `npm run bench:memory -- [--sessions N] [--partitions P] [--budget BYTES] [--json FILE]`: what an idle session costs a replica.
 *
 * Fills the ledgers of one node as a backup is filled, record by record from the log, with sessions of about 1.5 kB of JSON, lets
 * them come to rest, and prints resident bytes for each above the empty process, the pause of a full garbage collection, and how
 * long it takes to open one. With `--budget` the sessions that do not fit leave memory, as `limits: { memoryBytesMax }` makes them.
 * The primary's side is the same ledger: what it has beyond a backup does not grow with its sessions.
 */
import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { Benchmark, Replica } from '../../src/diff/index.js';
import { Immutable } from '../../src/model/immutable.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';
import { atRestBodies } from '../../src/node/bodies.js';
import { Ledger } from '../../src/replication/ledger.js';
import { partitionOf } from '../../src/replication/placement.js';
import { encodeRecord } from '../../src/replication/record.js';
import type { Entry, LogRecord } from '../../src/replication/record.js';
import type { AtRest } from '../../src/session/at-rest.js';
import { epoch, nodeId, sequence, sessionId, version } from '../../src/shared/ids.js';

class Options {
  @Mutable() colour = 'green';
  @Mutable() size = 'XL';
}

class LineItem {
  @Immutable() sku!: string;
  @Immutable() title!: string;
  @Mutable() quantity = 1;
  @Mutable() priceCents = 0;
  @Mutable(() => Options) options = new Options();
  @Mutable() note = '';
}

@Session({ name: 'cart' })
class Cart {
  @Immutable() customerId!: string;
  @Immutable() tenant = 'north-europe';
  @Immutable() currency = 'EUR';
  @Immutable() locale = 'de-AT';
  @Immutable() channel = 'web';
  @Immutable() createdAtMs = 0;
  @Immutable() agent = 'Mozilla/5.0 (X11; Linux x86_64)';
  @Immutable() entryPage = '/tea/green/sencha?source=newsletter';
  @Mutable() coupon = 'SAVE10';
  @Mutable() email = '';
  @Mutable() name = '';
  @Mutable() street = '';
  @Mutable() city = 'Vienna';
  @Mutable() step = 'shipping';
  @Mutable() visits = 0;
  @Mutable() totalCents = 0;
  @Mutable() taxCents = 0;
  @Mutable() shippingCents = 490;
  @Mutable() gift = false;
  @Mutable() updatedAtMs = 0;
  @Mutable() rating = 4.5;
  @Mutable(() => LineItem) items: LineItem[] = [];
}

const PLACE = '#########';
function templateOf(): Cart {
  const cart = new Cart();
  cart.customerId = `customer-${PLACE}`;
  cart.createdAtMs = 1_790_000_000_000;
  cart.updatedAtMs = 1_790_000_060_000;
  cart.email = `someone.${PLACE}@mail.example.org`;
  cart.name = `Somebody Number ${PLACE}`;
  cart.street = '114 Long Street, staircase 6, second floor, door 12, ring twice';
  cart.visits = 17;
  cart.totalCents = 45_690;
  cart.taxCents = 9_138;
  for (let k = 0; k < 6; k++) {
    const item = new LineItem();
    item.sku = `sku-${100_000 + k}`;
    item.title = `A tea with a name, number ${k}`;
    item.quantity = 1 + k;
    item.priceCents = 350 + k * 731;
    item.note = `for ${PLACE}`;
    cart.items.push(item);
  }
  return cart;
}

const template = templateOf();
const templateBytes = Buffer.from(Benchmark.of(template).snapshot());
const places: number[] = [];
for (let at = templateBytes.indexOf(PLACE); at >= 0; at = templateBytes.indexOf(PLACE, at + 1)) places.push(at);

/** A session of its own, made without any work that a replica would not have: what is measured is the replica. */
function snapshotOf(i: number): Uint8Array {
  const snapshot = new Uint8Array(templateBytes);
  const digits = String(i).padStart(PLACE.length, '0');
  for (const at of places) for (let k = 0; k < digits.length; k++) snapshot[at + k] = digits.charCodeAt(k);
  return snapshot;
}

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '100000' },
    partitions: { type: 'string', default: '16' },
    budget: { type: 'string' },
    json: { type: 'string' },
  },
});
const sessions = Number(values.sessions);
const partitions = Number(values.partitions);
const budget = Number(values.budget ?? Infinity);
if (!(sessions > 0) || !(budget >= 0) || !(partitions > 0) || global.gc === undefined) {
  console.error(
    'usage: npm run bench:memory -- [--sessions N] [--partitions P] [--budget BYTES] [--json FILE]   (needs node --expose-gc)',
  );
  process.exit(2);
}
const RECORD_ENTRIES = 64;
const idOf = (i: number): string => `cart-${(i * 2_654_435_761).toString(36)}`;

function collect(): { readonly rss: number; readonly heapUsed: number; readonly pauseMs: number } {
  for (let i = 0; i < 3; i++) global.gc!();
  const started = performance.now();
  global.gc!();
  const pauseMs = performance.now() - started;
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heapUsed, pauseMs };
}

/** One partition's replica, fed with records as following the log feeds it. */
class Filled {
  readonly ledger = new Ledger<AtRest>(atRestBodies, undefined, { bytesMax: budget / partitions });
  #entries: Entry[] = [];
  #records = 0;

  constructor() {
    this.#apply({ type: 'lead', id: 'lead', prev: { sequence: sequence(0), id: '' }, node: nodeId('a~1') });
  }

  create(id: string, snapshot: Uint8Array): void {
    this.#entries.push({
      kind: 'create',
      session: sessionId(id),
      op: { client: 'an-incarnation16', counter: this.#records + 1 },
      from: version(0),
      to: version(1),
      incarnation: sequence(0),
      atMs: 1_790_000_000_000,
      className: 'cart',
      lifetime: { ttlMs: 1_800_000, maxAgeMs: 0 },
      payload: snapshot,
    });
    if (this.#entries.length >= RECORD_ENTRIES) this.flush();
  }

  flush(): void {
    const { applied, lastId, epoch: term } = this.ledger;
    const prev = { sequence: applied, id: lastId };
    const entries = this.#entries.splice(0);
    const id = `r${this.#records}`;
    if (entries.length > 0)
      this.#apply({ type: 'commit', id, prev, epoch: epoch(term), node: nodeId('a~1'), confirm: false, entries });
  }

  /** What a checkpoint and some seconds without a request do. */
  rest(): void {
    this.flush();
    this.ledger.unsaved.savedUpTo(this.ledger.applied, () => sequence(0));
    while (this.ledger.sessions.hotSize > 0) this.ledger.sessions.tick(Infinity);
    const { passivation, sessions: table } = this.ledger;
    // its clock goes round: once to pass over those that were used just now, and as often as it takes then
    for (let i = table.size; i > 0; i--) passivation.tick(() => false);
  }

  #apply(record: LogRecord): void {
    const applied = this.ledger.apply(sequence(++this.#records), encodeRecord(record));
    if (applied.kind !== record.type) throw new Error(`a record was not applied: ${applied.kind}`);
  }
}

const jsonBytes = JSON.stringify(template).length;
let snapshotBytes = 0;
const replicas: Filled[] = [];
for (let i = 0; i < partitions; i++) replicas.push(new Filled());
const empty = collect();
const startedMs = performance.now();
for (let i = 0; i < sessions; i++) {
  const snapshot = snapshotOf(i);
  snapshotBytes += snapshot.byteLength;
  replicas[partitionOf(sessionId(idOf(i)), partitions)]!.create(idOf(i), snapshot);
}
for (const replica of replicas) replica.rest();
const filledMs = performance.now() - startedMs;
const full = collect();
const packedBytes = replicas.reduce((sum, { ledger }) => sum + ledger.sessions.bytes, 0);
const passive = replicas.reduce((sum, { ledger }) => sum + ledger.sessions.passive, 0);

const takeUs: number[] = [];
const openUs: number[] = [];
const OPENED = Math.min(20_000, sessions);
for (let k = 0; k < OPENED; k++) {
  const id = sessionId(idOf(Math.floor((k * 7_919 * 104_729) % sessions)));
  const { ledger } = replicas[partitionOf(id, partitions)]!;
  const before = performance.now();
  const { body } = ledger.session(id)!;
  // it is in the store, which is not here
  if (body === undefined) continue;
  const taken = performance.now();
  const { instance } = Replica.restore(Cart, atRestBodies.snapshot(body));
  const opened = performance.now();
  if (instance.items[5]?.note.length !== 13) throw new Error('what came back is not what was put');
  takeUs.push((taken - before) * 1_000);
  openUs.push((opened - before) * 1_000);
  ledger.sessions.cool();
}
const at = (sorted: readonly number[], share: number): number | undefined =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
const round = (value: number | undefined, digits = 1): number => Number((value ?? NaN).toFixed(digits));
takeUs.sort((a, b) => a - b);
openUs.sort((a, b) => a - b);

const result = {
  sessions,
  partitions,
  jsonBytes,
  snapshotBytes: round(snapshotBytes / sessions),
  passive,
  residentBytesEach: round((full.rss - empty.rss) / sessions),
  packedBytesEach: round(packedBytes / sessions),
  heapBytesEach: round((full.heapUsed - empty.heapUsed) / sessions),
  goalBytesEach: 1_000,
  fullCollectionMs: round(full.pauseMs),
  fullCollectionEmptyMs: round(empty.pauseMs),
  fromColdUs: { p50: round(at(takeUs, 0.5)), p99: round(at(takeUs, 0.99)) },
  openedAsObjectUs: { p50: round(at(openUs, 0.5)), p99: round(at(openUs, 0.99)) },
  filledSeconds: round(filledMs / 1_000),
  node: process.version,
  machine: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
};
console.log(
  `${sessions} idle sessions of ${jsonBytes} B of JSON (a snapshot is ${result.snapshotBytes} B), ${partitions} partitions`,
);
console.log(`resident above the empty process: ${result.residentBytesEach} B each (goal: at most ${result.goalBytesEach} B)`);
console.log(`of these packed records and their table: ${result.packedBytesEach} B; on the heap: ${result.heapBytesEach} B`);
if (passive > 0) console.log(`${passive} of them are at rest in the store, for a budget of ${budget} B`);
console.log(`a full garbage collection: ${result.fullCollectionMs} ms (empty process: ${result.fullCollectionEmptyMs} ms)`);
console.log(`a cold session handed out: p50 ${result.fromColdUs.p50} us, p99 ${result.fromColdUs.p99} us`);
console.log(`and restored into objects: p50 ${result.openedAsObjectUs.p50} us, p99 ${result.openedAsObjectUs.p99} us`);
console.log(`filled in ${result.filledSeconds} s; ${result.machine}, Node ${result.node}`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
