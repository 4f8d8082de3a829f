/**
 * Claims 1, 15 and 21. A server keeps the primary state of a session, and several application servers open it. When one of them
 * synchronises, its state is compared with a benchmark of how it was last time; only the part that differs is sent to the backup;
 * and afterwards the backup equals the primary.
 */
import 'reflect-metadata';
import { expect } from 'chai';
import { paths, Replica } from '../../src/diff/index.js';
import { Immutable, Mutable, Session } from '../../src/index.js';
import type { SessionStore } from '../../src/index.js';
import { refused } from '../store/refused.js';
import { claimGround, rebuilt } from './observer.js';
import type { ClaimGround } from './observer.js';

class Leg {
  @Immutable() from!: string;
  @Immutable() to!: string;
  @Mutable() seat?: string;
}

@Session({ name: 'booking' })
class Booking {
  @Immutable() customer!: string;
  @Mutable({ type: () => Leg }) legs: Leg[] = [];
  @Mutable() notes: Record<string, string> = {};
  @Mutable() terms = '';
}

const leg = (from: string, to: string): Leg => Object.assign(new Leg(), { from, to });

describe('claims 1, 15, 21: a primary state, a benchmark, a delta, a backup', function () {
  this.timeout(120_000);
  let ground: ClaimGround;
  let desk: SessionStore;
  let phone: SessionStore;

  before(async () => {
    ground = await claimGround({ sessions: [Booking] });
    // two application servers that hold nothing themselves
    desk = await ground.cluster.connect({ role: 'client', nodeId: 'desk' });
    phone = await ground.cluster.connect({ role: 'client', nodeId: 'phone' });
  });
  after(() => ground?.close());

  it('several application servers open the one primary state', async () => {
    const id = desk.idOf(await desk.create(Booking, { customer: 'Ada', legs: [leg('BER', 'LIS')] }));
    const opened = await Promise.all([desk, phone, ground.primary].map(async (server) => (await server.open(Booking, id))!));
    for (const booking of opened) expect(booking).to.deep.equal(opened[0]);
    expect(new Set(opened).size, 'each has an instance of its own').to.equal(3);
    await desk.update(Booking, id, (booking) => void (booking.legs[0]!.seat = '12A'));
    await phone.update(Booking, id, (booking) => void booking.legs.push(leg('LIS', 'BER')));
    const primary = (await ground.primary.open(Booking, id, { consistency: 'strong' }))!;
    expect(primary.legs.map(({ from, seat }) => [from, seat])).to.deep.equal([
      ['BER', '12A'],
      ['LIS', undefined],
    ]);
  });

  it('only what differs from the benchmark is sent', async () => {
    const terms = 'A text of the law that never changes. '.repeat(500);
    const booking = await desk.create(Booking, { customer: 'Ada', legs: [leg('BER', 'LIS'), leg('LIS', 'BER')], terms });
    const id = desk.idOf(booking);
    booking.legs[1]!.seat = '14C';
    const { bytes } = await desk.commit(booking);
    const [create] = await ground.eye.entriesOf(id);
    const [delta] = await ground.eye.deltasOf(id);
    expect(create!.payload.byteLength).to.be.greaterThan(18_000);
    expect(bytes).to.equal(delta!.byteLength).and.to.be.lessThan(20);
    expect(paths(Booking, delta!, Replica.restore(Booking, create!.payload))).to.deep.equal(['legs[1].seat']);
    expect(Buffer.from(delta!).includes('law'), 'nothing that did not change is in it').to.equal(false);
  });

  it('the benchmark is what was last synchronised: the next delta begins there, and where nothing differs nothing is sent', async () => {
    const booking = await desk.create(Booking, { customer: 'Ada' });
    const id = desk.idOf(booking);
    booking.notes['a'] = 'first';
    await desk.commit(booking);
    booking.notes['b'] = 'second';
    await desk.commit(booking);
    booking.notes['b'] = 'changed';
    booking.notes['b'] = 'second';
    expect((await desk.commit(booking)).bytes).to.equal(0);
    const deltas = await ground.eye.deltasOf(id);
    expect(deltas.map((delta) => Buffer.from(delta).includes('first'))).to.deep.equal([true, false]);
    expect(deltas.map((delta) => Buffer.from(delta).includes('second'))).to.deep.equal([false, true]);
  });

  it('the backup then equals the primary', async () => {
    const booking = await desk.create(Booking, { customer: 'Ada', legs: [leg('BER', 'LIS')] });
    const id = desk.idOf(booking);
    for (let i = 0; i < 10; i++) {
      booking.legs.push(leg(`A${i}`, `B${i}`));
      booking.notes[`n${i % 3}`] = `${i}`;
      if (i % 4 === 3) booking.legs.splice(1, 2);
      await desk.commit(booking, { ack: { backups: 1 } });
      // straight from the backup's own memory; nobody else is asked
      expect(await ground.backup.open(Booking, id, { consistency: 'local' })).to.deep.equal(booking);
    }
    expect(await ground.primary.open(Booking, id)).to.deep.equal(booking);
    expect(await rebuilt(ground.eye, Booking, id), 'by the deltas alone').to.deep.equal(booking);
  });

  it('a server that was not given the state anew takes the delta of another only by way of the log: both end alike', async () => {
    const booking = await desk.create(Booking, { customer: 'Ada' });
    const other = (await phone.open(Booking, desk.idOf(booking)))!;
    booking.notes['desk'] = 'd';
    other.notes['phone'] = 'p';
    await Promise.all([desk.commit(booking), phone.commit(other)]);
    await Promise.all([desk.refresh(booking), phone.refresh(other)]);
    expect(booking).to.deep.equal(other);
    expect(booking.notes).to.deep.equal({ desk: 'd', phone: 'p' });
    booking.terms = 'desk';
    other.terms = 'phone';
    await desk.commit(booking);
    await refused(phone.commit(other), 'CONFLICT', 'not-stored');
  });
});
