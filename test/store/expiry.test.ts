/** Sessions that expire, as an application sees them. */
import 'reflect-metadata';
import { expect } from 'chai';
import { Mutable, Session } from '../../src/index.js';
import type { SessionStore } from '../../src/index.js';
import { refused } from './refused.js';
import { clusterOf, inBothWorlds, pause, until } from './world.js';

@Session({ name: 'login', ttl: '1s' })
class Login {
  @Mutable() pages = 0;
}

@Session({ name: 'ticket', maxAge: '500ms' })
class Ticket {
  @Mutable() seat = 0;
}

@Session({ name: 'long', ttl: '30m' })
class Long {
  @Mutable() n = 0;
}

inBothWorlds('sessions that expire', (world) => {
  const cluster = clusterOf(world, 2, { sessions: [Login, Ticket, Long], backups: 1 });
  const here = (): SessionStore => cluster().stores[0]!;
  const there = (): SessionStore => cluster().stores[1]!;

  it('are gone for everybody once nobody has used them for their ttl, and stay so', async () => {
    const login = await here().create(Login);
    const id = here().idOf(login);
    const held = (await there().open(Login, id))!;
    const changes = here().watch(Login, id)[Symbol.asyncIterator]();
    const ended = changes.next();
    expect((await ended).done, 'a watch ends').to.equal(true);
    expect(await there().open(Login, id)).to.equal(undefined);
    expect(await here().open(Login, id, { consistency: 'strong' })).to.equal(undefined);
    login.pages = 1;
    const { message } = await refused(here().commit(login), 'SESSION_GONE', 'not-stored');
    expect(message).to.contain('expired').and.contain('ttl');
    held.pages = 7;
    await refused(there().commit(held), 'SESSION_GONE', 'not-stored');
    await refused(here().refresh(login), 'SESSION_GONE');
    await refused(here().touch(Login, id), 'SESSION_GONE', 'not-stored');
    expect(await here().destroy(Login, id)).to.equal(false);
    expect(await here().count(Login)).to.equal(0);
    expect(await there().open(Login, id)).to.equal(undefined);
  });

  it('live on while they are opened, touched or changed, from any process', async () => {
    const login = await here().create(Login);
    const id = here().idOf(login);
    for (let i = 1; i <= 10; i++) {
      await pause(130);
      if (i % 3 === 0) await there().touch(Login, id);
      else if (i % 3 === 1) expect(await there().open(Login, id)).to.not.equal(undefined);
      else await there().update(Login, id, (each) => void each.pages++);
    }
    expect((await here().open(Login, id))?.pages).to.equal(3);
    await until('it expires once it is left alone', async () => (await here().count(Login)) === 0);
  });

  it('are gone at their maxAge although they are in use, and one of the same id may be made again', async () => {
    const ticket = await here().create(Ticket, {}, { id: 'seat 9' });
    await until('it expires', async () => {
      ticket.seat++;
      return here()
        .commit(ticket)
        .then(
          () => false,
          (error: Error) => {
            expect(error.message).to.contain('maxAge');
            return true;
          },
        );
    });
    await there().create(Ticket, { seat: 2 }, { id: 'seat 9' });
    expect((await here().open(Ticket, 'seat 9'))?.seat).to.equal(2);
  });

  it('keep the lifetime that they were created with, and others are left alone', async () => {
    const long = await here().create(Long);
    await here().create(Login);
    await until('the short one expires', async () => (await here().count(Login)) === 0);
    long.n = 1;
    expect((await here().commit(long)).version).to.equal(2);
  });
});
