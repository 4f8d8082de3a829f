/** `npm start`, as its user runs it. */
import { expect } from 'chai';
import { start } from './process.js';

describe('npm start', () => {
  it('tells what happens to a cart on three nodes, and all of it is so', async function () {
    this.timeout(60_000);
    const { code, stdout, stderr } = await start('start/main.js').ended;
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout).to.match(/compares {2}items, vouchers, lastSeenAt, shippingAddress, giftWrap, greeting\n/);
    expect(stdout).to.match(/items\[3\]\.quantity +1 → 4\n {2}version 2: \d bytes, instead of \d,\d{3} as JSON/);
    expect(stdout).to.match(/From the kill to the first acknowledged commit elsewhere: \d+ ms\./);
    expect(stdout).to.include('✓ the whole state is intact, compared deeply');
    expect(stdout).to.match(/(\d\d) claims were checked and held/);
    expect(stdout).to.not.include('Harbour Lane → ');
  });

  it('is plain text within 100 columns where nobody looks at colours', async function () {
    this.timeout(60_000);
    const { stdout } = await start('start/main.js').ended;
    expect(stdout.includes('\u001b')).to.equal(false);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).to.be.at.most(100);
  });
});
