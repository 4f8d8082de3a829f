/**
 * Slots as people write them: `items[0].qty`, `notes.get("a")`.
 *
 * Invariant: a path is for people only. Behind an attribute that is `sensitive` nothing more is said, not even a key.
 */
import { isSecretive } from '../model/secrecy.js';
import type { SessionModel } from '../model/session-model.js';
import type { Graph } from './graph.js';
import { Link } from './operation.js';
import { attributeStep, entryStep, joinPath, memberStep, showKey } from './path.js';
import type { Slot } from './slot.js';

/** Says where slots stand, each path once. @param graph a state that has their nodes */
export function slotPaths(graph: Graph, slots: Iterable<Slot>, model?: SessionModel): string[] {
  const all = [...slots];
  const nodes = graph.pathsOf(
    all.map(({ target }) => target),
    model,
  );
  const paths = new Set<string>();
  for (const slot of all) {
    const at = nodes.get(slot.target);
    // where its place is not known, a key may stand behind what is sensitive
    const hidden = at?.sensitive ?? (slot.kind !== 'slot' && model !== undefined && isSecretive(model));
    const step = hidden ? '' : stepOf(graph, slot, model);
    const path = joinPath([`.${at?.path ?? `#${slot.target}`}`, step]);
    paths.add(path);
  }
  return [...paths];
}

function stepOf(graph: Graph, slot: Slot, model: SessionModel | undefined): string {
  switch (slot.kind) {
    case 'slot':
      return graph.describeSlot(slot.target, slot.slot, model)?.step ?? `.slot ${slot.slot}`;
    case 'key':
      return attributeStep(slot.key);
    case 'member': {
      const { member } = slot;
      const node = graph.node(slot.target);
      if (node?.kind !== 'set') return entryStep(member instanceof Link ? `#${member.target}` : member);
      const members = [...node.members];
      const at = members.findIndex((each) =>
        member instanceof Link ? each === graph.node(member.target) : Object.is(each, member),
      );
      return at < 0 ? `.has(${showKey(member instanceof Link ? `#${member.target}` : member)})` : memberStep(at);
    }
    default:
      return '';
  }
}
