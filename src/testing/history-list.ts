/**
 * A list to which calls append, each a value of its own.
 *
 * Invariant: the longest that was seen gives the order of all that was appended, whatever else was seen is a beginning of it, and
 * what was appended and never seen stands behind it. That order is the only one there can be, so it is enough to hold it against
 * time: near linear.
 */
import type { Finding, HistoryCall, HistoryValue } from './history.js';
import { firstMisplaced, inWords, spanOf } from './history-span.js';
import type { Placed } from './history-span.js';

interface Seen {
  readonly call: HistoryCall;
  readonly list: readonly HistoryValue[];
}

export function checkList(calls: readonly HistoryCall[], attribute: string, initial: readonly HistoryValue[]): Finding[] {
  const appended = appendsOf(calls, attribute);
  const seen = seenOf(calls, attribute);
  const longest = seen.reduce(
    (found: Seen | undefined, each) => (found && found.list.length >= each.list.length ? found : each),
    undefined,
  );
  const order = longest?.list ?? initial;
  const found: Finding[] = [];

  for (const { call, list } of seen) {
    const at = list.findIndex((value, i) => !Object.is(value, order[i]));
    if (at < 0 && list.length >= initial.length) continue;
    const message =
      at < 0
        ? `the ${attribute} that it began with was not all there: ${inWords(call)}`
        : `the ${attribute} was seen with ${show(list[at])} in place ${at} (${inWords(call)}) and with ${show(order[at])} (${inWords(longest!.call)})`;
    found.push({ message, calls: [call, longest!.call] });
  }

  const places = new Map<HistoryValue, number>(initial.map((value, i) => [value, i]));
  for (const [i, value] of order.entries()) {
    if (i < initial.length) {
      if (!Object.is(value, initial[i]))
        found.push({ message: `the ${attribute} began with ${show(initial[i])}, not ${show(value)}`, calls: [longest!.call] });
      continue;
    }
    const call = appended.get(value);
    if (places.has(value)) found.push({ message: `${show(value)} stands twice in the ${attribute}`, calls: [longest!.call] });
    else if (call === undefined)
      found.push({ message: `${show(value)} stands in the ${attribute}, and nobody appended it`, calls: [longest!.call] });
    else if (call.told === 'not-stored')
      found.push({
        message: `${show(value)} was reported as not stored, and stands in the ${attribute}: ${inWords(call)}`,
        calls: [longest!.call, call],
      });
    places.set(value, i);
  }
  if (found.length > 0) return found;

  const placed: Placed[] = seen.map(({ call, list }) => ({ ...spanOf(call), place: list.length, moves: false }));
  for (const [value, call] of appended) {
    const at = places.get(value);
    if (call.told === 'not-stored' || (call.told === 'unknown' && at === undefined)) continue;
    placed.push({ ...spanOf(call), place: at === undefined ? Infinity : at + 1, moves: at !== undefined });
  }
  const misplaced = firstMisplaced(placed);
  if (misplaced !== undefined) found.push(untimely(attribute, misplaced.later.call, misplaced.earlier.call));
  return [...found, ...checkContents(seen, appended, places, attribute)];
}

function untimely(attribute: string, later: HistoryCall, earlier: HistoryCall): Finding {
  const told = (call: HistoryCall): string => (call.does.kind === 'read' ? 'the read' : 'the append');
  return {
    message: `the ${attribute}: ${told(later)} of ${inWords(later)}, comes before ${told(earlier)} of ${inWords(earlier)}, which had ended`,
    calls: [later, earlier],
  };
}

/** A state of a version holds exactly what was stored up to it. */
function checkContents(
  seen: readonly Seen[],
  appended: ReadonlyMap<HistoryValue, HistoryCall>,
  places: ReadonlyMap<HistoryValue, number>,
  attribute: string,
): Finding[] {
  const versions: { readonly at: number; readonly version: number; readonly call: HistoryCall }[] = [];
  for (const [value, call] of appended) {
    const at = places.get(value);
    if (at !== undefined && call.told === 'ok' && call.version !== undefined) versions.push({ at, version: call.version, call });
  }
  versions.sort((a, b) => a.at - b.at);
  const misordered = versions.findIndex(({ version }, i) => i > 0 && version <= versions[i - 1]!.version);
  if (misordered > 0) {
    const [one, other] = [versions[misordered - 1]!, versions[misordered]!];
    const message = `the ${attribute} has version ${other.version} behind version ${one.version}`;
    return [{ message, calls: [other.call, one.call] }];
  }
  for (const { call, list } of seen) {
    if (call.version === undefined) continue;
    const next = firstFrom(versions, list.length);
    const [inside, outside] = [versions[next - 1], versions[next]];
    const wrong =
      inside !== undefined && inside.version > call.version
        ? inside
        : outside !== undefined && outside.version <= call.version
          ? outside
          : undefined;
    if (wrong === undefined) continue;
    const has = wrong === inside ? 'has' : 'lacks';
    const message = `version ${call.version} of the ${attribute} (${inWords(call)}) ${has} what was stored as version ${wrong.version}`;
    return [{ message, calls: [call, wrong.call] }];
  }
  return [];
}

function firstFrom(sorted: readonly { readonly at: number }[], place: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]!.at < place) low = middle + 1;
    else high = middle;
  }
  return low;
}

function appendsOf(calls: readonly HistoryCall[], attribute: string): Map<HistoryValue, HistoryCall> {
  const appended = new Map<HistoryValue, HistoryCall>();
  for (const call of calls) {
    if (call.does.kind !== 'change') continue;
    for (const change of call.does.changes)
      if (change.attribute === attribute && 'append' in change) {
        if (appended.has(change.append)) throw new Error(`${show(change.append)} is appended by two calls: values must differ`);
        appended.set(change.append, call);
      }
  }
  return appended;
}

function seenOf(calls: readonly HistoryCall[], attribute: string): Seen[] {
  return calls.flatMap((call) => {
    if (call.does.kind !== 'read' || call.does.saw === undefined) return [];
    const { attributes } = call.does.saw;
    return Object.hasOwn(attributes, attribute) ? [{ call, list: attributes[attribute] as readonly HistoryValue[] }] : [];
  });
}

function show(value: HistoryValue): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
