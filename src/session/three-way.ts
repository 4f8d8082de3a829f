/**
 * Merges a delta with what others committed since the state that it was made on.
 *
 * Invariant: different slots always merge. The same slot follows the rule of its attribute; the result is one delta that leads from
 * their state to the merged one, on every replica alike, and makes the objects of `mine` first and in their order, so that whoever
 * made it can recognise them. Nobody's change is dropped unless a rule says so: a change inside an object that the other side took
 * out is a conflict, whoever comes first.
 */
import { composeDeltas, writeOperations, type PlainOp } from '../diff/delta-composition.js';
import { hasSchemaChange, referencedIds, touchedSlots } from '../diff/delta.js';
import type { Graph } from '../diff/graph.js';
import { slotPaths } from '../diff/slot-path.js';
import { slotName, slotsInCommon, type Slot } from '../diff/slot.js';
import type { SessionModel } from '../model/session-model.js';
import { TwinstateError } from '../shared/errors.js';
import { AttributeOwners, type Unit } from './attribute-owner.js';
import { MergeConflict } from './merge-conflict.js';
import { mergeByFunction } from './merge-function.js';
import { Resolution, type Sides } from './resolution.js';

export type Merged =
  | { readonly merged: true; readonly delta: Uint8Array }
  /** `slots` as people write them; empty where it is none in particular. */
  | { readonly merged: false; readonly slots: readonly string[]; readonly why: string };

/** The models that this process knows, by the session class's name. */
export type Models = ReadonlyMap<string, SessionModel>;

export interface Divergence {
  /** Makes the state that `mine` was made on; others' new objects have other ids than `mine`'s. */
  readonly base: () => Graph;
  /** Makes the state that others have led to since. */
  readonly theirs: () => Graph;
  readonly mine: Uint8Array;
  /** What others changed since, by name. */
  readonly touched: ReadonlyMap<string, Slot>;
  /** Others added classes or attributes. */
  readonly schemaChanged: boolean;
  readonly models: Models;
}

/** @throws {TwinstateError} where the session itself cannot be read */
export function mergeThreeWay(divergence: Divergence): Merged {
  const theirs = divergence.theirs();
  try {
    return { merged: true, delta: mergedDelta(divergence, theirs) };
  } catch (error) {
    if (error instanceof MergeConflict) {
      return { merged: false, slots: pathsOf(divergence, error.slots), why: error.why };
    }
    // the session can be read; it is this commit that fits nowhere
    if (error instanceof TwinstateError) return { merged: false, slots: [], why: error.message };
    throw error;
  }
}

function mergedDelta(divergence: Divergence, theirs: Graph): Uint8Array {
  const { mine, touched } = divergence;
  // two schema changes would give two meanings to one shape
  if (divergence.schemaChanged && hasSchemaChange(mine))
    throw new MergeConflict([], 'both brought classes or attributes that are new');
  const ours = touchedSlots(mine);
  const common = slotsInCommon(ours, touched);
  const reachable = theirs.reachable();
  const gone = [...referencedIds(mine)].filter((id) => !reachable.has(id));
  if (gone.length > 0) throw new MergeConflict([...inside(ours, gone)], 'the other one took out an object that this one needs');
  const model = divergence.models.get(theirs.name);
  const delta = common.length === 0 ? mine : resolve(divergence, model, ours, common, theirs);
  const merged = common.length === 0 ? theirs : divergence.theirs();
  // whatever is stored fits: a delta that did not would make the session unreadable on every replica
  merged.apply(delta);
  const left = merged.reachable();
  const lost = [...touched.values()].filter(({ target }) => reachable.has(target) && !left.has(target));
  if (lost.length > 0) holdLost(lost, model === undefined ? undefined : new AttributeOwners(divergence.theirs(), model), left);
  return delta;
}

