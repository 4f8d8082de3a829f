/** Why two commits do not merge: the slots that both changed, or what else stands against it. */
import type { Slot } from '../diff/slot.js';

export class MergeConflict extends Error {
  readonly slots: readonly Slot[];
  /** For people; empty where the slots say it all. */
  readonly why: string;

  constructor(slots: readonly Slot[], why = '') {
    super(why);
    this.slots = slots;
    this.why = why;
  }
}
