/** A batch makes one record of what waits, by acknowledged state and an overlay that is dropped whole. */
import { expect } from 'chai';
import { sequence, sessionId } from '../../src/shared/ids.js';
import { doneNow, makeBatch } from '../../src/replication/batch.js';
import type { Batch, BatchLimits, Waiting } from '../../src/replication/batch.js';
import { Ledger } from '../../src/replication/ledger.js';
import type { Operation } from '../../src/replication/operation.js';
import { encodeRecord } from '../../src/replication/record.js';
import { CLIENTS_MAX } from '../../src/replication/session-state.js';
import { Chain, entry, operation, read, text, textBodies } from './fixtures.js';
import type { TextBody } from './fixtures.js';

const LIMITS: BatchLimits = { bytesMax: 10_000, entriesMax: 100 };

describe('a batch', () => {
  let ledger: Ledger<TextBody>;
  let chain: Chain;
  let tokens = 0;

  beforeEach(() => {
    ledger = new Ledger(textBodies);
    chain = new Chain();
    ledger.apply(sequence(1), encodeRecord(chain.lead()));
    ledger.apply(sequence(2), encodeRecord(chain.commit([entry('create', 's', 0, 'made'), entry('create', 't', 0, 'other')])));
    tokens = 0;
  });

  const batch = (operations: readonly Operation[], limits = LIMITS): Batch =>
    makeBatch(
      ledger,
      textBodies,
      operations.map((each): Waiting => ({ token: ++tokens, operation: each })),
      7_000,
      limits,
    );
  const store = ({ entries }: Batch): void => void ledger.apply(sequence(chain.at + 1), encodeRecord(chain.commit(entries)));
  const state = (id = 's'): string => read(textBodies.snapshot(ledger.session(sessionId(id))!.body!));
  const tokensOf = (of: readonly { readonly waiting: Waiting }[]): number[] => of.map(({ waiting }) => waiting.token);

  it('makes entries of many sessions and of one after the other', () => {
    const made = batch([
      operation('commit', 's', 1, 'a=1'),
      operation('create', 'u', undefined, 'new'),
      operation('commit', 't', 1, 'b=1'),
      operation('touch', 't', undefined),
    ]);
    expect(made.entries.map(({ kind, from, to }) => [kind, from, to])).to.deep.equal([
      ['commit', 1, 2],
      ['create', 0, 1],
      ['commit', 1, 2],
      ['touch', 2, 2],
    ]);
    expect(made.entries.every(({ atMs }) => atMs === 7_000)).to.equal(true);
    expect(tokensOf(made.stored)).to.deep.equal([1, 2, 3, 4]);
    store(made);
    expect([state(), state('t'), state('u')]).to.deep.equal(['made,a=1', 'other,b=1', 'new']);
  });

  it('lets a new life begin behind the record that forgets the old one, so that who follows sees the version that it begins at', () => {
    store(batch([operation('destroy', 's', 1)]));
    const made = batch([
      operation('forget', 's', 2),
      operation('create', 's', undefined, 'anew'),
      operation('touch', 's', undefined),
    ]);
    expect([made.entries.map(({ kind }) => kind), made.rest.map(({ token }) => token)]).to.deep.equal([['forget'], [3, 4]]);
    store(made);
    const then = batch(made.rest.map((each) => each.operation));
    expect(then.entries.map(({ kind, from, to }) => [kind, from, to])).to.deep.equal([['create', 0, 1]]);
    expect(ledger.apply(sequence(chain.at + 1), encodeRecord(chain.commit(then.entries))).kind).to.equal('commit');
    expect([ledger.session(sessionId('s'))!.version, state()]).to.deep.equal([1, 'anew']);
  });

  it('changes no acknowledged state', () => {
    // but for the mark that somebody has looked at it
    const shown = (): string =>
      JSON.stringify([...ledger.sessions.states()], (key, value: unknown) => (key === 'recent' ? null : value));
    const before = shown();
    batch([operation('commit', 's', 1, 'a=1'), operation('destroy', 't', undefined), operation('create', 'u', undefined, 'new')]);
    expect(shown()).to.equal(before);
    const again = batch([operation('commit', 's', 1, 'b=1')]);
    expect(again.entries[0], 'the one before was never stored').to.include({ from: 1, to: 2 });
  });

  it('merges what was made on one base, in the order in which it came', () => {
    const made = batch([
      operation('commit', 's', 1, 'a=1'),
      operation('commit', 's', 1, 'b=1'),
      operation('commit', 's', 1, 'c=1'),
    ]);
    expect(made.entries.map(({ to }) => to)).to.deep.equal([2, 3, 4]);
    expect(made.stored.map(({ merged }) => merged)).to.deep.equal([false, true, true]);
    store(made);
    const last = made.stored[2]!;
    const answer = doneNow(ledger, textBodies, last.waiting.operation, last.entry, last.merged);
    expect(answer).to.include({ kind: 'done', version: 4, merged: true });
    expect(answer.kind === 'done' && answer.others.map(({ delta }) => read(delta))).to.deep.equal(['a=1', 'b=1']);
  });

  it('stores what a rule made of a delta, and tells whoever asks, also again, what became of it', () => {
    const rules = { ...textBodies, merge: () => ({ merged: true, delta: text('a=3') }) as const };
    const first = operation('commit', 's', 1, 'a=1');
    const mine = operation('commit', 's', 1, 'a=2');
    const waiting = [first, mine].map((each, i) => ({ token: i, operation: each }));
    const made = makeBatch(ledger, rules, waiting, 0, LIMITS);
    expect(made.entries.map(({ payload }) => read(payload))).to.deep.equal(['a=1', 'a=3']);
    store(made);
    const last = made.stored[1]!;
    const now = doneNow(ledger, rules, last.waiting.operation, last.entry, last.merged);
    const again = makeBatch(ledger, rules, [{ token: 3, operation: mine }], 0, LIMITS);
    expect(again.entries, 'once').to.deep.equal([]);
    for (const answer of [now, again.now[0]!.answer]) {
      expect(answer).to.include({ kind: 'done', version: 3, merged: true });
      expect(answer.kind === 'done' && answer.rewritten !== undefined && read(answer.rewritten)).to.equal('a=3');
    }
    expect(state()).to.equal('made,a=1,a=3');
  });

  it('answers a conflict with what is in flight only once that is decided', () => {
    const made = batch([operation('commit', 's', 1, 'a=1'), operation('commit', 's', 1, 'a=2')]);
    expect(made.entries).to.have.length(1);
    expect(made.now).to.deep.equal([]);
    expect(made.late.map(({ answer }) => answer)).to.deep.equal([{ kind: 'conflict', version: 2, slots: ['a'], why: '' }]);
  });

  it('answers at once what acknowledged state decides', () => {
    const { incarnation } = ledger.session(sessionId('s'))!;
    const answers = batch([
      operation('create', 's', undefined, 'again'),
      operation('commit', 'nobody', 1, 'a=1'),
      operation('commit', 's', 1, 'a=1', { base: { version: 1 as never, incarnation: sequence(99) } }),
      operation('commit', 's', 1, 'a=1', { className: 'another' }),
      operation('commit', 's', 9, 'a=1'),
    ]).now.map(({ answer }) => answer);
    expect(incarnation).to.equal(2);
    expect(answers.map(({ kind }) => kind)).to.deep.equal(['exists', 'gone', 'gone', 'refused', 'retry']);
    expect(answers[4], 'this base may be known to a later primary').to.include({ clean: true });
  });

  it('stores an operation once, however often it is sent, and answers as the first time', () => {
    const once = operation('commit', 's', 1, 'a=1');
    const first = batch([once, { ...once }]);
    expect(first.entries).to.have.length(1);
    expect(tokensOf(first.late), 'its twin waits for the same record').to.deep.equal([2]);
    store(first);
    store(batch([operation('commit', 's', 2, 'b=1', { op: { client: 'somebody', counter: 1 } })]));
    const again = batch([{ ...once }]);
    expect(again.entries).to.deep.equal([]);
    expect(again.now.map(({ answer }) => answer)).to.deep.equal([
      { kind: 'done', version: 2, incarnation: 2, merged: false, others: [], rewritten: undefined },
    ]);
    expect(state()).to.equal('made,a=1,b=1');
  });

  it('does not know any more what became of an operation that a later one of its client has overtaken', () => {
    const early = operation('commit', 's', 1, 'a=1');
    store(batch([operation('commit', 's', 1, 'b=1')]));
    expect(batch([{ ...early }]).now.map(({ answer }) => answer)).to.deep.include.members([
      { kind: 'retry', clean: false, hint: undefined, why: 'a later operation of this client is known' },
    ]);
  });

  it('keeps what needs the incarnation of a create in flight for the next batch', () => {
    const made = batch([operation('create', 'u', undefined, 'new'), operation('commit', 'u', 1, 'a=1')]);
    expect(made.entries.map(({ kind }) => kind)).to.deep.equal(['create']);
    expect(tokensOf(made.rest.map((waiting) => ({ waiting })))).to.deep.equal([2]);
  });

  it('lets a destroy in flight end what comes behind it', () => {
    const made = batch([operation('destroy', 's', undefined), operation('commit', 's', 1, 'a=1')]);
    expect(made.entries.map(({ kind }) => kind)).to.deep.equal(['destroy']);
    expect(made.late.map(({ answer }) => answer)).to.deep.equal([{ kind: 'gone', ended: 'destroyed' }]);
  });

  it('is bounded in entries and bytes, takes at least one, and keeps the order of the rest', () => {
    const many = Array.from({ length: 10 }, (_, i) => operation('create', `m${i}`, undefined, 'x'.repeat(300)));
    const few = batch(many, { bytesMax: 10_000, entriesMax: 4 });
    expect([few.entries.length, few.rest.length]).to.deep.equal([4, 6]);
    const small = batch(many, { bytesMax: 1_000, entriesMax: 100 });
    expect(small.entries.length).to.be.within(1, 3);
    expect(small.rest.map((waiting) => waiting.operation)).to.deep.equal(many.slice(small.entries.length));
    const one = batch([operation('create', 'large', undefined, 'x'.repeat(5_000)), ...many.slice(0, 2)], {
      bytesMax: 1_000,
      entriesMax: 100,
    });
    expect(one.entries.map(({ session }) => session)).to.deep.equal(['large']);
  });

  it('refuses commits of a quarantined session, and also one that is found to be poison only now', () => {
    store(batch([operation('commit', 's', 1, 'poison')]));
    expect(batch([operation('commit', 's', 2, 'a=1')]).now[0]!.answer).to.include({
      kind: 'refused',
      code: 'SESSION_QUARANTINED',
    });
    expect(batch([operation('destroy', 's', undefined)]).entries, 'it can still be destroyed').to.have.length(1);
    expect(batch([operation('commit', 't', 1, 'a=1')]).entries).to.have.length(1);
  });

  it('says whether somebody waits for backups', () => {
    expect(batch([operation('commit', 's', 1, 'a=1')]).confirm).to.equal(false);
    expect(batch([operation('commit', 's', 1, 'a=1'), operation('commit', 't', 1, 'a=1', { backups: 1 })]).confirm).to.equal(
      true,
    );
  });

  it('does not merge once more what may have been stored and forgotten: only so many clients are remembered', () => {
    const lenient = {
      ...textBodies,
      merge: (_: unknown, __: unknown, ___: unknown, delta: Uint8Array) => ({ merged: true as const, delta }),
    };
    const make = (each: Operation): Batch => makeBatch(ledger, lenient, [{ token: ++tokens, operation: each }], 7_000, LIMITS);
    const by = (client: string, base: number): Operation => ({
      ...operation('commit', 's', base, 'a=1'),
      op: { client, counter: 1 },
    });
    const mine = by('me', 1);
    store(make(mine));
    const others = CLIENTS_MAX;
    for (let i = 0; i < others - 1; i++) store(make(by(`other ${i}`, 2 + i)));
    const answerOf = ({ now, entries }: Batch): unknown => now[0]?.answer.kind ?? entries[0]?.kind;
    expect(answerOf(make(mine)), 'it is still remembered').to.equal('done');
    for (let i = 0; i < 50; i++)
      store(make({ ...operation('touch', 's', undefined), op: { client: `toucher ${i}`, counter: 1 } }));
    expect(answerOf(make(mine)), 'touches are not remembered in its place').to.equal('done');
    store(make(by('the last', 1 + others)));
    expect(answerOf(make(mine))).to.equal('conflict');
    expect(answerOf(make(by('new, with a base that all who are remembered follow', 2)))).to.equal('commit');
    expect(answerOf(make(by('other 5', 1))), 'who is remembered is known').to.equal('done');
  });
});