/** The slots inside objects that are gone, or else the objects themselves. */
function* inside(ours: ReadonlyMap<string, Slot>, gone: readonly number[]): Generator<Slot> {
  for (const id of gone) {
    const slots = [...ours.values()].filter(({ target }) => target === id);
    if (slots.length > 0) yield* slots;
    else yield { target: id, kind: 'content' };
  }
}

/** @returns the delta that does what the rules say */
function resolve(
  { base, mine, touched, theirs }: Divergence,
  model: SessionModel | undefined,
  ours: ReadonlyMap<string, Slot>,
  common: readonly string[],
  now: Graph,
): Uint8Array {
  const slots = common.map((name) => ours.get(name) ?? touched.get(name)!);
  if (model === undefined) throw new MergeConflict(slots, 'its primary does not know the class, so no rule was applied');
  const owners = new AttributeOwners(now, model);
  const changed = base();
  changed.apply(mine);
  const firstId = now.nextId;
  const sides: Sides = { base: base(), mine: changed, theirs: now };
  const resolution = new Resolution(sides, model);
  const byFunction = new Map<string, { readonly unit: Unit; readonly slots: Slot[] }>();
  const refused: Slot[] = [];
  for (const slot of slots) {
    const unit = owners.of(slot);
    const rule = unit?.attribute.merge ?? 'reject';
    if (unit !== undefined && typeof rule === 'function') {
      const name = slotName({ target: unit.holder, kind: 'slot', slot: unit.slot });
      const group = byFunction.get(name) ?? { unit, slots: [] };
      group.slots.push(slot);
      byFunction.set(name, group);
      resolution.keepAll(slot);
    } else if (unit === undefined || typeof rule === 'function' || !resolution.resolve(slot, rule, unit.attribute))
      refused.push(slot);
  }
  if (refused.length > 0) throw new MergeConflict(refused, resolution.why);
  const parts = [...resolution.before(), mine];
  const correction = (operations: readonly PlainOp[]): void => {
    const part = writeOperations(operations);
    if (part !== undefined) parts.push(part);
  };
  correction(resolution.operations);
  const soFar = (): Graph => {
    const graph = theirs();
    graph.apply(composeDeltas(parts, firstId));
    return graph;
  };
  correction(resolution.collections(soFar()));
  for (const { unit, slots: conflicting } of byFunction.values()) {
    const part = mergeByFunction(unit, conflicting, model, sides, soFar);
    if (part !== undefined) parts.push(part);
  }
  return composeDeltas(parts, firstId);
}

/** Lets pass what was changed in objects that were taken out by an attribute whose rule says that this side wins. */
function holdLost(lost: readonly Slot[], owners: AttributeOwners | undefined, left: ReadonlySet<number>): void {
  const refused = lost.filter(({ target }) => {
    let unit = owners?.standsIn(target);
    // each step leads to the instance that holds the one before; where instances hold each other, it leads in a circle
    const met = new Set<number>();
    while (unit !== undefined && !left.has(unit.holder) && !met.has(unit.holder)) {
      met.add(unit.holder);
      unit = owners?.standsIn(unit.holder);
    }
    return !(
      unit !== undefined &&
      left.has(unit.holder) &&
      (unit.attribute.merge === 'last' || typeof unit.attribute.merge === 'function')
    );
  });
  if (refused.length > 0) throw new MergeConflict(refused, 'this one takes out an object that the other one changed');
}

/** In the newest state where they are there, else in the one that both came from. */
function pathsOf({ base, theirs, models }: Divergence, slots: readonly Slot[]): string[] {
  if (slots.length === 0) return [];
  const now = theirs();
  const model = models.get(now.name);
  const reachable = now.reachable();
  const [here, gone] = [[] as Slot[], [] as Slot[]];
  for (const slot of slots) (reachable.has(slot.target) ? here : gone).push(slot);
  const paths = slotPaths(now, here, model);
  return gone.length === 0 ? paths : [...new Set([...paths, ...slotPaths(base(), gone, model)])];
}
