import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { start } from './process.js';

const SAMPLES = new URL('../../../samples/', import.meta.url);
const LINES_MAX = 150;

describe('the samples', function () {
  this.timeout(120_000);

  it('agent: keeps a conversation of 500 messages over a deploy, in a hundredth of the bytes', async () => {
    const { code, stdout, stderr } = await start('agent/main.js').ended;
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout).to.match(/^500 messages, \d+ tokens, \d+ versions; server-1 was drained at message 300\./);
    const times = /(\d+) times less/.exec(stdout);
    expect(Number(times?.[1])).to.be.above(100);
  });

  it('game-room: plays on after the playing server was killed, with every acknowledged tick', async () => {
    const { code, stdout, stderr } = await start('game-room/main.js').ended;
    expect({ code, stderr }, stdout).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout).to.match(/kill -9 (alpha|beta), which was playing/);
    expect(stdout).to.match(/\d+ ticks, [\d.]+ bytes each; no acknowledged tick was lost\.\n$/);
  });

  for (const sample of ['agent', 'game-room']) {
    it(`${sample}: is short enough to be read, and says what it is`, () => {
      const folder = new URL(`${sample}/`, SAMPLES);
      const files = readdirSync(folder);
      const lines = files
        .filter((file) => file.endsWith('.ts'))
        .reduce((sum, file) => sum + readFileSync(new URL(file, folder), 'utf8').split('\n').length - 1, 0);
      expect(lines).to.be.at.most(LINES_MAX);
      expect(readFileSync(new URL('README.md', folder), 'utf8')).to.include(`npm run sample:${sample}`);
    });
  }
});
