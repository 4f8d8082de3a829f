/**
 * `npm run sample:agent`: an agent's conversation that grows to 500 messages, kept on two servers, and what keeping it costs
 * beside a checkpoint of the whole after each step.
 *
 * Invariant: it ends with code 0 only if the server that takes over holds every message, tool results and references included.
 */
import { strict as assert } from 'node:assert';
import { connect, Immutable, memoryEngine, Mutable, Session } from 'twinstate';

class ToolResult {
  @Immutable() tool!: string;
  @Immutable() found!: Map<string, number>;
  @Mutable() usedBy = 0;
}

class Message {
  @Immutable() role!: 'user' | 'assistant' | 'tool';
  @Immutable() at!: Date;
  /** An answer grows token by token. */
  @Mutable() text = '';
  @Mutable(() => ToolResult) result?: ToolResult;
}

@Session({ name: 'conversation' })
class Conversation {
  @Immutable() agent!: string;
  @Mutable(() => Message) messages: Message[] = [];
  /** The results that still matter: the same objects as in the messages. */
  @Mutable(() => ToolResult) memory = new Set<ToolResult>();
  @Mutable() tokens = 0;
}

const MESSAGES = 500;
/** The first server drains after so many messages: a deploy. */
const DEPLOY_AT = 300;
const WORDS =
  'the cart holds two kinds of tea and the green one is out of stock until next week so I would offer the other'.split(' ');
const BARS = 10;
const BAR_WIDTH = 40;

const engine = memoryEngine();
const options = { sessions: [Conversation], engine, cluster: 'agents', backups: 1 } as const;
const first = await connect({ ...options, nodeId: 'server-1' });
const second = await connect({ ...options, nodeId: 'server-2' });

let store = first;
let talk = await first.create(Conversation, { agent: 'shop-assistant' });
const id = first.idOf(talk);

/** Bytes written after each message: by Twinstate, and by whole states as JSON, which lose the dates, maps and references. */
const written: { readonly delta: number; readonly whole: number }[] = [];
let delta = 0;
let whole = 0;

async function keep(): Promise<void> {
  delta += (await store.commit(talk)).bytes;
  whole += Buffer.byteLength(JSON.stringify(talk));
}

function say(role: Message['role'], text: string): Message {
  const message = Object.assign(new Message(), { role, at: new Date(1_790_000_000_000 + talk.messages.length * 1_000), text });
  talk.messages.push(message);
  return message;
}

for (let i = 0; i < MESSAGES; i++) {
  if (i === DEPLOY_AT) {
    await first.drain();
    store = second;
    talk = (await second.open(Conversation, id))!;
  }
  if (i % 5 === 2) {
    const result = Object.assign(new ToolResult(), {
      tool: 'stock',
      found: new Map([
        ['green tea', i % 7],
        ['oolong', i],
      ]),
    });
    say('tool', `looked up ${i}`).result = result;
    talk.memory.add(result);
    if (talk.memory.size > 8) talk.memory.delete(talk.memory.values().next().value!);
    await keep();
  } else if (i % 2 === 0) {
    say('user', `And what about number ${i}?`);
    await keep();
  } else {
    const answer = say('assistant', '');
    // a step is kept every few words, so that nobody who reloads the page sees an answer vanish
    for (let word = 0; word < WORDS.length; word += 6) {
      answer.text += `${WORDS.slice(word, word + 6).join(' ')} `;
      talk.tokens += 6;
      for (const result of talk.memory) result.usedBy = answer.text.length;
      await keep();
    }
  }
  written.push({ delta, whole });
}

const kept = (await second.open(Conversation, id))!;
assert.deepEqual(kept, talk);
assert(kept.messages.every((message) => message instanceof Message && message.at instanceof Date));
assert(
  [...kept.memory].every((result) => kept.messages.some((message) => message.result === result)),
  'the same objects',
);

const kB = (bytes: number): string => `${(bytes / 1000).toFixed(bytes < 100_000 ? 1 : 0)} kB`;
console.log(
  `${MESSAGES} messages, ${kept.tokens} tokens, ${store.versionOf(talk)} versions; server-1 was drained at message ${DEPLOY_AT}.`,
);
console.log('\nBytes written, █ whole states as JSON, ▒ deltas:\n');
for (let k = 1; k <= BARS; k++) {
  const point = written[Math.floor((k * MESSAGES) / BARS) - 1]!;
  const width = (bytes: number): number => Math.max(1, Math.round((BAR_WIDTH * bytes) / whole));
  console.log(
    `${String((k * MESSAGES) / BARS).padStart(5)} ${'█'.repeat(width(point.whole)).padEnd(BAR_WIDTH)} ${kB(point.whole)}`,
  );
  console.log(`${''.padStart(5)} ${'▒'.repeat(width(point.delta)).padEnd(BAR_WIDTH)} ${kB(point.delta)}`);
}
console.log(`\nTogether ${kB(delta)} instead of ${kB(whole)}: ${(whole / delta).toFixed(0)} times less.`);
await second.close();
