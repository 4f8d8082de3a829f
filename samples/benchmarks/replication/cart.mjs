/** The cart of `bench:diff` as a session class, the same in every process of the benchmark. */
import { adopt, twinstateClasses } from '../shapes/model.mjs';
import { carts } from '../shapes/cart.mjs';

const shapeOf = (size) => carts.find(({ name }) => name === `cart-${size}`);
const made = new Map();

/** The class, and a way to make an instance of it; the items' class is declared with it. */
export function cartOf(size) {
  const { description, plain } = shapeOf(size);
  if (!made.has(description)) made.set(description, twinstateClasses(description));
  const classes = made.get(description);
  return { type: classes.get(description), make: () => adopt(description, classes, plain(), new Map()), plain };
}
