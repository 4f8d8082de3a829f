/** `npm test` itself can fail, and ends. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { testFiles } from './test-files.js';

const COMMAND = fileURLToPath(new URL('main.js', import.meta.url));
const PASSES = "it('passes', () => {});";
const FAILS = "it('fails for a reason', () => { throw new Error('the reason'); });";
const BREAKS = "throw new Error('it cannot be loaded');";
const OPEN = "it('leaves something open', () => { setInterval(() => {}, 1_000); });";
const HANGS = "it('hangs', () => { for (;;); });";

describe('tests in lanes', function () {
  this.timeout(120_000);
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'twinstate-lanes-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function run(tests: readonly string[], ...options: string[]): Promise<{ code: number; output: string; last: string }> {
    const files = tests.map((code, i) => {
      const file = join(folder, `${i}.test.js`);
      writeFileSync(file, code);
      return file;
    });
    return new Promise((resolve) => {
      const child = execFile(process.execPath, [COMMAND, ...options, ...files], (_, output) => {
        resolve({ code: child.exitCode ?? -1, output, last: output.trimEnd().split('\n').at(-1)! });
      });
    });
  }

  it('pass where all has passed, whatever they leave open', async () => {
    expect(await run([PASSES, OPEN])).to.include({ code: 0, last: '2 passed, 0 failed' });
  });

  it('fail where one has failed, and say which and why', async () => {
    const { code, output, last } = await run([PASSES, FAILS, BREAKS]);
    expect(code).to.be.greaterThan(0);
    expect(last).to.equal('1 passed, 2 failed');
    expect(output).to.include('fails for a reason').and.to.include('the reason').and.to.include('it cannot be loaded');
  });

  it('fail where they are not over in time', async () => {
    const { code, last } = await run([PASSES, HANGS], '--minutes', '0.03');
    expect({ code, last }).to.deep.equal({ code: 1, last: '0 passed, 1 failed' });
  });

  it('are every test file that there is, once', () => {
    const files = testFiles();
    expect(files).to.include(fileURLToPath(import.meta.url));
    expect(new Set(files).size).to.equal(files.length);
  });
});
