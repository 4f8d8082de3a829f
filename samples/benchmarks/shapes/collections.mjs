/** Shapes of one large value: a Map, a buffer, a conversation. */
import { schema, t } from '@colyseus/schema';

const ENTRIES = 5000;
const PLAYER = { name: 'Player', mutable: { score: 'any', nick: 'any' } };
const keyOf = (i) => `player-${i}`;

export const map = {
  name: 'map-5000',
  title: 'a Map of 5,000 entries, each an object of two fields',
  description: { name: 'Ranking', mutable: { round: 'any', players: PLAYER } },
  plain: () => ({
    round: 1,
    players: new Map(Array.from({ length: ENTRIES }, (_, i) => [keyOf(i), { score: i, nick: `nick ${i}` }])),
  }),
  colyseus() {
    const player = schema({ score: t.number(), nick: t.string() }, 'Player');
    const ranking = schema({ round: t.number(), players: t.map(player) }, 'Ranking');
    return {
      type: ranking,
      make(plain) {
        const made = Object.assign(new ranking(), { round: plain.round });
        for (const [key, value] of plain.players) made.players.set(key, Object.assign(new player(), value));
        return made;
      },
    };
  },
  changes: [
    { name: 'none', apply() {} },
    { name: 'scalar', apply: (state, i) => (state.round = 1000 + (i & 8191)) },
    { name: 'entry', apply: (state, i) => (state.players.get(keyOf(ENTRIES >> 1)).score = 10_000 + (i & 8191)) },
  ],
};

const BYTES = 2 * 1024 * 1024;

export const buffer = {
  name: 'buffer-2MB',
  title: 'a Buffer of 2 MB, edited in place',
  description: { name: 'Image', mutable: { title: 'any', pixels: 'any' } },
  plain() {
    const pixels = Buffer.alloc(BYTES);
    for (let i = 0, x = 1; i < BYTES; i++) {
      x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
      pixels[i] = x >>> 16;
    }
    return { title: 'photo', pixels };
  },
  changes: [
    { name: 'none', apply() {} },
    { name: 'one byte', apply: (state, i) => (state.pixels[BYTES >> 1] = i & 255) },
    {
      name: 'twenty',
      apply(state, i) {
        for (let k = 0; k < 20; k++) state.pixels[k * 100_000 + 7] = (i + k) & 255;
      },
    },
  ],
};

const MESSAGE = { name: 'Message', mutable: { role: 'any', content: 'any', at: 'any' } };
const messageAt = (i) => ({
  role: i % 2 === 0 ? 'user' : 'assistant',
  content: `Message ${i}: ${'the quick brown fox jumps over the lazy dog; '.repeat(5)}`,
  at: 1_790_000_000 + i,
});

const conversationOf = (name, title, changes) => ({
  name,
  title,
  description: { name: 'Conversation', mutable: { topic: 'any', messages: MESSAGE } },
  element: MESSAGE,
  plain: () => ({ topic: 'foxes', messages: Array.from({ length: 500 }, (_, i) => messageAt(i)) }),
  colyseus() {
    const message = schema({ role: t.string(), content: t.string(), at: t.number() }, 'Message');
    const conversation = schema({ topic: t.string(), messages: t.array(message) }, 'Conversation');
    const toMessage = (plain) => Object.assign(new message(), plain);
    return {
      type: conversation,
      element: toMessage,
      make(plain) {
        const made = Object.assign(new conversation(), { topic: plain.topic });
        for (const one of plain.messages) made.messages.push(toMessage(one));
        return made;
      },
    };
  },
  byHand: { scalars: ['topic'], list: { name: 'messages', scalars: ['role', 'content', 'at'], nested: {} } },
  changes,
});

export const conversation = conversationOf(
  'conversation-500',
  'a conversation of 500 messages of about 240 characters that only grows (cut back to 500 after every 200)',
  [
    { name: 'none', apply() {} },
    {
      name: 'append',
      apply(state, i, element) {
        if (state.messages.length >= 700) state.messages.splice(500, 200);
        state.messages.push(element(messageAt(500 + (i & 8191))));
      },
    },
    {
      name: 'token',
      apply(state, i) {
        const last = state.messages[499];
        last.content = last.content.length > 2000 ? 'again' : `${last.content} t${i & 7}`;
      },
    },
  ],
);
