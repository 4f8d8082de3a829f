import { expect } from 'chai';
import { PARTITIONS_MAX } from '../../src/store/options.js';
import { REAL_RUNTIME } from '../../src/store/real-runtime.js';

describe('an id that is made', () => {
  it('has at least 128 random bits, also where it was chosen for one partition of as many as there can be', () => {
    const ids = Array.from({ length: 20_000 }, () => REAL_RUNTIME.uniqueId());
    expect(new Set(ids).size).to.equal(ids.length);
    let bits = 0;
    const { length } = ids[0]!;
    for (let at = 0; at < length; at++) {
      const counts = new Map<string, number>();
      for (const id of ids) counts.set(id[at]!, (counts.get(id[at]!) ?? 0) + 1);
      // min-entropy: what the likeliest letter gives away, with room for the scatter of so few
      bits += -Math.log2(Math.max(...counts.values()) / ids.length);
    }
    expect(bits - Math.log2(PARTITIONS_MAX)).to.be.greaterThan(125);
    expect(length * Math.log2(62) - Math.log2(PARTITIONS_MAX)).to.be.greaterThan(128);
  });
});
