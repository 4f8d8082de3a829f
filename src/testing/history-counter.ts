/**
 * A counter to which calls add.
 *
 * Invariant: where all add the same, the count is kept as low as what has ended forces it to be, and what may wait longest waits:
 * a read that cannot be explained so cannot be explained at all. Everything else goes through the search.
 */
import type { Finding, HistoryCall } from './history.js';
import { firstImpossible, IMPOSSIBLE } from './history-search.js';
import type { Step } from './history-search.js';
import { inWords, spanOf } from './history-span.js';
import type { Span } from './history-span.js';

interface Counting extends Span {
  /** What is added; `undefined`: it is a read. */
  readonly amount: number | undefined;
  readonly value: number;
}

export function checkCounter(calls: readonly HistoryCall[], attribute: string, initial: number): Finding[] {
  const counting = calls.flatMap((call) => countingsOf(call, attribute));
  const amounts = new Set(counting.flatMap(({ amount }) => amount ?? []));
  amounts.delete(0);
  const step = amounts.size === 1 ? [...amounts][0]! : 1;
  const isEqual =
    amounts.size <= 1 &&
    counting.every(({ amount, value }) => amount !== undefined || Number.isInteger((value - initial) / step));
  const wrong = isEqual ? firstUncountable(counting, initial, step) : bySearch(counting, initial);
  return wrong === undefined ? [] : [{ message: `the ${attribute} ${wrong.message}`, calls: wrong.calls }];
}

function countingsOf(call: HistoryCall, attribute: string): Counting[] {
  const { does, told } = call;
  if (does.kind === 'read') {
    if (does.saw === undefined || !Object.hasOwn(does.saw.attributes, attribute)) return [];
    return [{ ...spanOf(call), amount: undefined, value: does.saw.attributes[attribute] as number }];
  }
  if (does.kind !== 'change' || told === 'not-stored') return [];
  const amount = does.changes.reduce(
    (sum, change) => sum + (change.attribute === attribute && 'add' in change ? change.add : 0),
    0,
  );
  return amount === 0 ? [] : [{ ...spanOf(call), amount, value: NaN }];
}

/** Steps are all the same; what is counted is how many have happened. */
function firstUncountable(counting: readonly Counting[], initial: number, step: number): Finding | undefined {
  const moments = counting
    .flatMap((each) => [
      { atMs: each.fromMs, ends: false, each },
      { atMs: each.untilMs, ends: true, each },
    ])
    .toSorted((a, b) => a.atMs - b.atMs || Number(a.ends) - Number(b.ends));
  let count = 0;
  /** Have begun and not happened, those that end last first. */
  const waiting = new Waiting();
  const happened = new Set<Counting>();
  /** Reads under way that have not had their count, by it. */
  const reading = new Map<number, Set<Counting>>();
  const advance = (): void => {
    happened.add(waiting.first());
    count++;
    reading.delete(count);
  };
  for (const { ends, each } of moments) {
    if (each.amount !== undefined) {
      if (!ends) waiting.add(each);
      else if (each.untilMs !== Infinity) while (!happened.has(each)) advance();
      continue;
    }
    const wanted = (each.value - initial) / step;
    if (!ends) {
      if (wanted < count) {
        const message = `was read as ${each.value} (${inWords(each.call)}), and must have been at least ${initial + count * step}`;
        return { message, calls: [each.call] };
      }
      if (wanted > count) reading.set(wanted, (reading.get(wanted) ?? new Set<Counting>()).add(each));
    } else if (reading.get(wanted)?.has(each) === true) {
      while (count < wanted && waiting.size > 0) advance();
      if (count < wanted) {
        const message = `was read as ${each.value} (${inWords(each.call)}), and can have been ${initial + count * step} at most`;
        return { message, calls: [each.call] };
      }
    }
  }
  return undefined;
}

function bySearch(counting: readonly Counting[], initial: number): Finding | undefined {
  const steps: Step<number>[] = counting.map((each) => ({
    ...each,
    changes: each.amount !== undefined,
    after: (state) => (each.amount !== undefined ? state + each.amount : state === each.value ? state : IMPOSSIBLE),
    ...(each.amount !== undefined && { kind: String(each.amount) }),
  }));
  const wrong = firstImpossible(steps, initial);
  if (wrong === undefined) return undefined;
  const message = `was read as what it cannot have been from ${wrong.states.slice(0, 5).join(' or ')} on: ${inWords(wrong.call)}`;
  return { message, calls: [wrong.call] };
}

/** A heap: whatever ends first is first. */
class Waiting {
  readonly #heap: Counting[] = [];

  get size(): number {
    return this.#heap.length;
  }

  add(each: Counting): void {
    const heap = this.#heap;
    let at = heap.push(each) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.untilMs <= each.untilMs) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = each;
  }

  /** Takes it out. */
  first(): Counting {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.untilMs < heap[child]!.untilMs) child++;
      if (heap[child]!.untilMs >= last.untilMs) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
