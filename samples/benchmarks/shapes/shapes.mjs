/** Every shape of state that is measured, in the order in which it is printed. */
import { carts } from './cart.mjs';
import { buffer, conversation, map } from './collections.mjs';
import { flat } from './flat.mjs';
import { keyless, net, tree } from './nets.mjs';

export const shapes = [...carts, flat, map, buffer, conversation, tree, net, keyless];
