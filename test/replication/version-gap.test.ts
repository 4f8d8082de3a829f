/** What a record says of a session must follow the version that the session is at, here or in its stored snapshot. */
import { expect } from 'chai';
import type { LoadedSession } from '../../src/replication/applied.js';
import type { Entry } from '../../src/replication/record.js';
import { freshState } from '../../src/replication/session-state.js';
import { SessionTable } from '../../src/replication/session-table.js';
import { gapBefore, gapBehind, heldAlready } from '../../src/replication/version-gap.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { revision, sequence, sessionId, version } from '../../src/shared/ids.js';
import { entry, textBodies } from './fixtures.js';
import type { TextBody } from './fixtures.js';

const AT = sequence(10);

describe('a version gap', () => {
  let sessions: SessionTable<TextBody>;
  beforeEach(() => (sessions = new SessionTable(textBodies, 100)));

  function stands(id: string, at: number, changed: number, more: { quarantine?: TwinstateError } = {}): void {
    const state = freshState<TextBody>(sessionId(id));
    sessions.store({ ...state, version: version(at), sequence: sequence(changed), dead: false, ...more });
  }
  const before = (entries: readonly Entry[], loading = false): string | undefined =>
    gapBefore(AT, entries, heldAlready(AT, entries, sessions), sessions, loading);

  it('is none where each entry follows the one before it', () => {
    stands('s', 3, 9);
    expect(before([entry('commit', 's', 3), entry('create', 't', 0), entry('touch', 's', 4), entry('destroy', 's', 4)])).to.equal(
      undefined,
    );
  });

  it('is told with the record, and all three versions', () => {
    stands('s', 3, 9);
    expect(before([entry('commit', 's', 5)])).to.equal('record 10 takes a session to version 6 from 5, not from 3');
    expect(before([entry('commit', 's', 3), entry('commit', 's', 5)])).to.equal(
      'record 10 takes a session to version 6 from 5, not from 4',
    );
    expect(before([entry('commit', 'nobody', 2)])).to.equal('record 10 takes a session to version 3 from 2, not from 0');
  });

  it('is none for what a snapshot taken behind the record holds, whatever kind of entry it is', () => {
    stands('s', 5, 10);
    expect(before([entry('commit', 's', 3)])).to.equal(undefined);
    expect(before([entry('touch', 's', 3)])).to.equal(undefined);
    expect(before([entry('touch', 's', 7)])).to.equal(undefined);
  });

  it('is none for a version that the session has left behind, but for a touch at one', () => {
    stands('s', 5, 9);
    expect(before([entry('commit', 's', 3)])).to.equal(undefined);
    expect(before([entry('touch', 's', 3)])).to.match(/to version 3 from 3, not from 5/);
  });

  it('is none for what is quarantined: it has no history that could be missing', () => {
    stands('s', 3, 9, { quarantine: new TwinstateError('SESSION_QUARANTINED', 'no') });
    expect(before([entry('commit', 's', 7)])).to.equal(undefined);
  });

  it('of a session that may be stored is told when that comes, unless it was created here', () => {
    expect(before([entry('commit', 's', 7)], true)).to.equal(undefined);
    expect(before([entry('create', 's', 0), entry('commit', 's', 7)], true)).to.match(/to version 8 from 7, not from 1/);
    stands('t', 3, 9);
    expect(before([entry('commit', 't', 7)], true), 'it is here').to.match(/from 7, not from 3/);
  });

  it('is none for a life that begins where a tombstone was forgotten', () => {
    stands('s', 4, 9);
    const forget = entry('forget', 's', 4, '', { to: version(4) });
    expect(before([forget, entry('create', 's', 0)])).to.equal(undefined);
    expect(before([entry('forget', 't', 4, '', { to: version(4) })]), 'who has no tombstone has forgotten it').to.equal(
      undefined,
    );
  });

  it('is looked for between a stored session and what the log has said since', () => {
    const at3: LoadedSession = {
      header: { ...freshState(sessionId('s')), version: version(3) },
      sequence: sequence(5),
      trueUpTo: sequence(5),
      snapshot: new Uint8Array(0),
      digest: 0,
      revision: revision(1),
    };
    const said = (...entries: Entry[]) => entries.map((each, i) => ({ at: sequence(20 + i), entry: each }));
    expect(gapBehind(at3, said(entry('commit', 's', 2), entry('commit', 's', 3), entry('commit', 's', 4)))).to.equal(undefined);
    expect(gapBehind(at3, said(entry('commit', 's', 3), entry('commit', 's', 5)))).to.equal(
      'record 21 takes a session to version 6 from 5, not from 4',
    );
    expect(gapBehind(undefined, said(entry('commit', 's', 3)))).to.match(/from 3, not from 0/);
    const unreadable: LoadedSession = { unreadable: sessionId('s'), error: new Error('no'), revision: revision(1) };
    expect(gapBehind(unreadable, said(entry('commit', 's', 3))), 'nobody knows what it was at').to.equal(undefined);
  });
});
