/**
 * One change of one shape, made by every side.
 *
 * Invariant: a side is timed only after its bytes, applied step by step to a copy, have given the same state as its own, by the
 * oracle of the differencing tests, identities included. All sides are timed in one process, in short rounds by turns, and a ratio
 * is the median of the ratios within the rounds, so that a machine that slows down slows both.
 */
import { difference } from '../../dist/test/diff/topology.js';

const VERIFIED_STEPS = 12;

/**
 * Makes every change of a shape on one side, and its bytes on a copy.
 *
 * @returns {{ cannot: string } | { bytes: Record<string, number> }} why the side is no side of this shape, or the size of each change
 */
export function verify(peer, shape) {
  const bytes = {};
  try {
    // what nobody could miss comes last: a side that cannot see a shape is quick to say that nothing changed
    for (const change of shape.changes.toSorted((a, b) => Number(a.name === 'none') - Number(b.name === 'none'))) {
      const side = peer.open(shape);
      if (side === undefined) return { cannot: 'not written for this shape' };
      const sizes = [];
      for (let i = 0; i < (change.name === 'none' ? 3 : VERIFIED_STEPS); i++) {
        const delta = side.step(change, i);
        if (change.name === 'none') {
          if (delta !== null) return { cannot: 'sends something although nothing changed' };
          continue;
        }
        if (delta === null) return { cannot: `${change.name}: does not notice it` };
        sizes.push(delta.length);
        side.receive(delta);
        const wrong = difference(side.state(), side.received());
        if (wrong !== undefined) return { cannot: `${change.name}: arrives otherwise, ${wrong.slice(0, 60)}` };
      }
      bytes[change.name] = median(sizes) ?? 0;
    }
    return { bytes };
  } catch (error) {
    return {
      cannot: String(error?.message ?? error)
        .split('\n')[0]
        .slice(0, 70),
    };
  }
}

/**
 * Times `contenders`, each a `run(steps)`.
 *
 * @param {{ rounds: number, roundMs: number }} effort
 * @returns for each, the median of ns a step, and of its ratio to the first one's within a round
 */
export function race(contenders, { rounds, roundMs }) {
  const steps = contenders.map((contender) => calibrate(contender, roundMs));
  const times = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    // in another order each round, so that nobody always follows the one who leaves the most garbage
    for (const at of shuffled(contenders.length, round + 1)) times[at].push(timeNs(contenders[at], steps[at]) / steps[at]);
  }
  return times.map((own) => ({ ns: median(own), ratio: median(own.map((time, round) => time / times[0][round])) }));
}

/** The numbers below `count` in an order that depends on the seed only. */
function shuffled(count, seed) {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1, x = seed; i > 0; i--) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    const k = (x >>> 8) % (i + 1);
    [order[i], order[k]] = [order[k], order[i]];
  }
  return order;
}

/** Warms up, and finds how many steps fill a round. */
function calibrate(contender, roundMs) {
  let steps = 1;
  let spentNs = 0;
  for (let i = 0; i < 40 && spentNs < roundMs * 16e6; i++) {
    const tookNs = timeNs(contender, steps);
    spentNs += tookNs;
    steps = Math.max(1, Math.min(steps * 8, Math.round((roundMs * 1e6 * steps) / tookNs)));
  }
  return steps;
}

function timeNs(contender, steps) {
  const began = performance.now();
  contender(steps);
  return (performance.now() - began) * 1e6;
}

export function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** Runs a change again and again on a side of its own. */
export function stepper(peer, shape, change) {
  const side = peer.open(shape);
  let i = 0;
  return (steps) => {
    let bytes = 0;
    for (let k = 0; k < steps; k++) bytes += side.step(change, i++)?.length ?? 0;
    return bytes;
  };
}
