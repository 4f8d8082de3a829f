/**
 * Twinstate itself, by its public face.
 *
 * Work: the application's plain writes, `Benchmark.diff` (detects, encodes, advances the benchmark).
 */
import { Benchmark, Replica } from '../../../dist/src/diff/index.js';
import { adopt, twinstateClasses } from '../shapes/model.mjs';

/** An application declares its classes once, and so does each shape here, whatever is changed in it. */
const declared = new Map();
const classesOf = ({ name, description }, diff) => {
  const key = `${name} ${diff}`;
  if (!declared.has(key)) declared.set(key, twinstateClasses(description, diff));
  return declared.get(key);
};

/** @param diff the strategy that the session class declares */
export const twinstate = (diff) => ({
  name: `twinstate ${diff}`,
  work: 'plain writes; Benchmark.diff',
  open(shape) {
    const classes = classesOf(shape, diff);
    const instance = adopt(shape.description, classes, shape.plain());
    const benchmark = Benchmark.of(instance);
    const replica = Replica.restore(classes.get(shape.description), benchmark.snapshot());
    const element = (plain) => adopt(shape.element, classes, plain);
    return {
      state: () => instance,
      step(change, i) {
        change.apply(instance, i, element);
        return benchmark.diff(instance);
      },
      receive: (bytes) => replica.apply(bytes),
      received: () => replica.instance,
    };
  },
});
