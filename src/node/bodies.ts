/** What the protocol is handed to keep sessions with: it knows their bytes only through these. */
import { AtRest } from '../session/at-rest.js';
import { mergeDelta } from '../session/merge.js';
import type { Bodies } from '../replication/session-state.js';

export const atRestBodies: Bodies<AtRest> = {
  create: (snapshot, version) => AtRest.of(snapshot, version),
  check: (kind, payload) => AtRest.check(kind, payload),
  append: (body, delta, version) => body.append(delta, version),
  snapshot: (body) => body.snapshot(),
  salvage: (body) => body.salvage(),
  settle: (body) => body.settle(),
  pack: (body) => body.pack(),
  unpack: (common, own) => AtRest.unpack(common, own),
  since: (body, base) => body.since(base),
  merge: (body, pending, base, delta) => mergeDelta(body, pending, base, delta),
};
