/** The real clock and the real chance; the only place in Twinstate that asks them. */
import { randomBytes } from 'node:crypto';
import type { Runtime } from '../node/runtime.js';

/** 144 random bits as 24 letters and digits: at least 128 are left where a session's id is chosen for its partition. */
function uniqueId(): string {
  for (;;) {
    const token = randomBytes(24).toString('base64url').replace(/[-_]/g, '').slice(0, 24);
    if (token.length === 24) return token;
  }
}

export const REAL_RUNTIME: Runtime = {
  clock: {
    now: () => performance.now(),
    wallMs: () => Date.now(),
    after: (delayMs, fn) => {
      if (delayMs <= 0) {
        const immediate = setImmediate(fn);
        return { cancel: () => clearImmediate(immediate) };
      }
      const timeout = setTimeout(fn, delayMs);
      // not unreferenced: an open store keeps its process alive, whatever it runs on, until it is closed
      return { cancel: () => clearTimeout(timeout) };
    },
  },
  random: Math.random,
  uniqueId,
};
