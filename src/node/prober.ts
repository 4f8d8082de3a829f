/**
 * Asks every primary that is followed here: do you lead these partitions, in these terms?
 *
 * Invariant (rule 14): probes overlap, as one that is under way at a death hangs; an answer about a term that has changed meanwhile
 * says nothing. What the answers mean is the failure detector's to say.
 */
import { FailureDetector } from '../replication/failure-detector.js';
import type { Timing } from '../replication/timing.js';
import type { Epoch, NodeId, Partition } from '../shared/ids.js';
import type { Clock } from '../shared/clock.js';
import type { SingleMessage, Term } from './message.js';
import type { PartitionDriver } from './partition-driver.js';
import type { Reply } from './reply.js';

export interface ProberParts<B> {
  readonly self: NodeId;
  readonly timing: Timing;
  readonly clock: Clock;
  readonly replicas: Iterable<PartitionDriver<B>>;
  epochOf(partition: Partition): Epoch | undefined;
  ask(
    to: NodeId,
    message: SingleMessage,
    timeoutMs: number,
  ): Promise<{ readonly kind: 'answered'; readonly answer: Reply } | { readonly kind: 'absent' | 'lost' }>;
}

export class Prober<B> {
  readonly detector: FailureDetector;
  readonly #parts: ProberParts<B>;

  constructor(parts: ProberParts<B>) {
    this.#parts = parts;
    this.detector = new FailureDetector(parts.timing);
  }

  probe(): void {
    const { self, replicas, clock } = this.#parts;
    const terms = new Map<NodeId, Term[]>();
    for (const { machine, partition } of replicas) {
      const { leader, epoch, role } = machine;
      if (leader === undefined || leader === self || role !== 'following') continue;
      const known = terms.get(leader);
      if (known === undefined) terms.set(leader, [{ partition, epoch }]);
      else known.push({ partition, epoch });
    }
    this.detector.keep(clock.now(), new Set(terms.keys()));
    for (const [node, asked] of terms) void this.#probeOne(node, asked);
  }

  async #probeOne(node: NodeId, asked: readonly Term[]): Promise<void> {
    const { clock, timing } = this.#parts;
    const sentMs = clock.now();
    const reply = await this.#parts.ask(node, { kind: 'probe', terms: asked }, timing.probeTimeoutMs);
    const still = asked
      .filter(({ partition, epoch }) => this.#parts.epochOf(partition) === epoch)
      .map(({ partition }) => partition);
    if (reply.kind === 'absent') this.detector.probed(clock.now(), node, still, { kind: 'no-responders' });
    else if (reply.kind === 'answered' && reply.answer.kind === 'probe') {
      this.detector.probed(sentMs, node, still, { kind: 'answered', leads: new Set(reply.answer.leads) });
    } else this.detector.probed(clock.now(), node, still, { kind: 'silent' });
  }
}
