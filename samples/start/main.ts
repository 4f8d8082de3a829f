/**
 * `npm start`: what the framework does with a cart on three nodes, all in this process.
 *
 * Invariant: everything that it says is checked while it runs; where something is not so, it says what and ends with code 1.
 */
import { tell } from './embedded.js';
import { Account, BrokenClaim } from './account.js';

const MS_MAX = 25_000;

const account = new Account();
// a promise that never settles must not hang, nor look like success
const overdue = setTimeout(() => finish(new BrokenClaim(`it ends within ${MS_MAX / 1_000} s`)), MS_MAX);
let ended = false;

try {
  const startedMs = performance.now();
  account.title('Twinstate', 'session state that survives its server');
  await tell(account);
  account.step('The end');
  account.line(`${account.claims} claims were checked and held, in ${((performance.now() - startedMs) / 1_000).toFixed(1)} s.`);
  account.line();
  finish();
} catch (error) {
  finish(error);
}

function finish(error?: unknown): void {
  if (ended) return;
  ended = true;
  clearTimeout(overdue);
  if (error === undefined) return;
  console.error(error instanceof BrokenClaim ? `\n  This is not so: ${error.message}` : error);
  process.exit(1);
}
