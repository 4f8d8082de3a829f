/**
 * The faults of the simulated world that concern one message: everything a network, a NATS server and a scheduler may do to it.
 *
 * Invariant: every choice is drawn from the world's seed, for the n-th call of its kind by one node apart from all others. When `active`
 * is false nothing is lost or late any more, and a cluster that is right must recover by itself.
 */
import type { Faults, Journey, ReadJourney, RequestJourney, WriteJourney } from '../../src/engine/memory/faults.js';
import type { Clock } from '../../src/shared/clock.js';
import type { NodeId, Partition } from '../../src/shared/ids.js';
import { Dice } from './dice.js';
import type { FaultBook, FaultKind } from './fault-book.js';
import type { Outages } from './outages.js';

/** How long callers wait, in milliseconds. */
const LOG_PATIENCE_MS = 400;
const STORE_PATIENCE_MS = 1_000;
const LIST_PATIENCE_MS = 2_000;
/** Each seed has a climate of its own: of everything that can happen to a message much, little, or nothing. */
const CLIMATES: readonly number[] = [0, 0.5, 1, 2, 4, 8];

type Call = 'append' | 'read' | 'identity' | 'deliver' | 'trim' | 'put' | 'get' | 'list' | 'request' | 'tell' | 'announce';

/** One kind of call of one node. */
interface Line {
  readonly key: string;
  readonly who: string;
  readonly dice: Dice;
  calls: number;
}

export class RandomFaults implements Faults {
  readonly clock: Clock;
  readonly #seed: number;
  readonly #book: FaultBook;
  readonly #outages: Outages;
  readonly #lines = new Map<string, Map<Call, Line>>();
  readonly #holes: Dice;
  readonly #climate = new Map<FaultKind, number>();
  /** When the last message from one node to another arrives. */
  readonly #lastMs = new Map<string, number>();
  active = true;
  /** Of the call that is being decided. */
  #line!: Line;
  #dice!: Dice;

  constructor(clock: Clock, seed: number, book: FaultBook, outages: Outages) {
    this.clock = clock;
    this.#seed = seed;
    this.#book = book;
    this.#outages = outages;
    this.#holes = new Dice(seed, 'holes');
    const climate = new Dice(seed, 'climate');
    const kinds: readonly FaultKind[] = [
      'lost message',
      'repeated message',
      'late message',
      'lost call',
      'unknown outcome',
      'late write',
      'spurious refusal',
      'stale read',
      'late delivery',
      'late listing',
    ];
    for (const kind of kinds) this.#climate.set(kind, climate.oneOf(CLIMATES));
  }

  /** Every fifth message is lost, or more. */
  get isNoisy(): boolean {
    return this.#climate.get('lost message')! >= 4;
  }

