/** Real time as a `Clock`, for tests that run an engine outside a store. */
import type { Clock } from '../shared/clock.js';

export const realClock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, fn) => {
    if (delayMs === 0) {
      const immediate = setImmediate(fn);
      return { cancel: () => clearImmediate(immediate) };
    }
    const timer = setTimeout(fn, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
