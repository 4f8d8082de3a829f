/**
 * Makes the recorded browsing, `requests.txt`: `node dist/samples/benchmarks/browsing/record.js > samples/benchmarks/browsing/requests.txt`.
 *
 * Invariant: the same 1,000 lines each time: `visitor server path`. The next request of a visitor comes to either of two servers.
 */
const REQUESTS = 1_000;
const VISITORS = 40;
const WORDS = ['tea', 'cup', 'green', 'black', 'pot', 'porcelain', 'filter', 'spoon', 'gift', 'organic', 'oolong', 'matcha'];
/** How often of a hundred. A page is what leaves the session as it is. */
const HABITS: readonly (readonly [number, string])[] = [
  [28, 'page'],
  [36, 'view'],
  [11, 'search'],
  [11, 'add'],
  [7, 'quantity'],
  [3, 'remove'],
  [3, 'login'],
  [1, 'theme'],
];

let state = 20_261_122;
/** Numerical Recipes' generator of 32 bits: enough for habits. */
function below(limit: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
}

function pathOf(habit: string): string {
  switch (habit) {
    case 'view':
    case 'remove':
      return `/${habit}/${below(60)}`;
    case 'add':
    case 'quantity':
      return `/${habit}/${below(60)}/${1 + below(4)}`;
    case 'search':
      return `/search/${Array.from({ length: 1 + below(3) }, () => WORDS[below(WORDS.length)]!).join('-')}`;
    default:
      return `/${habit}`;
  }
}

function habit(): string {
  let rest = below(100);
  for (const [share, name] of HABITS) if ((rest -= share) < 0) return name;
  throw new Error('the habits are no hundred');
}

const lines: string[] = [];
for (let i = 0; i < REQUESTS; i++) {
  // a few visitors make most of the requests
  const visitor = Math.min(below(VISITORS), below(VISITORS));
  lines.push(`${visitor} ${below(2)} ${pathOf(habit())}`);
}
process.stdout.write(`${lines.join('\n')}\n`);
