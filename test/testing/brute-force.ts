/**
 * The slow, short way to judge a small history: every order of all calls that time allows, with and without each call that has no
 * answer, against a session that is one object.
 */
import type { HistoryCall, HistoryValue } from '../../src/testing/history.js';

interface Session {
  readonly life: string;
  readonly log: readonly HistoryValue[];
  readonly count: number;
  readonly value: HistoryValue;
}

export function canBe(calls: readonly HistoryCall[]): boolean {
  const of = calls.filter(({ told, refused }) => told !== 'not-stored' || refused !== undefined);
  return canGoOn(of, undefined);
}

/** Some call of those left can be the next, and then all others can follow. */
function canGoOn(left: readonly HistoryCall[], session: Session | undefined): boolean {
  if (left.every(({ told }) => told === 'unknown')) return true;
  const endMs = Math.min(...left.map((call) => (call.told === 'unknown' || isLocal(call) ? Infinity : call.endMs)));
  return left.some((call) => {
    if (beginOf(call) > endMs) return false;
    const next = after(session, call);
    return (
      next !== false &&
      canGoOn(
        left.filter((other) => other !== call),
        next,
      )
    );
  });
}

/** It may show what is not acknowledged yet. */
function isLocal({ does, staleMs }: HistoryCall): boolean {
  return does.kind === 'read' && staleMs === Infinity;
}

function beginOf({ startMs, staleMs = 0, does, told }: HistoryCall): number {
  return does.kind === 'read' || told === 'not-stored' ? startMs - staleMs : startMs;
}

/** `false`: it cannot happen, or not be answered so. */
function after(session: Session | undefined, { does, told, refused }: HistoryCall): Session | undefined | false {
  if (told === 'not-stored') {
    if (refused === 'exists') return session !== undefined && session;
    return (session === undefined || (does.kind === 'change' && session.life !== does.life)) && session;
  }
  switch (does.kind) {
    case 'create':
      return session === undefined && { life: does.life, log: [], count: 0, value: undefined };
    case 'destroy':
      return session !== undefined && undefined;
    case 'read': {
      if (session === undefined || does.saw === undefined) return session === undefined && does.saw === undefined && undefined;
      const { life, attributes } = does.saw;
      const fits = Object.entries(attributes).every(([name, seen]) => {
        const own = session[name as 'log' | 'count' | 'value'];
        return Array.isArray(seen) ? (own as string[]).join() === seen.join() : Object.is(own, seen);
      });
      return fits && life === session.life && session;
    }
    case 'change': {
      if (session?.life !== does.life) return false;
      let { log, count, value } = session;
      for (const change of does.changes) {
        if ('append' in change) log = [...log, change.append];
        else if ('add' in change) count += change.add;
        else if ('over' in change && !Object.is(value, change.over)) return false;
        else value = change.write;
      }
      return { ...session, log, count, value };
    }
  }
}
