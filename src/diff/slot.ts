/**
 * Slots of existing nodes: the unit of change and of conflict, each with a name.
 *
 * Invariant: two deltas from one base change the same slot exactly if `slotsInCommon` says so. A name is for comparing only.
 */
import { HOLE } from './node.js';
import { Fresh, Link, type NodeOp, type WireValue } from './operation.js';
import { showKey } from './path.js';

export type Slot = { readonly target: number } & (
  | { readonly kind: 'slot'; readonly slot: number }
  | { readonly kind: 'key'; readonly key: string }
  /** A key of a `Map`, or a member of a `Set`; a link where it is an object. */
  | { readonly kind: 'member'; readonly member: WireValue }
  /** The order and length of an array. */
  | { readonly kind: 'array' }
  /** What a leaf holds: a time, bytes, an address. */
  | { readonly kind: 'content' }
  /** All keys or members at once. */
  | { readonly kind: 'whole' }
);

const WHOLE = ':*';

/** The slot of an existing node that an operation changes; `undefined` where it gives a new node its content. */
export function slotOf(operation: NodeOp): Slot | undefined {
  const { target } = operation;
  switch (operation.op) {
    case 'slot':
      return { target, kind: 'slot', slot: operation.slot };
    case 'keySet':
    case 'keyDelete':
      return { target, kind: 'key', key: operation.key };
    case 'mapSet':
    case 'mapDelete':
      return memberSlot(target, operation.key);
    case 'setAdd':
    case 'setDelete':
      return memberSlot(target, operation.value);
    case 'index':
    case 'edit':
      return { target, kind: 'array' };
    case 'clear':
      return { target, kind: 'whole' };
    case 'fill':
      return undefined;
    default:
      return { target, kind: 'content' };
  }
}

function memberSlot(target: number, member: WireValue): Slot | undefined {
  const isNew = member instanceof Link ? member.target < 0 : member instanceof Fresh || member === HOLE;
  return isNew ? undefined : { target, kind: 'member', member };
}

export function slotName(slot: Slot): string {
  switch (slot.kind) {
    case 'slot':
      return `${slot.target}:slot ${slot.slot}`;
    case 'key':
      return `${slot.target}:key ${slot.key} `;
    case 'member': {
      const { member } = slot;
      if (member instanceof Link) return `${slot.target}:member #${member.target}`;
      // Maps and Sets take -0 for 0, as a text does; the space at the end keeps a text from ending like WHOLE
      return `${slot.target}:member ${typeof member} ${showKey(member)} `;
    }
    case 'whole':
      return `${slot.target}${WHOLE}`;
    default:
      return `${slot.target}:${slot.kind}`;
  }
}

/** The names that are in both; that of a whole container is in common with each one inside it. */
export function slotsInCommon(
  a: ReadonlySet<string> | ReadonlyMap<string, unknown>,
  b: ReadonlySet<string> | ReadonlyMap<string, unknown>,
): string[] {
  const common = new Set<string>();
  const inOthers = (slots: typeof a, others: typeof a): void => {
    const wholes = new Set<string>();
    for (const slot of others.keys()) if (slot.endsWith(WHOLE)) wholes.add(slot.slice(0, -WHOLE.length));
    for (const slot of slots.keys()) {
      if (others.has(slot) || wholes.has(slot.slice(0, slot.indexOf(':')))) common.add(slot);
    }
  };
  inOthers(a, b);
  inOthers(b, a);
  return [...common];
}
