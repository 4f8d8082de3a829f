/** Reads of a primary, by rule 12: from memory for one lease from the sending of a confirmed append; else an append confirms them. */
import { expect } from 'chai';
import { decodeRecord, encodeRecord } from '../../src/replication/record.js';
import { DEFAULT_TIMING } from '../../src/replication/timing.js';
import { Bench } from './bench.js';
import { A, B, Chain, operation } from './fixtures.js';

const { leaseMs } = DEFAULT_TIMING;

describe('the lease of a primary', () => {
  let bench: Bench;
  const made = (): number => bench.operate(operation('create', 's', undefined, 'made'));
  const kind = (token: number): string | undefined => bench.readAnswer(token)?.kind;

  beforeEach(() => {
    bench = new Bench(A);
    bench.lead();
  });

  it('is counted from the sending of the append, however late it was accepted', () => {
    made();
    bench.ms += leaseMs - 100;
    bench.occupy(bench.append().record);
    expect(kind(bench.read('primary')), 'fresh for 100 ms more').to.equal('snapshot');
    bench.ms += 150;
    const late = bench.read('primary');
    expect(kind(late)).to.equal(undefined);
    bench.occupy(bench.append().record);
    bench.occupy(bench.append().record);
    expect(kind(late), 'an append that was sent after it confirms it').to.equal('snapshot');
  });

  it('gives nothing before the first append of the term was accepted: a LEAD alone is no proof of the present', () => {
    const early = bench.read('primary');
    expect(kind(early)).to.equal(undefined);
    bench.occupy(bench.append().record);
    expect(kind(early)).to.equal('gone');
  });

  it('is renewed by empty appends while there are readers, and by none where there are not', () => {
    made();
    bench.occupy(bench.append().record);
    const before = bench.of('append').length;
    for (let i = 0; i < 100; i++) bench.tick(20);
    expect(bench.of('append').length, 'nobody reads').to.equal(before);
    bench.occupy((bench.read('primary'), bench.append().record));
    let waited = 0;
    for (let i = 0; i < 100; i++) {
      bench.tick(20);
      if (kind(bench.read('primary')) === undefined) waited++;
      bench.flush();
    }
    expect(waited, 'no reader waits').to.equal(0);
    expect(bench.of('append').length - before).to.be.within(4, 16);
    const last = decodeRecord(bench.append().record);
    expect(last.type === 'commit' && last.entries.length).to.equal(0);
  });

  it('answers no strong read: it waits for an append that was sent after it came', () => {
    made();
    bench.occupy(bench.append().record);
    expect(kind(bench.read('primary')), 'the lease is fresh').to.equal('snapshot');
    bench.operate(operation('commit', 's', 1, 'a=1'));
    const under = bench.append();
    const strong = bench.read('strong');
    bench.occupy(under.record);
    expect(kind(strong), 'that append was sent before').to.equal(undefined);
    expect(bench.append().expected).to.be.greaterThan(under.expected);
    bench.occupy(bench.append().record);
    expect(bench.readAnswer(strong)).to.include({ kind: 'snapshot', version: 2 });
  });

  it('lets it refuse from memory; later a refusal waits for an append, as another one may lead', () => {
    made();
    bench.occupy(bench.append().record);
    const refused = (): number[] => [
      bench.operate(operation('create', 's', undefined, 'again')),
      bench.operate(operation('destroy', 'none', undefined)),
    ];
    expect(
      refused().map((token) => bench.answer(token)?.kind),
      'it is fresh',
    ).to.deep.equal(['exists', 'gone']);
    bench.ms += leaseMs + 1;
    const late = refused();
    expect(late.map((token) => bench.answer(token))).to.deep.equal([undefined, undefined]);
    const { record, expected } = bench.append();
    expect(expected, 'nothing else asks for one').to.equal(bench.log.length);
    const appended = decodeRecord(record);
    expect(appended.type === 'commit' && appended.entries).to.deep.equal([]);
    bench.occupy(record);
    bench.flush();
    expect(late.map((token) => bench.answer(token)?.kind)).to.deep.equal(['exists', 'gone']);
  });

  it('that ran out while it stood still makes it refuse nothing that the next primary knows better', () => {
    made();
    bench.occupy(bench.append().record);
    bench.ms += leaseMs * 20;
    const token = bench.operate(operation('create', 's', undefined, 'again'));
    const chain = new Chain();
    chain.at = bench.log.length;
    chain.id = bench.machine.ledger.lastId;
    bench.occupy(encodeRecord(chain.lead(B)));
    expect(bench.answer(token)).to.include({ kind: 'retry', clean: true, hint: B });
  });

  it('ends with the term: who waited for it is sent to the next primary', () => {
    made();
    const strong = bench.read('strong');
    const chain = new Chain();
    chain.at = bench.log.length;
    chain.id = bench.machine.ledger.lastId;
    bench.occupy(encodeRecord(chain.lead(B)));
    expect(bench.readAnswer(strong)).to.include({ kind: 'retry', hint: B });
    expect(bench.readAnswer(bench.read('primary'))).to.include({ kind: 'retry', hint: B });
    expect(kind(bench.read('local')), 'what is here, whoever leads').to.equal('gone');
  });

  it('of the term before is waited for where takeover is strict: nothing is answered for one lease', () => {
    bench = new Bench(A, {}, [], 'strict');
    bench.lead();
    const ledMs = bench.ms;
    const token = made();
    bench.occupy(bench.append().record);
    const read = bench.read('primary');
    while (bench.ms + 20 < ledMs + leaseMs) {
      bench.tick(20);
      bench.flush();
      expect([bench.answer(token), kind(read)], `at ${bench.ms - ledMs} ms`).to.deep.equal([undefined, undefined]);
    }
    bench.tick(40);
    bench.flush();
    expect(bench.answer(token)).to.include({ kind: 'done', version: 1 });
    expect(kind(read)).to.equal('snapshot');
  });
});
