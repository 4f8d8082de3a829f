/**
 * Which life of a session was there: creates begin one where there is none, destroys end it, and every other call says what it met.
 *
 * Invariant: judged by the search; a create without an answer whose life nobody met is any life at all.
 */
import type { Finding, HistoryCall } from './history.js';
import { firstImpossible, IMPOSSIBLE } from './history-search.js';
import type { Step } from './history-search.js';
import { inWords, spanOf } from './history-span.js';

const UNMET = ' unmet';

export function checkPresence(calls: readonly HistoryCall[]): Finding[] {
  const metMs = new Map<string, number>();
  for (const call of calls) {
    const life = metBy(call);
    if (life !== undefined) metMs.set(life, Math.min(metMs.get(life) ?? Infinity, spanOf(call).untilMs));
  }
  const made = new Set<string>();
  const found: Finding[] = [];
  for (const call of calls) {
    if (call.does.kind !== 'create') continue;
    if (made.has(call.does.life))
      throw new Error(`the life ${call.does.life} of ${call.session} is created by two calls: lives must differ`);
    made.add(call.does.life);
    if (call.told === 'not-stored' && metMs.has(call.does.life))
      found.push({
        message: `the life ${call.does.life} was reported as not stored, and was met: ${inWords(call)}`,
        calls: [call],
      });
  }
  for (const call of calls) {
    const life = metBy(call);
    if (life !== undefined && !made.has(life)) {
      found.push({ message: `the life ${life} was met (${inWords(call)}), and nobody created it`, calls: [call] });
      break;
    }
  }
  if (found.length > 0) return found;

  const steps = calls.flatMap((call) => stepsOf(call, metMs));
  const late = steps.find(({ fromMs, untilMs }) => untilMs < fromMs);
  if (late !== undefined) return [{ message: `a life was met before it was created: ${inWords(late.call)}`, calls: [late.call] }];
  const wrong = firstImpossible(steps, undefined);
  if (wrong === undefined) return [];
  const states = wrong.states
    .slice(0, 5)
    .map((life) => (life === undefined ? 'no session' : life === UNMET ? 'some session' : life));
  const message = `${inWordsOf(wrong.call)}, which cannot be from ${states.join(' or ')} on: ${inWords(wrong.call)}`;
  return [{ message, calls: [wrong.call] }];
}

type Life = string | undefined;

function stepsOf(call: HistoryCall, metMs: ReadonlyMap<string, number>): Step<Life>[] {
  const { does, told, refused } = call;
  const span = spanOf(call);
  const meets = (fits: (life: Life) => boolean): Step<Life>[] => [
    { ...span, changes: false, after: (life) => (fits(life) ? life : IMPOSSIBLE) },
  ];
  if (does.kind === 'read') return meets((life) => life === does.saw?.life);
  if (told === 'not-stored') {
    if (refused === 'exists') return meets((life) => life !== undefined);
    if (refused === 'gone') return meets((life) => life === undefined || (does.kind === 'change' && life !== does.life));
    return [];
  }
  if (does.kind === 'change') return told === 'ok' ? meets((life) => life === does.life) : [];
  if (does.kind === 'destroy')
    return [{ ...span, changes: true, kind: 'destroy', after: (life) => (life === undefined ? IMPOSSIBLE : undefined) }];
  const until = metMs.get(does.life);
  const life = told === 'unknown' && until === undefined ? UNMET : does.life;
  return [
    {
      ...span,
      untilMs: Math.min(span.untilMs, until ?? Infinity),
      changes: true,
      kind: life,
      after: (before) => (before === undefined ? life : IMPOSSIBLE),
    },
  ];
}

/** A change that was acknowledged met a life, and so did a read. */
function metBy({ does, told }: HistoryCall): Life {
  if (does.kind === 'read') return does.saw?.life;
  return does.kind === 'change' && told === 'ok' ? does.life : undefined;
}

function inWordsOf({ does, told, refused }: HistoryCall): string {
  if (does.kind === 'read') return does.saw === undefined ? 'a read met no session' : `a read met the life ${does.saw.life}`;
  if (told === 'not-stored') return refused === 'exists' ? 'a create met a session' : `a ${does.kind} met no session`;
  if (does.kind === 'destroy') return 'a destroy met a session';
  return does.kind === 'create' ? `the life ${does.life} was created` : `a change met the life ${does.life}`;
}
