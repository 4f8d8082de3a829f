/** What is tracked says nothing of the machine that it was written on. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..');

function tracked(): string[] {
  try {
    return execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .split('\0')
      .filter((file) => file !== '');
  } catch {
    return [];
  }
}

describe('the tracked files', () => {
  it('hold no path of this machine, and no address that a package was fetched from', function () {
    const files = tracked();
    // an unpacked archive has no list of files
    if (files.length === 0) this.skip();
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
