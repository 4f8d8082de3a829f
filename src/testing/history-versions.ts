/**
 * The versions of one life: every change has one of its own, they rise with time, and a version is one state, whoever sees it.
 *
 * Invariant: what was never told a version is left out; that a life of a session is there is not judged here.
 */
import type { Finding, HistoryAttribute, HistoryCall, HistoryState } from './history.js';
import { firstMisplaced, inWords, spanOf } from './history-span.js';
import type { Placed } from './history-span.js';

export function checkVersions(calls: readonly HistoryCall[]): Finding[] {
  const found: Finding[] = [];
  const stored = new Map<number, HistoryCall>();
  const seen = new Map<number, HistoryCall>();
  const placed: Placed[] = [];
  for (const call of calls) {
    const { does, told, version } = call;
    if (told !== 'ok' || version === undefined) continue;
    const moves = does.kind !== 'read';
    placed.push({ ...spanOf(call), place: version, moves });
    const other = (moves ? stored : seen).get(version);
    (moves ? stored : seen).set(version, call);
    if (other === undefined) continue;
    if (moves)
      found.push({ message: `two changes have version ${version}: ${inWords(call)}; ${inWords(other)}`, calls: [call, other] });
    else if (!isSame(stateOf(call), stateOf(other)))
      found.push({
        message: `version ${version} was seen as two states: ${inWords(call)}; ${inWords(other)}`,
        calls: [call, other],
      });
  }
  const misplaced = firstMisplaced(placed);
  if (misplaced !== undefined) {
    const { later, earlier } = misplaced;
    const message = `version ${later.place} (${inWords(later.call)}) came behind version ${earlier.place} (${inWords(earlier.call)})`;
    found.push({ message, calls: [later.call, earlier.call] });
  }
  return found;
}

function stateOf({ does }: HistoryCall): HistoryState {
  return (does as { saw: HistoryState }).saw;
}

function isSame(one: HistoryState, other: HistoryState): boolean {
  const names = Object.keys(one.attributes);
  if (names.length !== Object.keys(other.attributes).length) return false;
  return names.every((name) => Object.hasOwn(other.attributes, name) && equal(one.attributes[name], other.attributes[name]));
}

function equal(one: HistoryAttribute, other: HistoryAttribute): boolean {
  if (!Array.isArray(one)) return Object.is(one, other);
  return Array.isArray(other) && one.length === other.length && one.every((value, i) => Object.is(value, other[i]));
}
