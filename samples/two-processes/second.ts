/** Another process: reads the same call, checks that it is the same, and answers. */
import { strict as assert } from 'node:assert';
import { connect } from 'twinstate';
import { natsEngine } from 'twinstate/nats';
import { Call, Participant, Remark } from './call.js';

const engine = natsEngine({ servers: process.argv[2] ?? 'nats://localhost:4222' });
const store = await connect({ sessions: [Call], engine, cluster: 'help-desk', backups: 1 });

const call = await store.open(Call, 'call/7 *.>');
assert(call instanceof Call);
assert.equal(call.topic, 'no dial tone');
assert.deepEqual([...call.participants.keys()], ['Ines', 'Omar']);
const omar = call.participants.get('Omar');
assert(omar instanceof Participant && omar.muted);
assert.deepEqual(omar.joinedAt, new Date('2026-11-20T08:00:00Z'));
assert.equal(call.speaker, omar, 'the speaker is the participant, not a copy');
assert.equal(call.remarks[0]?.by, omar, 'and so is whose remark it was');
assert.deepEqual(call.lastHeardAt, new Date('2026-11-20T08:02:00Z'));
console.log(`second: read version ${store.versionOf(call)}, Omar is ${omar.muted ? 'muted' : 'heard'}`);

const ines = call.participants.get('Ines')!;
call.remarks.push(Object.assign(new Remark(), { text: 'It is now.', by: ines }));
call.speaker = ines;
const { version, bytes } = await store.commit(call);
console.log(`second: version ${version} in ${bytes} bytes`);
await store.close();
