/** The proof itself can fail: each way in which a part goes wrong is told, and nothing of it is left. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { expect } from 'chai';
import { PARTS } from './parts.js';
import { runPart } from './part-run.js';
import type { PartResult } from './part-run.js';
import { rowOf, tableOf } from './table.js';

const FOR_EVER = 'setInterval(() => {}, 1_000);';
const told = (tried: number, found: number): string => `process.send({ tried: ${tried}, found: ${found} });`;

describe('a part of the proof', function () {
  this.timeout(60_000);
  /** Of a program of one line that is to try a hundred times. */
  const run = (program: string, rest: { graceMs?: number; minutes?: number; signal?: AbortSignal } = {}): Promise<PartResult> =>
    runPart({ args: ['--input-type=commonjs', '-e', program], count: 100, minutes: 5, silent: true, ...rest });

  it('passes where it has tried all and found nothing', async () => {
    const result = await run(`${told(50, 0)} ${told(100, 0)}`);
    expect(result).to.include({ tried: 100, found: 0 });
    expect(result.failure).to.equal(undefined);
  });

  it('passes where its time was over before all was tried, and says so', async () => {
    const result = await run(told(60, 0));
    expect(result.failure).to.equal(undefined);
    expect(rowOf({ name: 'n', tries: 't' }, 100, result).at(-1)).to.equal('of 100, its time was over');
  });

  it('fails where it has found something, however it ends and however little it tried', async () => {
    expect((await run(told(100, 1))).failure).to.equal('1 found');
    expect((await run(`${told(4, 2)} process.exitCode = 1;`)).failure).to.equal('2 found');
  });

  it('fails where it ends in another way than it should, whatever it has tried', async () => {
    expect((await run(`${told(100, 0)} process.exitCode = 3;`)).failure).to.equal('ended with 3');
    expect((await run(`${told(100, 0)} process.kill(process.pid, 'SIGKILL');`)).failure).to.equal('was killed');
  });

  it('fails where it has tried hardly anything', async () => {
    expect((await run(told(4, 0))).failure).to.equal('tried hardly anything');
    expect((await run('')).failure).to.equal('tried hardly anything');
  });

  it('is ended where it does not end, though it will not hear of it', async () => {
    const deaf = `process.on('SIGINT', () => {}); ${told(100, 0)} ${FOR_EVER}`;
    expect((await run(deaf, { minutes: 0.001, graceMs: 100 })).failure).to.equal('did not end in its time');
  });

  it('leaves nothing behind of what it has started', async () => {
    const stop = new AbortController();
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const connected = once(server, 'connection');
    const deaf = `process.on('SIGINT', () => {}); require('node:net').connect(${port}, '127.0.0.1')`;
    const result = run(`require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(deaf)}]); ${FOR_EVER}`, {
      signal: stop.signal,
    });
    const [held] = (await connected) as [Socket];
    const closed = once(
      held.on('error', () => undefined),
      'close',
    );
    stop.abort();
    expect((await result).failure).to.equal('did not end in its time');
    await closed;
    server.close();
  });
});

describe('the table of the proof', () => {
  it('has a row for each part, and says what failed', () => {
    const table = tableOf([
      rowOf({ name: 'world', tries: 'simulated faults' }, 1_000_000, { tried: 1_000_321, found: 0, seconds: 61.2 }),
      rowOf({ name: 'bytes', tries: 'hostile inputs' }, 100, { tried: 100, found: 2, seconds: 3, failure: '2 found' }),
    ]);
    expect(table.split('\n')).to.deep.equal([
      '| part  | what             | tried     | found | s   |                 |',
      '| ----- | ---------------- | --------- | ----- | --- | --------------- |',
      '| world | simulated faults | 1,000,321 | 0     | 61  | all             |',
      '| bytes | hostile inputs   | 100       | 2     | 3   | FAILED: 2 found |',
    ]);
  });

  it('asks of a release at least what it asks of CI, and each part is told by its name', () => {
    for (const { inCi, inRelease } of PARTS) expect(inRelease).to.be.at.least(inCi);
    expect(new Set(PARTS.map(({ name }) => name)).size).to.equal(PARTS.length);
  });
});
