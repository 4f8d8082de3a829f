/** Prints the tables of README.md from the figures that `--json FILE` wrote: `node samples/benchmarks/table.mjs FILE`. */
import { readFileSync } from 'node:fs';
import { goals, perSecond } from './report.mjs';

const { machine, verified, results } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const ratio = (value) => (value >= 99.5 ? value.toFixed(0) : value >= 9.95 ? value.toFixed(1) : value.toPrecision(2));
const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);
const head = (...cells) => {
  console.log();
  row(...cells);
  row(...cells.map(() => '---'));
};

console.log(`${machine.cores} cores of ${machine.cpu}, Node ${machine.node}; medians of ${machine.effort.rounds} rounds.`);
console.log(Object.entries(machine.packages).map(([name, version]) => `${name} ${version}`).join(', ')); // prettier-ignore

head('goal', 'worst case of this run', 'cases that reach it', '');
for (const { name, goal, cases } of goals(results).filter(({ cases }) => cases.length > 0)) {
  const reached = cases.filter(({ margin }) => margin >= 1).length;
  const worst = cases.reduce((a, b) => (b.margin < a.margin ? b : a));
  row(
    `**${name}**: ${goal}`,
    worst.text,
    `${reached} of ${cases.length}`,
    reached === cases.length ? 'reached' : '**not reached**',
  );
}

const isCommit = ({ rows }) => rows[0].side === 'twinstate graph';
for (const shape of new Set(results.map((result) => result.shape))) {
  const own = results.filter((result) => result.shape === shape);
  const commits = own.filter(isCommit);
  console.log(`\n### ${shape}`);
  head('side', ...commits.map(({ change }) => change));
  for (const side of Object.keys(verified[shape])) {
    const { cannot } = verified[shape][side];
    if (cannot === 'not written for this shape') continue;
    if (cannot !== undefined) row(side, `cannot (${cannot.replaceAll('|', '/')})`, ...commits.slice(1).map(() => ''));
    else {
      const cells = commits.map(({ rows }) => rows.find((one) => one.side === side));
      row(side, ...cells.map(({ ratio: times, ns, bytes }) => `x${ratio(times)}, ${perSecond(ns)}, ${bytes} B`));
    }
  }
  head('whole state', 'twinstate', 'the other');
  for (const { change, rows } of own.filter((result) => !isCommit(result))) {
    const cell = ({ side, ns, bytes }) => `${side.replace('twinstate ', '')}: ${perSecond(ns)}, ${bytes} B`;
    row(change, cell(rows[0]), `x${ratio(rows[1].ratio)} ${cell(rows[1])}`);
  }
}
