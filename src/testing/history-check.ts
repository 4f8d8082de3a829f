/**
 * Holds what callers did to sessions, and what they were told, against what can be true: is there an order of all calls, each at
 * one moment between its beginning and its end, that explains every answer (linearizability; Herlihy and Wing, 1990)?
 *
 * Invariant: sessions are judged one by one, a session by its lives (from a create to its destroy), a life by its attributes. Each
 * of these judgements is exact: what it rejects cannot be, what it accepts can. A call without an answer may have happened at any
 * time after its beginning, or never. Time is one clock for all callers.
 */
import { checkCounter } from './history-counter.js';
import { checkList } from './history-list.js';
import { checkPresence } from './history-presence.js';
import { checkRegister } from './history-register.js';
import { checkVersions } from './history-versions.js';

import type { Contradiction, Finding, HistoryCall, HistoryValue } from './history.js';

/**
 * Finds what in a history cannot be true: acknowledged and missing, not stored and there, applied twice, read and never so, older
 * than its promise allows, destroyed and back, versions that go back or name two states. Near linear for lists, versions, and
 * counters of equal steps; for registers and lives it grows with how many calls of one session were under way at once.
 *
 * @throws {Error} where so many calls of one session without an answer are under way that it cannot be decided
 * @returns nothing where the history can be true
 */
export function checkHistory(calls: readonly HistoryCall[]): Contradiction[] {
  const found: Contradiction[] = [];
  for (const [session, own] of grouped(calls, (call) => call.session)) {
    for (const { message, calls: shown } of ofSession(own))
      found.push({ session, message: `${session}: ${message}`, calls: shown });
  }
  return found;
}

function ofSession(calls: readonly HistoryCall[]): Finding[] {
  const found = checkPresence(calls);
  const lives = grouped(
    calls.filter((call) => lifeOf(call) !== undefined),
    (call) => lifeOf(call)!,
  );
  for (const own of lives.values()) found.push(...checkVersions(own), ...ofLife(own));
  return found;
}

function ofLife(calls: readonly HistoryCall[]): Finding[] {
  const made = calls.find(({ does }) => does.kind === 'create');
  const initial = made?.does.kind === 'create' ? (made.does.attributes ?? {}) : {};
  return [...attributesOf(calls)].flatMap(([name, kind]) => {
    const begin = Object.hasOwn(initial, name) ? initial[name] : undefined;
    if (kind === 'append') return checkList(calls, name, (begin ?? []) as readonly HistoryValue[]);
    if (kind === 'add') return checkCounter(calls, name, (begin ?? 0) as number);
    return checkRegister(calls, name, begin as HistoryValue);
  });
}

/** Names and kinds, from what was changed, or else from what was seen. */
function attributesOf(calls: readonly HistoryCall[]): Map<string, 'append' | 'add' | 'write'> {
  const kinds = new Map<string, 'append' | 'add' | 'write'>();
  for (const { does } of calls) {
    if (does.kind !== 'change') continue;
    for (const change of does.changes)
      kinds.set(change.attribute, 'append' in change ? 'append' : 'add' in change ? 'add' : 'write');
  }
  for (const { does } of calls) {
    if (does.kind !== 'read' || does.saw === undefined) continue;
    for (const [name, value] of Object.entries(does.saw.attributes)) {
      if (!kinds.has(name)) kinds.set(name, Array.isArray(value) ? 'append' : typeof value === 'number' ? 'add' : 'write');
    }
  }
  return kinds;
}

function lifeOf({ does }: HistoryCall): string | undefined {
  if (does.kind === 'read') return does.saw?.life;
  return does.kind === 'destroy' ? undefined : does.life;
}

function grouped<K, V>(values: readonly V[], key: (value: V) => K): Map<K, V[]> {
  const groups = new Map<K, V[]>();
  for (const value of values) {
    const group = groups.get(key(value));
    if (group === undefined) groups.set(key(value), [value]);
    else group.push(value);
  }
  return groups;
}
