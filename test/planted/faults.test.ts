import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { FAULTS } from './faults.js';
import { SUITES } from './planted-copy.js';

const SRC = new URL('../../src/', import.meta.url);

describe('planted faults', () => {
  it('find their places in the built code exactly once', () => {
    const lost = FAULTS.filter(({ file, find }) => readFileSync(new URL(file, SRC), 'utf8').split(find).length !== 2);
    expect(lost.map(({ name, file }) => `${file}: ${name}`)).to.deep.equal([]);
  });

  it('change what they find, each in a way of its own', () => {
    expect(FAULTS.filter(({ find, replace }) => find === replace)).to.deep.equal([]);
    const names = FAULTS.map(({ name }) => name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).to.deep.equal([]);
  });

  it('have a core that CI has the time for: at least 25, some for every suite', () => {
    const core = FAULTS.filter((fault) => fault.core);
    expect(core.length).to.be.at.least(25);
    expect(new Set(core.map(({ suite }) => suite))).to.deep.equal(new Set(SUITES));
  });
});
