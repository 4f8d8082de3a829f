import { expect } from 'chai';
import { Benchmark } from '../../src/diff/index.js';
import { atRestBodies } from '../../src/node/bodies.js';
import { digestOf } from '../../src/replication/drift.js';
import type { Effect } from '../../src/replication/effect.js';
import { Ledger } from '../../src/replication/ledger.js';
import type { MachineOptions } from '../../src/replication/machine-options.js';
import { decodeRecord, encodeRecord } from '../../src/replication/record.js';
import { decodeStored, encodeStored } from '../../src/replication/session-state.js';
import { DEFAULT_TIMING } from '../../src/replication/timing.js';
import { Upkeep } from '../../src/replication/upkeep.js';
import type { AtRest } from '../../src/session/at-rest.js';
import { epoch, nodeId, partition, revision, sequence, sessionId, version } from '../../src/shared/ids.js';
import { World } from '../diff/world.js';

const ID = sessionId('s');
const snapshot = Benchmark.of(new World()).snapshot();
const node = nodeId('a~1');

const options: MachineOptions<AtRest> = {
  partition: partition(0),
  self: node,
  incarnation: 'i',
  bodies: atRestBodies,
  timing: DEFAULT_TIMING,
  limits: { bytesMax: 1_000_000, entriesMax: 100 },
  takeover: 'fast',
};

function replica(): { readonly ledger: Ledger<AtRest>; readonly upkeep: Upkeep<AtRest>; readonly effects: Effect[] } {
  const ledger = new Ledger(atRestBodies);
  const effects: Effect[] = [];
  const lead = encodeRecord({ type: 'lead', id: 'l', prev: { sequence: sequence(0), id: '' }, node });
  const op = { client: 'c', counter: 1 };
  const create = { kind: 'create', session: ID, op, from: version(0), to: version(1), incarnation: sequence(0) } as const;
  const entries = [{ ...create, atMs: 1, className: 'world', payload: snapshot }];
  const prev = { sequence: sequence(1), id: 'l' };
  ledger.apply(sequence(1), lead);
  ledger.apply(sequence(2), encodeRecord({ type: 'commit', id: 'm', prev, epoch: epoch(1), node, confirm: false, entries }));
  return { ledger, upkeep: new Upkeep(options, (effect) => void effects.push(effect)), effects };
}

const digest = (of: number, at = 1) => ({ session: ID, incarnation: sequence(2), version: version(at), digest: of });
const own = digestOf(snapshot);

describe('a digest', () => {
  for (const [where, compare] of [
    [
      'in a looked-up snapshot',
      ({ ledger, upkeep }: ReturnType<typeof replica>, found: ReturnType<typeof digest>) =>
        upkeep.lookedUp(ledger, ID, { revision: revision(5), trueUpTo: sequence(1), digest: found }),
    ],
    [
      'in a checkpoint',
      ({ ledger, upkeep }: ReturnType<typeof replica>, found: ReturnType<typeof digest>) => {
        const frame = { type: 'checkpoint', id: 'k', prev: { sequence: sequence(2), id: 'm' }, epoch: epoch(1), node } as const;
        const record = decodeRecord(
          encodeRecord({ ...frame, floor: sequence(1), revision: revision(5), digests: [found], seeding: undefined }),
        );
        if (record.type === 'checkpoint') upkeep.noteCheckpoint(ledger, record);
      },
    ],
  ] as const) {
    it(`${where} that is the own one, or of another version, says nothing`, () => {
      const all = replica();
      compare(all, digest(own));
      compare(all, digest(own ^ 1, 2));
      expect(all.ledger.sessions.takeDrift()).to.equal(undefined);
      expect(all.ledger.session(ID)!.quarantine).to.equal(undefined);
    });

    it(`${where} that differs asks once for a new beginning, and then quarantines what that did not mend`, () => {
      const all = replica();
      compare(all, digest(own ^ 1));
      expect(all.ledger.sessions.takeDrift()?.session).to.equal(ID);
      expect(all.ledger.session(ID)!.quarantine).to.equal(undefined);
      compare(all, digest(own ^ 1));
      expect(all.ledger.sessions.takeDrift()).to.equal(undefined);
      expect(all.ledger.session(ID)!.quarantine?.code).to.equal('SESSION_QUARANTINED');
      expect(all.ledger.session(ID)!.body).to.equal(undefined);
      const notices = all.effects.map((effect) => effect.type === 'notice' && effect.notice.kind);
      expect(notices).to.deep.equal(['drift']);
    });
  }

  it('travels with a stored session, and one that is not of its state is refused', () => {
    const header = replica().ledger.session(ID)!;
    const stored = { header, sequence: sequence(2), trueUpTo: sequence(2), snapshot };
    expect(decodeStored(encodeStored({ ...stored, digest: own })).digest).to.equal(own);
    expect(() => decodeStored(encodeStored({ ...stored, digest: own ^ 1 }))).to.throw('a state with the digest');
  });
});
