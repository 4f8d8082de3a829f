/**
 * Counts what was promised and compares it with what is there.
 *
 * Invariant: every operation is in exactly one of acknowledged, not stored and unknown; one without a result is unknown.
 */
import type { FromServer, SessionFound } from './messages.js';

interface Operation {
  readonly session: string;
  readonly begunMs: number;
  outcome: 'acknowledged' | 'not-stored' | 'unknown';
  endedMs: number;
}

export interface Balance {
  readonly acknowledged: number;
  readonly notStored: number;
  readonly unknown: number;
  /** Unknown ones that are there. */
  readonly unknownFound: number;
  /** Acknowledged, and not there. */
  readonly lost: readonly string[];
  /** There more than once. */
  readonly duplicated: readonly string[];
  /** Reported as not stored, and there. */
  readonly denied: readonly string[];
  /** There, and nobody did it; or in another session than its own. */
  readonly foreign: readonly string[];
  /** Sessions whose parts do not fit each other. */
  readonly torn: readonly string[];
}

export class Reckoning {
  readonly #operations = new Map<string, Operation>();
  /** Why operations were not acknowledged, each reason once. */
  readonly reasons = new Set<string>();

  take(message: FromServer): void {
    if (message.type === 'attempt') {
      this.#operations.set(message.op, { session: message.id, begunMs: message.atMs, outcome: 'unknown', endedMs: Infinity });
    } else if (message.type === 'result') {
      const operation = this.#operations.get(message.op);
      if (operation === undefined) throw new Error(`a result came for ${message.op}, which was never begun`);
      operation.outcome = message.outcome;
      operation.endedMs = message.atMs;
      if (message.why !== undefined) this.reasons.add(message.why.replaceAll(/"[^"]*"/g, '…'));
    }
  }

  get acknowledged(): number {
    let count = 0;
    for (const { outcome } of this.#operations.values()) if (outcome === 'acknowledged') count++;
    return count;
  }

  /**
   * How long each session waited for its first acknowledged commit after a moment; operations that were under way then do not
   * count, since they may have been stored before it. `undefined` for a session that had none.
   */
  waits(sessions: readonly string[], sinceMs: number): ReadonlyMap<string, number | undefined> {
    const waits = new Map<string, number | undefined>(sessions.map((id) => [id, undefined]));
    for (const { session, begunMs, outcome, endedMs } of this.#operations.values()) {
      if (outcome !== 'acknowledged' || begunMs < sinceMs || !waits.has(session)) continue;
      waits.set(session, Math.min(waits.get(session) ?? Infinity, endedMs - sinceMs));
    }
    return waits;
  }

  balance(found: readonly SessionFound[]): Balance {
    const seen = new Map<string, number>();
    const foreign: string[] = [];
    const torn: string[] = [];
    for (const { id, ops, sum, intact, version } of found) {
      for (const op of ops) {
        seen.set(op, (seen.get(op) ?? 0) + 1);
        if (this.#operations.get(op)?.session !== id) foreign.push(op);
      }
      // one commit made the session, and one each operation
      if (sum !== ops.length || version !== ops.length + 1 || (ops.length > 0 && !intact)) torn.push(id);
    }
    const of = (outcome: Operation['outcome']): string[] =>
      [...this.#operations].flatMap(([op, operation]) => (operation.outcome === outcome ? [op] : []));
    const acknowledged = of('acknowledged');
    const notStored = of('not-stored');
    const unknown = of('unknown');
    return {
      acknowledged: acknowledged.length,
      notStored: notStored.length,
      unknown: unknown.length,
      unknownFound: unknown.filter((op) => seen.has(op)).length,
      lost: acknowledged.filter((op) => !seen.has(op)),
      duplicated: [...seen].flatMap(([op, times]) => (times > 1 ? [op] : [])),
      denied: notStored.filter((op) => seen.has(op)),
      foreign,
      torn,
    };
  }
}
