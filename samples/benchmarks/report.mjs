/** The figures for people: the ratio first, then what it is made of, losses included. */

const print = (line = '') => process.stdout.write(`${line}\n`);
export const perSecond = (ns) => {
  const rate = 1e9 / ns;
  if (rate >= 1e6) return `${(rate / 1e6).toFixed(2)}M/s`;
  return rate >= 1000 ? `${(rate / 1000).toFixed(rate >= 1e5 ? 0 : 1)}k/s` : `${rate.toFixed(1)}/s`;
};
const duration = (ns) =>
  ns >= 1e6 ? `${(ns / 1e6).toFixed(2)} ms` : ns >= 1000 ? `${(ns / 1000).toFixed(2)} µs` : `${ns.toFixed(0)} ns`;
const times = (ratio) => `x${ratio >= 100 ? ratio.toFixed(0) : ratio >= 10 ? ratio.toFixed(1) : ratio.toFixed(2)}`;

export function printLegend({ cores, cpu, node, packages, effort }, peers) {
  print('What a commit costs: make the change, detect it, encode it, advance the baseline.');
  print(`${cores} cores of ${cpu}, Node ${node}; medians of ${effort.rounds} rounds of about ${effort.roundMs} ms, by turns.`);
  print(Object.entries(packages).map(([name, version]) => `${name} ${version}`).join(', ')); // prettier-ignore
  print('The ratio is the time of a side over the time of twinstate graph: x20 is 20 times slower, x0.5 twice as fast.');
  print('Every side was verified: its bytes, applied to a copy, gave the same state. The work of each:');
  for (const { name, work } of peers) print(`  ${name.padEnd(30)} ${work}`);
}

export function printShape({ name, title }, verified) {
  print();
  print(`## ${name}: ${title}`);
  for (const [side, { cannot }] of Object.entries(verified)) if (cannot !== undefined) print(`  cannot: ${side} (${cannot})`);
}

export function printResult({ shape, change, title, rows }) {
  print();
  print(`${shape}, ${change}${title === undefined ? '' : `: ${title}`}`);
  for (const { side, bytes, ns, ratio } of rows) {
    const figures = `${times(ratio).padStart(8)} ${perSecond(ns).padStart(10)} ${duration(ns).padStart(10)} ${String(bytes).padStart(9)} B`;
    print(`${figures}  ${side}`);
  } // prettier-ignore
}

/** Each goal that one run can show, with its worst case. */
export function printSummary(results) {
  print();
  print('## The goals, by their worst case in this run');
  for (const { name, goal, cases } of goals(results)) {
    if (cases.length === 0) continue;
    const worst = cases.reduce((a, b) => (b.margin < a.margin ? b : a));
    const missed = cases.filter(({ margin }) => margin < 1);
    print(`${missed.length === 0 ? 'reached    ' : 'NOT reached'} ${name}: ${goal}; worst ${worst.text} (${cases.length - missed.length} of ${cases.length})`);
  } // prettier-ignore
}

/** A margin of 1 or more reaches the goal. */
export function goals(results) {
  const commits = results.filter(({ rows }) => rows[0].side === 'twinstate graph');
  const find = ({ rows }, side) => rows.find((row) => row.side === side);
  const against = (chosen, ours, theirs, judge) =>
    chosen.flatMap((result) => {
      const [a, b] = [find(result, ours), find(result, theirs)];
      return a === undefined || b === undefined ? [] : [{ ...judge(a, b), shape: result.shape, change: result.change }];
    });
  const named = (cases) => cases.map((one) => ({ ...one, text: `${one.text} at ${one.shape}, ${one.change}` }));
  const faster = (factor) => (a, b) => ({ margin: b.ratio / a.ratio / factor, text: `${Number((b.ratio / a.ratio).toPrecision(2))} times as fast` });
  const within = (factor) => (a, b) => ({ margin: (factor * b.ratio) / a.ratio, text: `${Number((a.ratio / b.ratio).toPrecision(2))} times the time` });
  const carts = commits.filter(({ shape }) => shape.startsWith('cart'));
  const touched = commits.filter(({ shape, change }) => ['cart-6', 'cart-100', 'flat-200'].includes(shape) && ['scalar', 'nested'].includes(change));
  const inPairs = (change, factor) =>
    named(results.filter((result) => result.change === change).map(({ shape, rows: [a, b] }) => ({ ...within(factor)(a, b), shape, change })));
  const bytes = (a, b) => ({ margin: a.bytes === 0 ? 1 : b.bytes / a.bytes, text: `${a.bytes} B against ${b.bytes} B` });
  const whole = commits.map(({ shape, change, rows }) => {
    const others = rows.filter(({ side }) => side.includes('whole'));
    const best = others.reduce((a, b) => (b.ns < a.ns ? b : a), others[0]);
    return best === undefined ? undefined : { ...faster(1)(rows[0], best), shape, change };
  }).filter((one) => one !== undefined);
  return [
    { name: 'graph', goal: 'at least 20 times fast-json-patch, every cart and change', cases: named(against(carts, 'twinstate graph', 'fast-json-patch compare', faster(20))) },
    { name: 'graph', goal: 'within 1.5 times of a comparator by hand (Object.is), every cart and change', cases: named(against(carts, 'twinstate graph', 'by hand, Object.is', within(1.5))) },
    { name: 'tracked', goal: 'at least 1.2 times @colyseus/schema, scalar and nested, cart-6, cart-100, flat-200', cases: named(against(touched, 'twinstate tracked', '@colyseus/schema', faster(1.2))) },
    { name: 'bytes', goal: "never more than @colyseus/schema's", cases: named(against(commits.filter(({ change }) => change !== 'none'), 'twinstate graph', '@colyseus/schema', bytes)) },
    { name: 'binary', goal: 'within 1.3 times of encoding alone', cases: [...inPairs('binary', 1.3), ...inPairs('binary, own encoding', 1.3)] },
    { name: 'open', goal: 'no slower than msgpackr unpack', cases: inPairs('open', 1) },
    { name: 'snapshot', goal: 'no slower than msgpackr pack', cases: inPairs('snapshot', 1) },
    { name: 'whole', goal: 'no shape for which graph is slower than saving the whole (the quickest way to)', cases: named(whole) },
  ];
} // prettier-ignore
