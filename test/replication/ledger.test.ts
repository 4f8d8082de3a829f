/** A ledger moves by one record at a time, and only by one that follows what it applied last. */
import { expect } from 'chai';
import { revision, sequence, sessionId } from '../../src/shared/ids.js';
import { digestOf } from '../../src/replication/drift.js';
import { Ledger } from '../../src/replication/ledger.js';
import { originOf } from '../../src/replication/log-origin.js';
import { encodeRecord } from '../../src/replication/record.js';
import type { LogRecord } from '../../src/replication/record.js';
import { freshState } from '../../src/replication/session-state.js';
import { A, B, Chain, entry, read, text, textBodies, V } from './fixtures.js';
import type { TextBody } from './fixtures.js';

const S = sessionId('s');

describe('the ledger', () => {
  let ledger: Ledger<TextBody>;
  let chain: Chain;
  beforeEach(() => {
    ledger = new Ledger(textBodies);
    chain = new Chain();
  });

  const apply = (record: LogRecord, at = chain.at): ReturnType<Ledger<TextBody>['apply']> =>
    ledger.apply(sequence(at), encodeRecord(record));
  const state = (id = 's'): string | undefined => {
    const body = ledger.session(sessionId(id))?.body;
    return body === undefined ? undefined : read(textBodies.snapshot(body));
  };

  function begun(): void {
    apply(chain.lead());
    apply(chain.commit([entry('create', 's', 0, 'made')]));
  }

  it('applies creates, deltas, touches and destroys in order', () => {
    begun();
    apply(chain.commit([entry('commit', 's', 1, 'a=1'), entry('touch', 's', 2, '', { atMs: 5_000 })]));
    expect(state()).to.equal('made,a=1');
    expect(ledger.session(S)).to.include({ version: 2, incarnation: 2, className: 'text', touchedAtMs: 5_000, dead: false });
    apply(chain.commit([entry('destroy', 's', 2)]));
    expect(ledger.session(S)).to.include({ version: 3, dead: true, body: undefined });
    apply(chain.commit([entry('create', 's', 3, 'anew')]));
    expect(ledger.session(S)).to.include({ version: 4, incarnation: 5, dead: false });
    expect(state()).to.equal('anew');
  });

  it('applies several deltas of one session in one batch', () => {
    begun();
    const applied = apply(
      chain.commit([entry('commit', 's', 1, 'a=1'), entry('create', 't', 0, 'other'), entry('commit', 's', 2, 'b=2')]),
    );
    expect(applied).to.include({ kind: 'commit', fenced: false });
    expect([state(), state('t'), ledger.session(S)!.version]).to.deep.equal(['made,a=1,b=2', 'other', 3]);
  });

  it('takes a record once, however often it comes', () => {
    begun();
    const record = chain.commit([entry('commit', 's', 1, 'a=1')]);
    apply(record);
    for (let i = 0; i < 3; i++) expect(apply(record)).to.deep.equal({ kind: 'seen' });
    expect(state()).to.equal('made,a=1');
  });

  it('sees a record that is missing, and changes nothing', () => {
    begun();
    chain.commit([entry('commit', 's', 1, 'lost=1')]);
    const applied = apply(chain.commit([entry('commit', 's', 2, 'a=1')]));
    expect(applied.kind).to.equal('gap');
    expect([ledger.applied, state()]).to.deep.equal([2, 'made']);
  });

  it('sees a tail that was lost and written anew, by the id of the record before', () => {
    begun();
    apply(chain.commit([entry('commit', 's', 1, 'a=1')]));
    const other = new Chain();
    Object.assign(other, { at: 3, id: 'another r3', epoch: 1 });
    const applied = apply(other.commit([entry('commit', 's', 2, 'b=1')]), 4);
    expect(applied.kind).to.equal('gap');
    expect(state()).to.equal('made,a=1');
  });

  it('sees a version that is missing, and changes nothing, not even the other sessions of the batch', () => {
    begun();
    const applied = apply(chain.commit([entry('create', 't', 0, 'other'), entry('commit', 's', 5, 'a=1')]));
    expect(applied.kind).to.equal('gap');
    expect([state('t'), state(), ledger.applied]).to.deep.equal([undefined, 'made', 2]);
  });

  it('steps over holes in the sequences of a shared stream', () => {
    begun();
    const record = chain.commit([entry('commit', 's', 1, 'a=1')]);
    expect(apply(record, 90).kind).to.equal('commit');
    Object.assign(chain, { at: 90 });
    expect(apply(chain.commit([entry('commit', 's', 2, 'b=1')]), 95).kind).to.equal('commit');
    expect(state()).to.equal('made,a=1,b=1');
  });

  it('fences the commits of an older epoch', () => {
    begun();
    apply(chain.lead(B));
    expect(ledger).to.include({ epoch: 3, leader: B });
    const late = apply(chain.commit([entry('commit', 's', 1, 'late=1')], { epoch: 1 as never, node: A }));
    expect(late).to.include({ kind: 'commit', fenced: true });
    expect(state()).to.equal('made');
    expect(apply(chain.commit([entry('commit', 's', 1, 'a=1')])), 'and goes on behind it').to.include({ fenced: false });
    expect(state()).to.equal('made,a=1');
  });

  it('skips what a snapshot holds already, and applies what is behind it', () => {
    ledger.load([stored('s', 2, 3, 'made,a=1')]);
    apply(chain.lead());
    apply(chain.commit([entry('create', 's', 0, 'made')]));
    apply(chain.commit([entry('commit', 's', 1, 'a=1'), entry('create', 't', 0, 'other')]));
    expect([state(), state('t')]).to.deep.equal(['made,a=1', 'other']);
    apply(chain.commit([entry('commit', 's', 2, 'b=1')]));
    expect(state()).to.equal('made,a=1,b=1');
  });

  it('skips a whole batch of which the snapshot holds the last of several deltas', () => {
    ledger.load([stored('s', 3, 3, 'made,a=1,b=2')]);
    apply(chain.lead());
    apply(chain.commit([entry('create', 's', 0, 'made')]));
    apply(chain.commit([entry('commit', 's', 1, 'a=1'), entry('commit', 's', 2, 'b=2')]));
    expect([state(), ledger.session(S)!.version]).to.deep.equal(['made,a=1,b=2', 3]);
  });

  it('begins at the oldest record that the log still has', () => {
    begun();
    const kept = chain.commit([entry('commit', 's', 1, 'a=1')]);
    const joined = new Ledger(textBodies);
    joined.load([stored('s', 1, 2, 'made')]);
    joined.begin(originOf([{ sequence: sequence(3), record: encodeRecord(kept) }]));
    expect(joined).to.include({ applied: 2, lastId: 'r2', epoch: 1, leader: A });
    expect(joined.apply(sequence(3), encodeRecord(kept)).kind).to.equal('commit');
    expect(joined.session(S)!.version).to.equal(2);
  });

  it('steps over a foreign record that was read in its turn, and remembers it as the one before the next', () => {
    begun();
    const foreign = text('no record of ours');
    expect(ledger.apply(sequence(3), foreign).kind).to.equal('unplaced');
    expect(ledger).to.include({ foreign: 0, applied: 2 });
    expect(ledger.apply(sequence(3), foreign, true).kind).to.equal('foreign');
    expect(ledger.foreign).to.equal(1);
    const other = new Ledger(textBodies);
    const first = new Chain();
    other.apply(sequence(1), encodeRecord(first.lead()));
    other.apply(sequence(2), encodeRecord(first.commit([entry('create', 's', 0, 'made')])));
    other.apply(sequence(3), foreign, true);
    expect(other.lastId, 'all replicas name it alike').to.equal(ledger.lastId);
    Object.assign(chain, { at: 3, id: ledger.lastId });
    expect(apply(chain.commit([entry('commit', 's', 1, 'a=1')])).kind).to.equal('commit');
    expect(state()).to.equal('made,a=1');
  });

  it('cannot place a copy of an old record while it follows, and takes it for a foreign record when it reads the whole log', () => {
    begun();
    const copied = encodeRecord(chain.commit([entry('commit', 's', 1, 'a=1')]));
    const log = [copied, encodeRecord(chain.commit([entry('commit', 's', 2, 'b=1')])), copied];
    expect(log.map((record, i) => ledger.apply(sequence(i + 3), record).kind)).to.deep.equal(['commit', 'commit', 'unplaced']);
    const joining = new Ledger(textBodies);
    const first = new Chain();
    const whole = [encodeRecord(first.lead()), encodeRecord(first.commit([entry('create', 's', 0, 'made')])), ...log];
    expect(whole.map((record, i) => joining.apply(sequence(i + 1), record, true).kind)).to.deep.equal([
      'lead',
      'commit',
      'commit',
      'commit',
      'foreign',
    ]);
    expect(read(textBodies.snapshot(joining.session(S)!.body!))).to.equal('made,a=1,b=1');
  });

  it('quarantines one poison session, and goes on with the others and with its header', () => {
    begun();
    apply(chain.commit([entry('create', 'p', 0, 'poison'), entry('create', 't', 0, 'other')]));
    apply(chain.commit([entry('commit', 's', 1, 'poison'), entry('commit', 't', 1, 'a=1')]));
    expect(ledger.takeQuarantined().map(({ id }) => id)).to.deep.equal(['p', 's']);
    expect(ledger.takeQuarantined()).to.deep.equal([]);
    for (const id of ['p', 's'])
      expect(ledger.session(sessionId(id)))
        .to.include({ body: undefined })
        .and.to.have.nested.property('quarantine.code', 'SESSION_QUARANTINED');
    expect(state('t')).to.equal('other,a=1');
    apply(chain.commit([entry('commit', 's', 2, 'c=1'), entry('destroy', 'p', 1)]));
    expect([ledger.session(S)!.version, ledger.session(sessionId('p'))!.quarantine]).to.deep.equal([3, undefined]);
    apply(chain.commit([entry('create', 'p', 2, 'healed')]));
    expect(state('p')).to.equal('healed');
  });

  it('quarantines a session whose kept delta turns out to fit nothing when it is read', () => {
    begun();
    apply(chain.commit([entry('commit', 's', 1, 'late poison')]));
    expect(ledger.takeQuarantined()).to.deep.equal([]);
    expect(ledger.readBody(ledger.session(S)!, (body) => textBodies.snapshot(body))).to.equal(undefined);
    expect(ledger.takeQuarantined().map(({ id }) => id)).to.deep.equal(['s']);
  });

  it('quarantines a session whose stored snapshot cannot be read', () => {
    ledger.load([{ unreadable: S, error: new Error('bits fell over'), revision: revision(9) }, stored('t', 1, 1, 'fine')]);
    expect(ledger.session(S)!.quarantine!.message).to.include('bits fell over');
    expect([state('t'), ledger.reliedOn]).to.deep.equal(['fine', 9]);
  });

  function stored(
    id: string,
    at: number,
    changedAt: number,
    snapshot: string,
  ): Parameters<Ledger<TextBody>['load']>[0] extends Iterable<infer L> ? L : never {
    const { className: _, ...header } = freshState<TextBody>(sessionId(id));
    return {
      header: { ...header, className: 'text', version: V(at), incarnation: sequence(2), dead: false },
      sequence: sequence(changedAt),
      trueUpTo: sequence(changedAt),
      snapshot: text(snapshot),
      digest: digestOf(text(snapshot)),
      revision: revision(1),
    };
  }
});
