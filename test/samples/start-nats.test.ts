/** `npm run start:nats`, as its user runs it, and as somebody ends it who has seen enough. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { start } from './process.js';

describe('npm run start:nats', function () {
  this.timeout(120_000);
  let folder: string;

  beforeEach(() => {
    // its own, so that what is left can be told from what other tests are using
    folder = mkdtempSync(join(tmpdir(), 'twinstate-start-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('kills a server under load, and every acknowledged commit is there once', async () => {
    const { code, stdout, stderr } = await start('start/nats.js', [], { TMPDIR: folder }).ended;
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout).to.match(/kill -9 server-\d/);
    expect(stdout).to.match(/fastest \d+ ms, median \d+ ms, slowest \d+ ms\./);
    expect(stdout).to.match(/acknowledged +[1-9][\d,]*\n/);
    expect(stdout).to.match(/lost +0\n/);
    expect(stdout).to.match(/duplicated +0\n/);
    expect(stdout).to.include('✓ every session that it led takes commits again');
    expect(leftIn(folder)).to.deep.equal([]);
  });

  for (const [when, line] of [
    ['while the NATS server starts', 'three servers under load'],
    ['while its processes start', 'Three server processes'],
    ['under load', 'sessions; every server'],
  ] as const) {
    it(`leaves nothing behind when it is interrupted ${when}`, async () => {
      const program = start('start/nats.js', [], { TMPDIR: folder });
      await program.wrote(line);
      program.child.kill('SIGINT');
      const { code, stderr } = await program.ended;
      expect({ code, stderr }).to.deep.equal({ code: 130, stderr: '' });
      expect(leftIn(folder)).to.deep.equal([]);
    });
  }
});

/** Files in the folder, and processes that were started with it as their place for temporary files, where the system tells. */
function leftIn(folder: string): string[] {
  const processes = existsSync('/proc/self/environ') ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : [];
  const running = processes.filter((id) => {
    try {
      return readFileSync(`/proc/${id}/environ`, 'utf8').includes(folder);
    } catch {
      // it ended meanwhile, or is somebody else's
      return false;
    }
  });
  return [...readdirSync(folder), ...running.map((id) => `process ${id}`)];
}
