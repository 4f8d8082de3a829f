/** What the protocol is handed to keep sessions with: it knows their bytes only through these. */
import { AtRest } from '../session/at-rest.js';
import { mergeDelta } from '../session/merge.js';
import type { Models } from '../session/three-way.js';
import { checkCeilings, stricterLimits } from '../wire/limits.js';
import type { Limits } from '../wire/limits.js';
import type { Bodies } from '../replication/session-state.js';

/**
 * @param models of the classes that this process knows: their rules decide what becomes of a slot that two commits changed, and
 *   their limits what is taken
 * @throws {TwinstateError} `OPTION_INVALID` where a limit is more than all replicas take
 */
export function bodiesFor(models: Models): Bodies<AtRest> {
  for (const [name, { limits }] of models) checkCeilings(limits, name);
  const known = new Map<string, Limits>();
  const limitsOf = (className: string): Limits => {
    let limits = known.get(className);
    if (limits === undefined) {
      const model = models.get(className);
      limits = stricterLimits(model?.limits);
      // names of others are not kept: there may be any number of them
      if (model !== undefined) known.set(className, limits);
    }
    return limits;
  };
  return {
    create: (snapshot, version) => AtRest.of(snapshot, version),
    check: (kind, payload, className) => AtRest.check(kind, payload, limitsOf(className)),
    hold: (body, payload, pending, className) => body.hold(payload, pending, limitsOf(className)),
    append: (body, delta, version, checked) => body.append(delta, version, checked),
    snapshot: (body) => body.snapshot(),
    salvage: (body) => body.salvage(),
    settle: (body) => body.settle(),
    pack: (body) => body.pack(),
    unpack: (common, own) => AtRest.unpack(common, own),
    since: (body, base) => body.since(base),
    merge: (body, pending, base, delta) => mergeDelta(models, body, pending, base, delta),
  };
}

/** Of a process that knows no class: different slots merge, the same one never does. */
export const atRestBodies: Bodies<AtRest> = bodiesFor(new Map());
