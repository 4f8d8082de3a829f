/**
 * `npm run bench:cold -- [--sessions N] [--nodes N] [--backups B] [--partitions P] [--store DIR] [--json FILE]`: a cluster of that many sessions
 * of 1.5 kB starts again with nobody running, on a real NATS server: until the first session is served (opened by a strong read, and
 * committed), and until every node has everything in memory that it should hold. `--store` keeps what the server stores in a folder, and
 * takes what an earlier run with the same sessions and partitions has left there. Method and results: the README beside.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startNatsServer } from '../../support/nats-server.js';
import type { ColdResult, ColdTask } from './cold-process.js';

const SCRIPT = fileURLToPath(new URL('./cold-process.js', import.meta.url));

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '100000' },
    nodes: { type: 'string', default: '2' },
    backups: { type: 'string', default: '1' },
    partitions: { type: 'string', default: '16' },
    store: { type: 'string' },
    json: { type: 'string' },
  },
});
const [sessions, nodes, backups, partitions] = [values.sessions, values.nodes, values.backups, values.partitions].map(Number) as [
  number,
  number,
  number,
  number,
];
if (![sessions, nodes, backups, partitions].every(Number.isInteger) || sessions < 1 || nodes < 1 || nodes <= backups) {
  console.error(
    'usage: npm run bench:cold -- [--sessions N] [--nodes N] [--backups B] [--partitions P] [--store DIR] [--json FILE]',
  );
  process.exit(2);
}

const isFilled = values.store !== undefined && existsSync(values.store);
const server = await startNatsServer(values.store === undefined ? {} : { storeDir: values.store });
const base = { servers: server.url, sessions, partitions, backups, first: 0 };
const begin = (task: ColdTask): ReturnType<typeof fork> => {
  const child = fork(SCRIPT, [JSON.stringify(task)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  process.once('exit', () => child.kill('SIGKILL'));
  return child;
};

try {
  const fillStartedMs = performance.now();
  if (!isFilled) {
    const filler = begin({ ...base, does: 'fill', name: 'filler', backups: 0 });
    const [filled] = (await Promise.race([once(filler, 'message'), once(filler, 'exit')])) as [unknown];
    if (filled !== 'filled') throw new Error(`the process that makes the sessions ended with ${String(filled)}`);
  }
  const filledMs = performance.now() - fillStartedMs;
  const children = Array.from({ length: nodes }, (_, i) =>
    begin({ ...base, does: 'start', name: `node-${i}`, first: Math.floor(sessions / (i + 2)) }),
  );
  const results = await Promise.all(
    children.map(async (child) => {
      const [result] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [ColdResult | number];
      if (typeof result !== 'object') throw new Error(`a node ended with ${result}`);
      return result;
    }),
  );
  for (const child of children) child.send('enough');
  const held = results.reduce((sum, each) => sum + each.held, 0);
  if (held !== sessions * (backups + 1)) throw new Error(`${held} sessions are held, not ${sessions * (backups + 1)}`);
  await Promise.all(children.map((child) => once(child, 'exit')));
  const of = (pick: (result: ColdResult) => number): string => results.map((result) => pick(result).toFixed(0)).join(' and ');
  console.log(`${sessions} sessions in ${partitions} partitions, ${nodes} nodes, ${backups} backups each;`);
  console.log(
    `nats-server ${server.version}, ${cpus().length} cores, Node ${process.version}; filled in ${(filledMs / 1e3).toFixed(0)} s`,
  );
  console.log(
    `connected after ${of(({ connectedMs }) => connectedMs)} ms; first session opened after ${of(({ openedMs }) => openedMs)} ms,`,
  );
  console.log(
    `committed after ${of(({ committedMs }) => committedMs)} ms, when ${of((each) => each.loadedWhenCommitted)} were loaded;`,
  );
  console.log(`all in memory after ${of(({ warmMs }) => warmMs)} ms; ${of((each) => each.residentBytes / 1e6)} MB resident`);
  if (values.json !== undefined) {
    const machine = { server: server.version, node: process.version, cpus: cpus().length };
    writeFileSync(
      values.json,
      `${JSON.stringify({ sessions, nodes, backups, partitions, filledMs, results, ...machine }, undefined, 2)}\n`,
    );
  }
} finally {
  await server.stop();
}