  append(node: NodeId): WriteJourney {
    this.#begin('append', node);
    const journey = this.#write(LOG_PATIENCE_MS);
    if (this.#outages.full) return { ...journey, full: true };
    if (!this.#happens('spurious refusal', 0.02)) return journey;
    return { ...journey, spurious: this.#dice.chance(0.4) ? 'stored' : 'not-stored' };
  }

  read(node: NodeId): ReadJourney {
    this.#begin('read', node);
    const journey = this.#journey(LOG_PATIENCE_MS);
    return this.#happens('stale read', 0.1) ? { ...journey, hidden: this.#dice.between(1, 4) } : journey;
  }

  identity(node: NodeId): Journey {
    this.#begin('identity', node);
    return this.#journey(LOG_PATIENCE_MS);
  }

  deliver(node: NodeId): number {
    this.#begin('deliver', node);
    const usual = this.#dice.between(0, 3);
    const lateMs = this.#happens('late delivery', 0.03) ? this.#dice.between(50, 800) : usual;
    return this.#outages.deliveryMs(node, lateMs);
  }

  trim(node: NodeId): Journey {
    this.#begin('trim', node);
    return this.#write(STORE_PATIENCE_MS);
  }

  put(node: NodeId): WriteJourney {
    this.#begin('put', node);
    const journey = this.#write(STORE_PATIENCE_MS);
    if (this.#outages.full) return { ...journey, full: true };
    if (!this.#happens('spurious refusal', 0.02)) return journey;
    return { ...journey, spurious: this.#dice.chance(0.5) ? 'stored' : 'not-stored' };
  }

  get(node: NodeId): Journey {
    this.#begin('get', node);
    return this.#journey(LOG_PATIENCE_MS);
  }

  /** A listing of many snapshots takes long at times: the replica is at work meanwhile. */
  list(node: NodeId): Journey {
    this.#begin('list', node);
    const journey = this.#journey(LIST_PATIENCE_MS);
    if (!this.#happens('late listing', 0.3) || journey.thereMs === Infinity) return journey;
    return { ...journey, thereMs: this.#dice.between(50, 1_500) };
  }

  request(from: NodeId, to: NodeId): RequestJourney {
    this.#begin('request', from);
    const dice = this.#dice;
    const usual = { thereMs: dice.between(1, 4), backMs: dice.between(1, 4) };
    const againMs = this.#happens('repeated message', 0.03) ? dice.between(5, 4_000) : undefined;
    const lateMs = this.#happens('late message', 0.03) ? dice.between(100, 3_000) : undefined;
    const lost = this.#happens('lost message', 0.05);
    const wayThere = lost && dice.chance(0.4);
    return {
      thereMs: wayThere || this.#outages.swallows(from, to) ? Infinity : (lateMs ?? this.#overtaking(from, to, usual.thereMs)),
      backMs: (lost && !wayThere) || this.#outages.swallows(to, from) ? Infinity : usual.backMs,
      againMs: againMs !== undefined && this.#outages.swallows(from, to) ? undefined : againMs,
    };
  }

  tell(from: NodeId, to: NodeId): number {
    return this.#message('tell', from, to);
  }

  announce(from: NodeId, to: NodeId): number {
    return this.#message('announce', from, to);
  }

  hole(_partition: Partition): number {
    return this.#holes.between(0, 2);
  }

  #message(call: Call, from: NodeId, to: NodeId): number {
    this.#begin(call, from);
    const usual = this.#dice.between(1, 5);
    if (this.#happens('lost message', 0.05) || this.#outages.swallows(from, to)) return Infinity;
    return this.#overtaking(from, to, usual);
  }

  #journey(patienceMs: number): Journey {
    const usual = { thereMs: this.#dice.between(1, 4), backMs: this.#dice.between(1, 3) };
    const lost = this.#happens('lost call', 0.02);
    const { node, outages } = { node: this.#line.who, outages: this.#outages };
    if (lost || outages.logOut || outages.mute(node)) return { thereMs: Infinity, backMs: 1, patienceMs };
    return { thereMs: usual.thereMs, backMs: outages.deaf(node) ? Infinity : usual.backMs, patienceMs };
  }

  /** A write may be lost, its answer may be lost, and it may travel for seconds and still be stored. */
  #write(patienceMs: number): WriteJourney {
    const dice = this.#dice;
    const usual = { thereMs: dice.between(1, 4), backMs: dice.between(1, 3) };
    const swallowed = dice.chance(0.6);
    const { who } = this.#line;
    if ((this.#outages.logOut && swallowed) || this.#outages.mute(who)) return { thereMs: Infinity, backMs: 1, patienceMs };
    const late = this.#happens('late write', 0.05);
    const lost = this.#happens('lost call', 0.02);
    const unanswered = this.#happens('unknown outcome', 0.03);
    const slowMs = dice.between(200, 5_000);
    return {
      thereMs: lost ? Infinity : late || this.#outages.logOut ? slowMs : usual.thereMs,
      backMs: unanswered || this.#outages.deaf(who) ? Infinity : usual.backMs,
      patienceMs,
    };
  }

  #begin(call: Call, node: NodeId): void {
    const who = node.slice(0, node.indexOf('~'));
    let lines = this.#lines.get(who);
    if (lines === undefined) this.#lines.set(who, (lines = new Map<Call, Line>()));
    let line = lines.get(call);
    if (line === undefined) {
      const key = `${call}.${who}`;
      lines.set(call, (line = { key, who, dice: new Dice(this.#seed, key), calls: 0 }));
    }
    this.#line = line;
    this.#dice = line.dice;
    line.dice.turn(++line.calls);
  }

  /** A message may overtake the one before it; where that is withheld it waits for it. @returns how long it takes */
  #overtaking(from: NodeId, to: NodeId, ms: number): number {
    const way = `${from} ${to}`;
    const nowMs = this.clock.now();
    const beforeMs = this.#lastMs.get(way) ?? 0;
    const atMs = nowMs + ms;
    if (atMs >= beforeMs) {
      this.#lastMs.set(way, atMs);
      return ms;
    }
    const { key, calls } = this.#line;
    return this.active && this.#book.strike('overtaking message', `${key}.${calls}`, key) ? ms : beforeMs - nowMs;
  }

  #happens(kind: FaultKind, probability: number): boolean {
    // drawn in any case, so that what follows is drawn as it would be
    const drawn = this.#dice.chance(probability * this.#climate.get(kind)!);
    return drawn && this.active && this.#book.strike(kind, `${this.#line.key}.${this.#line.calls}`, this.#line.key);
  }
}
