/**
 * Who begins the next generation when a log was lost: agreed upon by telling each other how far everybody's memory reaches.
 *
 * Invariant (rule 10): this only chooses, it decides nothing. The first record of the next generation is appended conditionally, so
 * one node begins it however many try; and one that remembers more than that node offers it afterwards. A node without memory
 * begins nothing while anybody who has one can be heard.
 */
import type { NodeId } from '../shared/ids.js';
import { compareMemory } from './generation.js';
import type { Memory } from './generation.js';
import type { Timing } from './timing.js';

/**
 * What a replica tells the others of its partition when it finds its log lost or empty, and what it answers then.
 *
 * `none`: it remembers nothing; `claiming`: its primary is suspected, and it will lead; `lost`: its log is lost, this is what it
 * remembers; `seeding`: it is storing all sessions in that generation; `here`: that generation is at work.
 */
export interface Recall extends Memory {
  readonly node: NodeId;
  readonly state: 'none' | 'claiming' | 'lost' | 'seeding' | 'here';
  readonly generation: number;
}

export type Verdict =
  | { readonly kind: 'wait' }
  /** Another generation is at work, or is being begun: join it. */
  | { readonly kind: 'join'; readonly generation: number }
  | { readonly kind: 'seed' };

interface Heard {
  readonly recall: Recall;
  readonly heardMs: number;
}

/** What was heard counts for so many times `recallMs`. */
const FRESH_RECALLS = 10;
/** More replicas than these are not listened to at once. */
const HEARD_MAX = 256;
/** Who led waits so many times `recallMs` for what the others have to say. */
const LED_RECALLS = 3;

export class SeedChoice {
  readonly #timing: Timing;
  readonly #heard = new Map<NodeId, Heard>();
  #sinceMs = 0;
  #toldMs = -Infinity;

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** A log was found lost, or a new attempt begins. */
  begin(nowMs: number): void {
    this.#sinceMs = nowMs;
  }

  heard(nowMs: number, recall: Recall): void {
    if (this.#heard.size >= HEARD_MAX && !this.#heard.has(recall.node)) return;
    this.#heard.set(recall.node, { recall, heardMs: nowMs });
    for (const [node, { heardMs }] of this.#heard) if (!this.#isFresh(nowMs, heardMs)) this.#heard.delete(node);
  }

  /** True where it is time to tell the others again; it counts as told then. */
  mayTell(nowMs: number): boolean {
    if (nowMs - this.#toldMs < this.#timing.recallMs) return false;
    this.#toldMs = nowMs;
    return true;
  }

  /** True while somebody is heard who remembers this partition. */
  memoryElsewhere(nowMs: number): boolean {
    return this.#fresh(nowMs).some(({ state, position }) => state !== 'none' && position > 0);
  }

  /** True while somebody is heard who remembers more of this generation than `own`: nobody may go on without that. */
  missedBy(nowMs: number, generation: number, own: Memory): boolean {
    return this.#fresh(nowMs).some((recall) => recall.generation === generation && compareMemory(recall, own) > 0);
  }

  /** The highest generation beyond `generation` that is at work or being begun, as far as is heard. */
  later(nowMs: number, generation: number): number | undefined {
    let later: number | undefined;
    for (const recall of this.#fresh(nowMs)) {
      if ((recall.state === 'here' || recall.state === 'seeding') && recall.generation > (later ?? generation))
        later = recall.generation;
    }
    return later;
  }

  /** Says what a replica that lost its log should do. @param own what it tells of itself @param led it was the last primary */
  decide(nowMs: number, own: Recall, led: boolean): Verdict {
    const generation = this.later(nowMs, own.generation);
    if (generation !== undefined) return { kind: 'join', generation };
    const waitedMs = nowMs - this.#sinceMs;
    const { recallMs, seedWaitMs } = this.#timing;
    if (waitedMs < (led ? recallMs * LED_RECALLS : seedWaitMs)) return { kind: 'wait' };
    const better = this.#fresh(nowMs).some((other) => other.state === 'lost' && isBetter(other, own));
    // one that can be heard but cannot seed must not be waited for without an end
    return better && waitedMs < seedWaitMs * 4 ? { kind: 'wait' } : { kind: 'seed' };
  }

  #fresh(nowMs: number): Recall[] {
    return [...this.#heard.values()].filter(({ heardMs }) => this.#isFresh(nowMs, heardMs)).map(({ recall }) => recall);
  }

  #isFresh(nowMs: number, heardMs: number): boolean {
    return nowMs - heardMs <= this.#timing.recallMs * FRESH_RECALLS;
  }
}

function isBetter(other: Recall, own: Recall): boolean {
  const reach = compareMemory(other, own);
  return reach > 0 || (reach === 0 && other.node < own.node);
}
