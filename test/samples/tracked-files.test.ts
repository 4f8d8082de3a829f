/** What is tracked says nothing of the machine that it was written on. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** What git tracks, or in an unpacked archive what lies there. */
function tracked(): string[] {
  try {
    const listed = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return listed.split('\0').filter((file) => file !== '' && existsSync(join(ROOT, file)));
  } catch {
    const all = readdirSync(ROOT, { withFileTypes: true }).filter((entry) => entry.isFile());
    return all.map(({ name }) => name);
  }
}

describe('the tracked files', () => {
  it('hold no path of this machine, and no address that a package was fetched from', () => {
    const files = tracked();
    expect(files).to.include('README.md');
    const paths = [ROOT, homedir()].filter((path) => path.split('/').length > 2);
    const found: string[] = [];
    for (const file of files) {
      const text = readFileSync(join(ROOT, file), 'utf8');
      for (const path of paths) if (text.includes(path)) found.push(`${file} holds ${path}`);
      for (const [, host] of text.matchAll(/"resolved":\s*"(?:https?:)?\/\/([^/"]+)/g)) found.push(`${file} names ${host!}`);
    }
    expect(found).to.deep.equal([]);
  });
});
