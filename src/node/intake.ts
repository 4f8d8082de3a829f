/**
 * Takes operations in that other processes send, however often a message comes.
 *
 * Invariant: what is said of one copy is true of all. A copy that comes while an earlier one is under way gets the answer of that
 * one; and a try that was refused is never taken in afterwards. For its asker may have told its caller that nothing was stored:
 * a copy that the network delivers late, when it would be accepted, must not make that untrue. Copies of a message reach the process
 * that it was sent to, so its memory is enough; a new try of the asker's has a higher number.
 */
import type { Answer, Operation } from '../replication/operation.js';
import type { OpId } from '../replication/record.js';

/** So many refused operations are remembered; the one refused longest ago is forgotten first. */
const REFUSED_MAX = 16_384;

interface UnderWay {
  readonly answered: Promise<Answer>;
  /** The highest try that gets this answer. */
  attempt: number;
}

export class Intake {
  readonly #underWay = new Map<string, UnderWay>();
  /** The highest try that was refused, by operation. */
  readonly #refused = new Map<string, number>();

  /** @returns `undefined` where an earlier copy of this very try was refused: it was answered */
  take(operation: Operation, attempt: number, operate: () => Promise<Answer>): Promise<Answer | undefined> {
    const key = keyOf(operation.op);
    if (attempt <= (this.#refused.get(key) ?? -1)) return Promise.resolve(undefined);
    const same = this.#underWay.get(key);
    if (same !== undefined) {
      same.attempt = Math.max(same.attempt, attempt);
      return same.answered;
    }
    const answered = operate().then((answer) => {
      this.#underWay.delete(key);
      if (isRefusal(answer, operation)) this.#note(key, underWay.attempt);
      return answer;
    });
    const underWay: UnderWay = { answered, attempt };
    this.#underWay.set(key, underWay);
    return answered;
  }

  #note(key: string, attempt: number): void {
    this.#refused.delete(key);
    this.#refused.set(key, attempt);
    if (this.#refused.size > REFUSED_MAX) this.#refused.delete(this.#refused.keys().next().value!);
  }
}

/** Answers from which an asker concludes that nothing was stored, and which another time may not be given. */
function isRefusal(answer: Answer, { base }: Operation): boolean {
  // who ends or touches whatever is there would meet the next session of that id; one that is meant never comes back
  if (answer.kind === 'gone') return base === undefined;
  // how far back this node knows depends on when it was last read from the log
  if (answer.kind === 'conflict') return answer.slots.length === 0;
  return answer.kind === 'refused' || answer.kind === 'exists' || (answer.kind === 'retry' && answer.clean);
}

const keyOf = ({ client, counter }: OpId): string => `${counter} ${client}`;
