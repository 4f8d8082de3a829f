/**
 * A register that calls write, over whatever is there or over a value that they found.
 *
 * Invariant: a write without an answer whose value nobody found has either not happened or made no difference; one whose value was
 * found happened before whoever found it was answered. So hardly any call stays open, and the search stays narrow.
 */
import type { Finding, HistoryCall, HistoryValue } from './history.js';
import { firstImpossible, IMPOSSIBLE } from './history-search.js';
import type { Step } from './history-search.js';
import { inWords, spanOf } from './history-span.js';

export function checkRegister(calls: readonly HistoryCall[], attribute: string, initial: HistoryValue): Finding[] {
  const writes = writesOf(calls, attribute);
  const reads = calls.flatMap((call) => {
    if (call.does.kind !== 'read' || call.does.saw === undefined) return [];
    const { attributes } = call.does.saw;
    return Object.hasOwn(attributes, attribute) ? [{ call, value: attributes[attribute] as HistoryValue }] : [];
  });
  /** By value: how many have put it there, or may have. */
  const counts = new Map<HistoryValue, number>([[initial, 1]]);
  for (const { change } of writes) counts.set(change.write, (counts.get(change.write) ?? 0) + 1);
  const foundMs = whenFound(reads, writes, counts);

  const steps: Step<HistoryValue>[] = [];
  for (const { call, change } of writes) {
    const span = spanOf(call);
    const { write } = change;
    const until = foundMs.get(write);
    if (call.told === 'unknown' && until === undefined) continue;
    const isOwn = counts.get(write) === 1;
    steps.push({
      ...span,
      untilMs: isOwn ? Math.min(span.untilMs, until ?? Infinity) : span.untilMs,
      changes: true,
      after: (state) => (!('over' in change) || Object.is(state, change.over) ? write : IMPOSSIBLE),
      ...(!isOwn && { kind: `${typeof write}${String(write)} over ${'over' in change ? String(change.over) : ''}` }),
    });
  }
  for (const { call, value } of reads)
    steps.push({ ...spanOf(call), changes: false, after: (state) => (Object.is(state, value) ? state : IMPOSSIBLE) });

  const impossibleSpan = steps.find(({ fromMs, untilMs }) => untilMs < fromMs);
  if (impossibleSpan !== undefined)
    return [
      {
        message: `the ${attribute} was found before it was written: ${inWords(impossibleSpan.call)}`,
        calls: [impossibleSpan.call],
      },
    ];
  const wrong = firstImpossible(steps, initial);
  if (wrong === undefined) return [];
  const { does } = wrong.call;
  const what = does.kind === 'read' ? `was read as ${show(does.saw!.attributes[attribute] as HistoryValue)}` : `was written`;
  const states = wrong.states.slice(0, 5).map(show).join(' or ');
  return [
    { message: `the ${attribute} ${what}, which cannot be from ${states} on: ${inWords(wrong.call)}`, calls: [wrong.call] },
  ];
}

type Write = { readonly write: HistoryValue; readonly over?: HistoryValue };

interface Written {
  readonly call: HistoryCall;
  readonly change: Write;
}

/** By value: when it was found, at the latest. What was found by a write counts if that one was stored, or found in turn. */
function whenFound(
  reads: readonly { readonly call: HistoryCall; readonly value: HistoryValue }[],
  writes: readonly Written[],
  counts: ReadonlyMap<HistoryValue, number>,
): ReadonlyMap<HistoryValue, number> {
  const foundMs = new Map<HistoryValue, number>();
  const open: { readonly value: HistoryValue; readonly untilMs: number }[] = [
    ...reads.map(({ call, value }) => ({ value, untilMs: spanOf(call).untilMs })),
    ...writes.flatMap(({ call, change }) =>
      'over' in change && call.told === 'ok' ? [{ value: change.over, untilMs: spanOf(call).untilMs }] : [],
    ),
  ];
  const unsure = new Map<HistoryValue, Write[]>();
  for (const { call, change } of writes)
    if (call.told === 'unknown' && 'over' in change) unsure.set(change.write, [...(unsure.get(change.write) ?? []), change]);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, untilMs } = next;
    if (untilMs >= (foundMs.get(value) ?? Infinity) && foundMs.has(value)) continue;
    foundMs.set(value, untilMs);
    // of several that wrote it nobody knows whose was found
    for (const { over } of unsure.get(value) ?? [])
      open.push({ value: over, untilMs: counts.get(value) === 1 ? untilMs : Infinity });
  }
  return foundMs;
}

/** The last one of each call: it is what others can find, over what the first one found. */
function writesOf(calls: readonly HistoryCall[], attribute: string): Written[] {
  return calls.flatMap((call) => {
    if (call.does.kind !== 'change' || call.told === 'not-stored') return [];
    const own = call.does.changes.flatMap((change) => (change.attribute === attribute && 'write' in change ? [change] : []));
    if (own.length === 0) return [];
    const change: Write = 'over' in own[0]! ? { write: own.at(-1)!.write, over: own[0].over! } : { write: own.at(-1)!.write };
    return [{ call, change }];
  });
}

function show(value: HistoryValue): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
