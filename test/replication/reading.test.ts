/** A read is answered with as few bytes as what the asker has allows, and with nothing that is not so. */
import { expect } from 'chai';
import { Ledger } from '../../src/replication/ledger.js';
import type { Read, ReadAnswer } from '../../src/replication/operation.js';
import { answerRead } from '../../src/replication/reading.js';
import { encodeRecord } from '../../src/replication/record.js';
import { sequence, sessionId, version } from '../../src/shared/ids.js';
import { Chain, entry, read as textOf, textBodies } from './fixtures.js';
import type { TextBody } from './fixtures.js';

describe('an answer to a read', () => {
  let ledger: Ledger<TextBody>;
  let chain: Chain;
  const apply = (entries: ReturnType<typeof entry>[]): void =>
    void ledger.apply(sequence(chain.at + 1), encodeRecord(chain.commit(entries)));

  beforeEach(() => {
    ledger = new Ledger(textBodies);
    chain = new Chain();
    ledger.apply(sequence(1), encodeRecord(chain.lead()));
    apply([entry('create', 's', 0, 'made')]);
    apply([entry('commit', 's', 1, 'a=1', { incarnation: sequence(2) })]);
    apply([entry('commit', 's', 2, 'b=1', { incarnation: sequence(2) })]);
  });

  const ask = (known: readonly [number, number] | undefined, more: Partial<Read> = {}): ReadAnswer =>
    answerRead(ledger, textBodies, {
      session: sessionId('s'),
      consistency: 'primary',
      known: known === undefined ? undefined : { version: version(known[0]), incarnation: sequence(known[1]) },
      atLeast: undefined,
      ...more,
    });
  const shown = (answer: ReadAnswer): unknown => {
    if (answer.kind === 'snapshot') return [answer.version, textOf(answer.snapshot)];
    if (answer.kind === 'deltas') return [answer.version, answer.deltas.map(({ delta }) => textOf(delta))];
    return answer.kind;
  };

  it('is "the same" to who has the newest version of this incarnation, and to nobody else', () => {
    expect(shown(ask([3, 2]))).to.equal('same');
    expect(shown(ask(undefined))).to.deep.equal([3, 'made,a=1,b=1']);
    expect(shown(ask([3, 1])), 'another incarnation').to.deep.equal([3, 'made,a=1,b=1']);
    expect(shown(ask([2, 1])), 'another incarnation').to.deep.equal([3, 'made,a=1,b=1']);
    expect(shown(ask([4, 2])), 'what is not known here').to.deep.equal([3, 'made,a=1,b=1']);
  });

  it('is the deltas since, to who has an older version', () => {
    expect(shown(ask([1, 2]))).to.deep.equal([3, ['a=1', 'b=1']]);
    expect(shown(ask([2, 2]))).to.deep.equal([3, ['b=1']]);
  });

  it('is a snapshot where the history does not reach back', () => {
    const short = { ...textBodies, since: () => undefined };
    const answer = answerRead(ledger, short, {
      session: sessionId('s'),
      consistency: 'primary',
      known: { version: version(1), incarnation: sequence(2) },
      atLeast: undefined,
    });
    expect(shown(answer)).to.deep.equal([3, 'made,a=1,b=1']);
  });

  it('is none where the asker has seen more, also of a session that is not there', () => {
    expect(shown(ask([3, 2], { atLeast: version(3) }))).to.equal('same');
    expect(shown(ask([3, 2], { atLeast: version(4) }))).to.equal('retry');
    expect(shown(ask(undefined, { session: sessionId('none'), atLeast: version(1) }))).to.equal('retry');
    expect(shown(ask(undefined, { session: sessionId('none') }))).to.equal('gone');
  });

  it('is "gone" to who has the newest version of what was destroyed, and a snapshot of what took its place', () => {
    apply([entry('destroy', 's', 3, '', { incarnation: sequence(2) })]);
    expect(shown(ask([3, 2]))).to.equal('gone');
    apply([entry('create', 's', 4, 'anew')]);
    expect(shown(ask([3, 2]))).to.deep.equal([5, 'anew']);
  });
});
