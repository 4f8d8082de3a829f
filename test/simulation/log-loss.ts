/**
 * What may be missing after the log of a simulated world was lost, and what may not.
 *
 * Invariant checked (rule 10): what everybody alive remembers together survives. A commit that was acknowledged with backups is
 * missing only where two nodes went on apart and it was said so; one that only the log and its primary had, where the primary died
 * with the log. Where nobody died or stood still, nothing is missing; and no read is stale, unless so many messages are lost that who begins
 * the next generation may have heard nobody who remembers more: such a one is heard later, and nothing is missing then.
 */
import diagnostics from 'node:diagnostics_channel';

export class LogLoss {
  /** Nobody died or stood still. */
  #strict = true;
  #killed = false;
  #sinceMs = Infinity;
  readonly #diverged = new Set<string>();
  readonly #isNoisy: () => boolean;
  readonly #listen = (message: unknown): void => {
    const { notice } = message as { readonly notice?: { readonly kind: string; readonly session?: string } };
    if (notice?.kind === 'diverged' && notice.session !== undefined) this.#diverged.add(notice.session);
  };

  /** @param isNoisy whether so many messages are lost that somebody may hear nobody for a while */
  constructor(isNoisy: () => boolean) {
    this.#isNoisy = isNoisy;
    diagnostics.subscribe('twinstate:notice', this.#listen);
  }

  close(): void {
    diagnostics.unsubscribe('twinstate:notice', this.#listen);
  }

  /**
   * @param rotten its newest record was damaged: whoever had not read it takes it for a stranger's, and may lead without it until those
   *   who had read it find out and begin the next generation, in which it is
   */
  happened(nowMs: number, who: 'nobody' | 'paused' | 'killed', rotten: boolean): void {
    this.#sinceMs = Math.min(this.#sinceMs, nowMs);
    if (who !== 'nobody' || rotten || this.#isNoisy()) this.#strict = false;
    if (who === 'killed') this.#killed = true;
  }

  /** Whether an acknowledged change may be missing for good. @param held it was acknowledged with backups */
  mayMiss(session: string, held: boolean): boolean {
    return this.#diverged.has(session) || (this.#killed && !held);
  }

  /** Whether a read that was asked then may lack what was acknowledged before the loss: somebody who was away may still offer it. */
  mayLag(askedMs: number): boolean {
    return !this.#strict && askedMs >= this.#sinceMs;
  }

  get divergences(): number {
    return this.#diverged.size;
  }
}
