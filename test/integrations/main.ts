/**
 * `npm run compliance`: stores for express-session and for @fastify/session held against what people may expect of one, side by side:
 * Twinstate's, the one that comes with the framework, and connect-redis with a real Redis. Exits with 1 where Twinstate's fails.
 */
import { CASES, type StorePair } from './compliance.js';
import { EXPRESS, FASTIFY, type Framework } from './frameworks.js';
import { bundled, ours, redis } from './stores.js';

type Open = (framework: Framework) => Promise<StorePair>;
const STORES: readonly (readonly [string, Open])[] = [
  ['twinstate', ours],
  ['bundled', bundled],
  ['connect-redis', redis],
];

// errors that a store causes are part of the result, not of the output
console.error = () => undefined;
let failed = 0;
for (const framework of [EXPRESS, FASTIFY]) failed += await compare(framework);
process.exit(failed > 0 ? 1 : 0);

/** @returns how many cases Twinstate's store fails */
async function compare(framework: Framework): Promise<number> {
  const cases = CASES[framework.name];
  const failures = new Map<string, Map<string, string>>();
  for (const [name, open] of STORES) {
    const pair = await open(framework);
    const found = new Map<string, string>();
    failures.set(name, found);
    for (const { group, name: what, run } of cases) {
      await run(pair).catch((error: unknown) => found.set(`${group}: ${what}`, String(error).split('\n')[0]!.slice(0, 120)));
    }
    await pair.close();
  }
  const names = cases.map(({ group, name }) => `${group}: ${name}`);
  const width = Math.max(...names.map((name) => name.length));
  const row = (title: string, cells: readonly string[]): void =>
    console.log(`${title.padEnd(width)}  ${cells.map((cell) => cell.padEnd(13)).join('  ')}`.trimEnd());
  row(`\n${framework.name}, ${cases.length} cases`.padEnd(width + 1), [...failures.keys()]);
  for (const group of new Set(cases.map((one) => one.group))) {
    const own = names.filter((name) => name.startsWith(`${group}: `));
    row(`${group} (${own.length})`, [...failures.values()].map((found) => String(own.filter((name) => !found.has(name)).length))); // prettier-ignore
  }
  console.log();
  for (const name of names) row(name, [...failures.values()].map((found) => (found.has(name) ? '-' : 'yes'))); // prettier-ignore
  for (const [store, found] of failures) {
    console.log(`\n${framework.name}, ${store}: ${cases.length - found.size} of ${cases.length}`);
    for (const [name, error] of found) console.log(`  - ${name}\n      ${error}`);
  }
  return failures.get('twinstate')!.size;
}
