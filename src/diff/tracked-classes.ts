/**
 * Which classes of a model are tracked.
 *
 * Invariant: the answer depends on the declarations only. A class is tracked where one of its mutable attributes is declared so, or
 * where its objects are declared for an attribute that is. What is not tracked is compared every time; so is every object that does
 * not allow tracking.
 */
import type { ClassModel, SessionModel } from '../model/session-model.js';
import { isTrackable } from './tracked-accessors.js';

const byModel = new WeakMap<SessionModel, ReadonlySet<ClassModel>>();

export function trackedClasses(model: SessionModel): ReadonlySet<ClassModel> {
  let tracked = byModel.get(model);
  if (tracked === undefined) byModel.set(model, (tracked = find(model)));
  return tracked;
}

function find(model: SessionModel): ReadonlySet<ClassModel> {
  const declared = new Set<ClassModel>();
  for (const of of model.classes.values()) if (of.mutable.some(({ diff }) => diff === 'tracked')) declared.add(of);
  for (const of of declared) {
    for (const { diff, types } of of.mutable) {
      // a declaration of its own stands against what is inherited from the attribute above
      if (diff === 'tracked' || (diff === 'auto' && !isMixed(of))) for (const type of types) declared.add(type);
    }
  }
  return new Set([...declared].filter(isTrackable));
}

/** True where the class itself says which of its attributes are tracked. */
function isMixed({ mutable }: ClassModel): boolean {
  return mutable.some(({ diff }) => diff === 'tracked');
}
