/**
 * Suspects primaries that do not answer.
 *
 * Invariant (rule 14): suspicion is not death, and costs no safety; it only has to be rarely wrong. "Nobody listens there" counts
 * after several answers over more than a reconnect takes; silence counts later; a "no, I do not lead that" counts like the
 * former. Where most of the others vanish at once it is more likely oneself, or the bus: then only long silence counts.
 */
import type { NodeId, Partition } from '../shared/ids.js';
import type { Timing } from './timing.js';

export type ProbeResult =
  /** Partitions that it says it leads in the term that was asked for. */
  | { readonly kind: 'answered'; readonly leads: ReadonlySet<Partition> }
  | { readonly kind: 'no-responders' }
  | { readonly kind: 'silent' };

interface Doubt {
  sinceMs: number;
  answers: number;
}

interface Suspect {
  /** Last answer of any kind. */
  heardMs: number;
  absent: Doubt | undefined;
  /** It said that it leaves. */
  left: boolean;
  /** By partition: it answers, but says that it does not lead it. */
  readonly denied: Map<Partition, Doubt>;
}

const ANSWERS_MIN = 3;

export class FailureDetector {
  readonly #timing: Timing;
  readonly #suspects = new Map<NodeId, Suspect>();

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  /** Begins to watch a node; harmless where it is watched already. */
  watch(nowMs: number, node: NodeId): void {
    if (!this.#suspects.has(node))
      this.#suspects.set(node, { heardMs: nowMs, absent: undefined, left: false, denied: new Map() });
  }

  /** Watches these nodes and no others. */
  keep(nowMs: number, nodes: ReadonlySet<NodeId>): void {
    for (const node of nodes) this.watch(nowMs, node);
    for (const node of this.#suspects.keys()) if (!nodes.has(node)) this.#suspects.delete(node);
  }

  /** The node said that it leaves: there is nothing to wait for. */
  left(node: NodeId): void {
    const suspect = this.#suspects.get(node);
    if (suspect !== undefined) suspect.left = true;
  }

  probed(nowMs: number, node: NodeId, asked: readonly Partition[], result: ProbeResult): void {
    const suspect = this.#suspects.get(node);
    if (suspect === undefined || result.kind === 'silent') return;
    if (result.kind === 'no-responders') {
      suspect.absent = once(suspect.absent, nowMs);
      return;
    }
    suspect.heardMs = nowMs;
    suspect.absent = undefined;
    for (const partition of asked) {
      if (result.leads.has(partition)) suspect.denied.delete(partition);
      else suspect.denied.set(partition, once(suspect.denied.get(partition), nowMs));
    }
  }

  /** One's own process stood still for so long: nobody could be heard, so that this time does not count. */
  excuse(ms: number): void {
    for (const suspect of this.#suspects.values()) {
      suspect.heardMs += ms;
      if (suspect.absent !== undefined) suspect.absent.sinceMs += ms;
      for (const doubt of suspect.denied.values()) doubt.sinceMs += ms;
    }
  }

  /** An outage or a reconnect of one's own: what was seen until now says nothing. */
  reset(nowMs: number): void {
    for (const suspect of this.#suspects.values()) {
      suspect.heardMs = nowMs;
      suspect.absent = undefined;
      suspect.denied.clear();
    }
  }

  suspects(nowMs: number, node: NodeId, partition: Partition): boolean {
    const suspect = this.#suspects.get(node);
    if (suspect === undefined) return false;
    if (suspect.left) return true;
    if (nowMs - suspect.heardMs > this.#timing.silenceMs) return true;
    if (this.#ripe(nowMs, suspect.denied.get(partition))) return true;
    return this.#ripe(nowMs, suspect.absent) && !this.#manyAbsent(nowMs);
  }

  #ripe(nowMs: number, doubt: Doubt | undefined): boolean {
    return doubt !== undefined && doubt.answers >= ANSWERS_MIN && nowMs - doubt.sinceMs >= this.#timing.suspectMs;
  }

  #manyAbsent(nowMs: number): boolean {
    let absent = 0;
    for (const suspect of this.#suspects.values()) if (this.#ripe(nowMs, suspect.absent)) absent++;
    return absent > 1 && absent * 2 > this.#suspects.size;
  }
}

function once(doubt: Doubt | undefined, nowMs: number): Doubt {
  if (doubt === undefined) return { sinceMs: nowMs, answers: 1 };
  doubt.answers++;
  return doubt;
}
