/**
 * `npm run compliance`: three stores for express-session held against what people may expect of one, side by side: Twinstate's,
 * the bundled MemoryStore, and connect-redis with a real Redis. Exits with 1 where Twinstate's fails.
 */
import { CASES, type StorePair } from './compliance.js';
import { bundled, ours, redis } from './stores.js';

const STORES: readonly (readonly [string, () => Promise<StorePair>])[] = [
  ['twinstate', ours],
  ['MemoryStore', bundled],
  ['connect-redis', redis],
];
const failures = new Map<string, string[]>();
const passed = new Map<string, Set<string>>();

// errors that a store causes are part of the result, not of the output
console.error = () => undefined;
for (const [name, open] of STORES) {
  const pair = await open();
  passed.set(name, new Set());
  failures.set(name, []);
  for (const { group, name: what, run } of CASES) {
    try {
      await run(pair);
      passed.get(name)!.add(`${group}: ${what}`);
    } catch (error) {
      failures.get(name)!.push(`${group}: ${what}\n      ${String(error).split('\n')[0]!.slice(0, 120)}`);
    }
  }
  await pair.close();
}

const width = Math.max(...CASES.map(({ group, name }) => group.length + name.length + 2));
console.log(`${''.padEnd(width)}  ${STORES.map(([name]) => name.padEnd(13)).join('  ')}`);
for (const { group, name } of CASES) {
  const what = `${group}: ${name}`;
  console.log(
    `${what.padEnd(width)}  ${STORES.map(([store]) => (passed.get(store)!.has(what) ? 'yes' : '-').padEnd(13)).join('  ')}`,
  );
}
for (const [store, failed] of failures) {
  console.log(`\n${store}: ${CASES.length - failed.length} of ${CASES.length}`);
  for (const line of failed) console.log(`  - ${line}`);
}
process.exit(failures.get('twinstate')!.length > 0 ? 1 : 0);
