/** Answers a read from acknowledged state, with as few bytes as what the asker has allows. */
import { DriftError } from './drift.js';
import type { Ledger } from './ledger.js';
import type { Read, ReadAnswer } from './operation.js';
import { isWithheld } from './other-release.js';
import type { Bodies } from './session-state.js';

/** What has drifted is not served: the asker asks again, and the replica, which has taken note of it, begins anew. */
export function answerRead<B>(ledger: Ledger<B>, bodies: Bodies<B>, read: Read): ReadAnswer {
  try {
    return answerSound(ledger, bodies, read);
  } catch (error) {
    if (!(error instanceof DriftError)) throw error;
    return { kind: 'retry', hint: undefined, why: error.message };
  }
}

function answerSound<B>(ledger: Ledger<B>, bodies: Bodies<B>, read: Read): ReadAnswer {
  const state = ledger.session(read.session);
  const hint = ledger.leader;
  if (state?.quarantine !== undefined && isWithheld(state.quarantine))
    return { kind: 'withheld', why: state.quarantine.received ?? '' };
  const version = state?.version ?? 0;
  if (read.atLeast !== undefined && version < read.atLeast)
    return { kind: 'retry', hint, why: `only version ${version} is known here` };
  if (state === undefined || state.dead) return { kind: 'gone', ended: state?.ended };
  if (state.passive) return { kind: 'retry', hint, why: 'it is being fetched from its stored snapshot' };
  if (state.body === undefined) return quarantined(state);
  const { incarnation } = state;
  const { known } = read;
  if (known !== undefined && known.incarnation === incarnation) {
    if (known.version === state.version) return { kind: 'same', version: state.version, incarnation };
    const deltas = known.version < state.version ? bodies.since(state.body, known.version) : undefined;
    if (deltas !== undefined) return { kind: 'deltas', version: state.version, incarnation, deltas };
  }
  const snapshot = ledger.readBody(state, (body) => bodies.snapshot(body));
  if (snapshot === undefined) return quarantined(state);
  return { kind: 'snapshot', version: state.version, incarnation, className: state.className, snapshot };
}

function quarantined({ quarantine }: { readonly quarantine: Error | undefined }): ReadAnswer {
  return { kind: 'quarantined', why: quarantine?.message ?? 'its bytes are not here' };
}
