/**
 * What is out of order for a while in a simulated world, beyond single messages: the log, the bus, a disk, or one way of a node's link.
 *
 * Invariant: an outage ends by itself at its time, or with `heal`; two of one kind that overlap are one until the later end.
 */
import type { Clock } from '../../src/shared/clock.js';

export type Outage = 'log' | 'bus' | 'disk';
/** Of one node. */
export type Hindrance = 'deaf' | 'mute' | 'slow';

export class Outages {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(what: Outage, lengthMs: number): void {
    this.#extend(what, lengthMs);
  }

  hinder(node: string, how: Hindrance, lengthMs: number): void {
    this.#extend(`${how} ${node}`, lengthMs);
  }

  heal(): void {
    this.#until.clear();
  }

  get logOut(): boolean {
    return this.#left('log') > 0;
  }

  /** Every write is refused. */
  get full(): boolean {
    return this.#left('disk') > 0;
  }

  deaf(node: string): boolean {
    return this.#left(`deaf ${node}`) > 0;
  }

  mute(node: string): boolean {
    return this.#left(`mute ${node}`) > 0;
  }

  /** Whether a message between nodes does not arrive. Names before `~` are those of processes. */
  swallows(from: string, to: string): boolean {
    if (this.#until.size === 0) return false;
    return this.#left('bus') > 0 || this.mute(nameOf(from)) || this.deaf(nameOf(to));
  }

  /** How long records take to a node: what it cannot hear now it hears afterwards. */
  deliveryMs(node: string, usualMs: number): number {
    if (this.#until.size === 0) return usualMs;
    const name = nameOf(node);
    // what is slow is no longer under way than the slowness lasts
    const slowForMs = this.#left(`slow ${name}`);
    const slowMs = slowForMs > 0 ? Math.max(usualMs, Math.min(100 + usualMs * 50, slowForMs)) : usualMs;
    return Math.max(slowMs, this.#left(`deaf ${name}`), this.#left('log'));
  }

  #extend(key: string, lengthMs: number): void {
    this.#until.set(key, Math.max(this.#until.get(key) ?? 0, this.#clock.now() + lengthMs));
  }

  #left(key: string): number {
    if (this.#until.size === 0) return 0;
    return (this.#until.get(key) ?? 0) - this.#clock.now();
  }
}

function nameOf(node: string): string {
  const end = node.indexOf('~');
  return end < 0 ? node : node.slice(0, end);
}
