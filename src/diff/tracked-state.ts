/**
 * What a tracked object keeps aside: the values of its attributes, and who wants to know of writes to them.
 *
 * Invariant: while a tracker is open, every attribute that was written since the tracker last took the object's marks is marked for
 * it, however many trackers watch the object. A tracker knows objects by position only and a watch holds nothing but its tracker, so
 * neither keeps a benchmark or another object alive.
 */

/** How many marks an object has; in a class with more attributes, several attributes share one. */
export const MARKS = 30;
export const ALL_MARKS = 2 ** MARKS - 1;

/** Collects, for one benchmark, the positions of the objects that were written. */
export class Tracker {
  #positions: number[] = [];
  #spare: number[] = [];
  #count = 0;
  #closed = false;
  #owner: WeakRef<object> | undefined;

  /** Says whose tracker this is: it is open no longer than that lives. */
  own(owner: object): void {
    this.#owner = new WeakRef(owner);
  }

  get isOpen(): boolean {
    return !this.#closed && (this.#owner === undefined || this.#owner.deref() !== undefined);
  }

  get count(): number {
    return this.#count;
  }

  add(position: number): void {
    if (!this.#closed) this.#positions[this.#count++] = position;
  }

  /** The first `count` positions; to be read before the next call, and before anything else runs. */
  take(): readonly number[] {
    const taken = this.#positions;
    this.#positions = this.#spare;
    this.#spare = taken;
    this.#count = 0;
    return taken;
  }

  close(): void {
    this.#closed = true;
    this.#positions = [];
    this.#spare = [];
    this.#count = 0;
  }
}

/** One tracker's interest in one object. */
export class Watch {
  readonly tracker: Tracker;
  readonly position: number;
  /** Marks that somebody else has taken from the object; while there are any, the position has been added. */
  pending = 0;
  next: Watch | undefined = undefined;

  constructor(tracker: Tracker, position: number) {
    this.tracker = tracker;
    this.position = position;
  }
}

export class TrackedState {
  /** The object itself: accessors that were copied elsewhere find that they are not at home. */
  readonly owner: object;
  /** In the order of the class's mutable attributes. */
  readonly values: unknown[];
  /** Written since some tracker last took them; while there are none, the next write tells all trackers. */
  marks = 0;
  #watch: Watch | undefined = undefined;

  constructor(owner: object, values: unknown[]) {
    this.owner = owner;
    this.values = values;
  }

  /** Tells the trackers of the first write; those that know already are not told again. */
  announce(): void {
    for (let watch = this.#watch; watch !== undefined; watch = watch.next) {
      if (watch.pending === 0) watch.tracker.add(watch.position);
    }
  }

  /** Lets a tracker know of writes from now on. Trackers that are no longer open are forgotten. */
  watchBy(tracker: Tracker, position: number): Watch {
    const own = new Watch(tracker, position);
    let last = own;
    for (let watch = this.#watch; watch !== undefined; watch = watch.next) {
      if (watch.tracker.isOpen) last = last.next = watch;
    }
    last.next = undefined;
    this.#watch = own;
    return own;
  }

  /** Takes the marks for one tracker; the others keep theirs. */
  take(own: Watch): number {
    const { marks } = this;
    const taken = marks | own.pending;
    own.pending = 0;
    if (marks === 0) return taken;
    for (let watch = this.#watch; watch !== undefined; watch = watch.next) if (watch !== own) watch.pending |= marks;
    this.marks = 0;
    return taken;
  }

  /** Gives marks back that were taken for nothing. */
  putBack(own: Watch, marks: number): void {
    if (own.pending === 0 && this.marks === 0) own.tracker.add(own.position);
    own.pending |= marks;
  }
}
