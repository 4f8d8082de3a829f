/** The cart of `bench:diff` as a session class, the same in every process of the benchmark. */
import { adopt, twinstateClasses } from '../shapes/model.mjs';
import { carts } from '../shapes/cart.mjs';

const shapeOf = (size) => carts.find(({ name }) => name === `cart-${size}`);
const made = new Map();

/** The class, and a way to make an instance of it; the items' class is declared with it. @param diff the strategy (default: auto) */
export function cartOf(size, diff) {
  const { description, plain } = shapeOf(size);
  const key = `${size} ${diff}`;
  if (!made.has(key)) made.set(key, twinstateClasses(description, diff));
  const classes = made.get(key);
  return { type: classes.get(description), make: () => adopt(description, classes, plain(), new Map()), plain };
}
