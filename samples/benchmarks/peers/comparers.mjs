/**
 * Libraries that compare two plain states. Each keeps a clone as its baseline and advances it by its own patch.
 *
 * Work: the application's plain writes, the comparison, the patch as bytes of JSON, the patch applied to the baseline.
 */
import fastJsonPatch from 'fast-json-patch';
import { clone, create } from 'jsondiffpatch';
import microdiff from 'microdiff';
import { fromBytes, toBytes } from './json.mjs';

const comparer = (name, work, { compare, isEmpty, patch }) => ({
  name,
  work,
  open(shape) {
    const state = shape.plain();
    let baseline = structuredClone(state);
    let received = structuredClone(state);
    return {
      state: () => state,
      step(change, i) {
        change.apply(state, i, (plain) => plain);
        const delta = compare(baseline, state);
        if (isEmpty(delta)) return null;
        const bytes = toBytes(delta);
        baseline = patch(baseline, delta);
        return bytes;
      },
      receive: (bytes) => (received = patch(received, fromBytes(bytes))),
      received: () => received,
    };
  },
});

export const jsonPatch = comparer('fast-json-patch compare', 'plain writes; compare; JSON of the patch; applyPatch to the baseline', {
  compare: (baseline, state) => fastJsonPatch.compare(baseline, state),
  isEmpty: (delta) => delta.length === 0,
  // by default it clones what it puts in
  patch: (state, delta) => fastJsonPatch.applyPatch(state, delta).newDocument,
}); // prettier-ignore

export const micro = comparer('microdiff', 'plain writes; diff; JSON of it; a loop that assigns it to the baseline (it has no patch)', {
  // its search for cycles is for states that have some, which it does not come back from all the same
  compare: (baseline, state) => microdiff(baseline, state, { cyclesFix: false }),
  isEmpty: (delta) => delta.length === 0,
  patch: assignAll,
}); // prettier-ignore

function assignAll(state, differences) {
  // removals from an array come last and from its end
  const ordered = differences.toSorted((a, b) => rank(a) - rank(b) || (rank(a) === 1 ? compareEnds(b, a) : 0));
  for (const { type, path, value } of ordered) {
    let at = state;
    for (let i = 0; i < path.length - 1; i++) at = at[path[i]];
    const key = path.at(-1);
    if (type !== 'REMOVE') at[key] = typeof value === 'object' && value !== null ? structuredClone(value) : value;
    else if (Array.isArray(at)) at.splice(key, 1);
    else delete at[key];
  }
  return state;
}

const rank = ({ type }) => (type === 'REMOVE' ? 1 : 0);
const compareEnds = (a, b) => Number(a.path.at(-1)) - Number(b.path.at(-1));

const jsonDiffPatch = create({});

export const jsondiffpatch = comparer('jsondiffpatch', 'plain writes; diff; JSON of it; patch of the baseline', {
  compare: (baseline, state) => jsonDiffPatch.diff(baseline, state),
  isEmpty: (delta) => delta === undefined,
  patch: (state, delta) => jsonDiffPatch.patch(state, clone(delta)),
});
