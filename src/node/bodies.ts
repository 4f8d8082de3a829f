/** What the protocol is handed to keep sessions with: it knows their bytes only through these. */
import { AtRest } from '../session/at-rest.js';
import { mergeDelta } from '../session/merge.js';
import type { Models } from '../session/three-way.js';
import type { Bodies } from '../replication/session-state.js';

/** @param models of the classes that this process knows: their rules decide what becomes of a slot that two commits changed */
export function bodiesFor(models: Models): Bodies<AtRest> {
  return {
    create: (snapshot, version) => AtRest.of(snapshot, version),
    check: (kind, payload) => AtRest.check(kind, payload),
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
