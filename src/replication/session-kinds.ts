/**
 * What many sessions have in common, once: the class's name, how long they live, and the part of a body that is the same for all
 * of that class.
 *
 * Invariant: a kind stands under its number for as long as something refers to it, and equal kinds have one number.
 */
import { copyBytes } from '../shared/bytes.js';
import type { Lifetime } from './lifetime.js';
import { invariant } from '../shared/invariant.js';

export interface SessionKind {
  readonly className: string;
  readonly lifetime: Lifetime;
  readonly common: Uint8Array;
}

interface Counted extends SessionKind {
  readonly key: string;
  references: number;
}

export class SessionKinds {
  readonly #kinds: (Counted | undefined)[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #free: number[] = [];

  get size(): number {
    return this.#numbers.size;
  }

  /** Refers to a kind once more. */
  hold(className: string, lifetime: Lifetime, common: Uint8Array): number {
    const { ttlMs, maxAgeMs } = lifetime;
    const key = `${className}\0${ttlMs} ${maxAgeMs} ${Buffer.from(common.buffer, common.byteOffset, common.byteLength).toString('latin1')}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#free.pop() ?? this.#kinds.length;
      this.#kinds[number] = { className, lifetime, common: copyBytes(common), key, references: 0 };
      this.#numbers.set(key, number);
    }
    this.#kinds[number]!.references++;
    return number;
  }

  release(number: number): void {
    const kind = this.#kinds[number];
    invariant(kind !== undefined, 'a kind that is released was held');
    if (--kind.references > 0) return;
    this.#kinds[number] = undefined;
    this.#numbers.delete(kind.key);
    this.#free.push(number);
  }

  /** `undefined` where nothing has this number. */
  of(number: number): SessionKind | undefined {
    return this.#kinds[number];
  }
}
