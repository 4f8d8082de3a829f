/** The process that answers the call and commits what is said. Give it the NATS server's address; SIGINT and SIGTERM drain it. */
import { connect } from 'twinstate';
import { natsEngine } from 'twinstate/nats';
import { Call, Participant, Remark } from './call.js';

const engine = natsEngine({ servers: process.argv[2] ?? 'nats://localhost:4222' });
const store = await connect({ sessions: [Call], engine, cluster: 'help-desk', backups: 1 });
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void store.drain());

const call = await store.create(Call, { topic: 'no dial tone' }, { id: 'call/7 *.>' });
for (const name of ['Ines', 'Omar']) {
  call.participants.set(name, Object.assign(new Participant(), { name, joinedAt: new Date('2026-11-20T08:00:00Z') }));
}
const omar = call.participants.get('Omar')!;
call.remarks.push(Object.assign(new Remark(), { text: 'Is it plugged in?', by: omar }));
call.speaker = omar;
call.lastHeardAt = new Date('2026-11-20T08:02:00Z');
const whole = await store.commit(call);

omar.muted = true;
const small = await store.commit(call);
console.log(`first: version ${whole.version} in ${whole.bytes} bytes, version ${small.version} in ${small.bytes}`);
