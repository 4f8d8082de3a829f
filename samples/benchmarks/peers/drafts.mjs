/**
 * Libraries that record writes on a draft of an immutable state. The next state is their next baseline.
 *
 * Work: the draft, the application's writes on it, the patches as bytes of JSON.
 */
import { applyPatches, enableMapSet, enablePatches, produceWithPatches } from 'immer';
import { apply, create } from 'mutative';
import { fromBytes, toBytes } from './json.mjs';

enablePatches();
enableMapSet();

const drafter = (name, work, produce, patch) => ({
  name,
  work,
  open(shape) {
    let state = shape.plain();
    let received = structuredClone(state);
    return {
      state: () => state,
      step(change, i) {
        const [next, patches] = produce(state, (draft) => void change.apply(draft, i, (plain) => plain));
        state = next;
        return patches.length === 0 ? null : toBytes(patches);
      },
      receive: (bytes) => (received = patch(received, fromBytes(bytes))),
      received: () => received,
    };
  },
});

export const immer = drafter('immer with patches', 'writes on a draft; produceWithPatches; JSON of the patches', produceWithPatches, applyPatches); // prettier-ignore

export const mutative = drafter(
  'mutative with patches',
  'writes on a draft; create; JSON of the patches',
  (state, recipe) => create(state, recipe, { enablePatches: true }),
  apply,
);
