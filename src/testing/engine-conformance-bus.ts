/** What every engine's bus must do. */
import assert from 'node:assert/strict';
import { nodeId } from '../shared/ids.js';
import { assertAnswered, assertBytes, ODD_NAMES, patterned, readText, text, type EngineCase } from './engine-world.js';

const reversed = (body: Uint8Array): Uint8Array => new Uint8Array(body).toReversed();

const PATIENT_MS = 10_000;
const BRIEF_MS = 100;

export const BUS_CASES: readonly EngineCase[] = [
  {
    name: 'bus: a request is answered by the node that it names, by many at once and each with its own answer',
    async run(room) {
      const [a, b] = [room.node(), room.node()];
      const [first, second] = [await room.connect({ node: a }), await room.connect({ node: b })];
      first.bus.serve((body) => text(`a: ${readText(body)}`));
      second.bus.serve(async (body) => {
        await room.pause(readText(body).length);
        return text(`b: ${readText(body)}`);
      });
      await room.until('both serve', async () => {
        const answers = await Promise.all([a, b].map((to) => first.bus.request(to, text('?'), PATIENT_MS)));
        return answers.every(({ outcome }) => outcome === 'answered');
      });
      const asked = Array.from({ length: 100 }, async (_, i) => {
        const body = `${'.'.repeat(i % 7)}${i}`;
        assert.equal(readText(assertAnswered(await first.bus.request(b, text(body), PATIENT_MS))), `b: ${body}`);
        assert.equal(readText(assertAnswered(await second.bus.request(a, text(body), PATIENT_MS))), `a: ${body}`);
      });
      await Promise.all(asked);
      assert.equal(readText(assertAnswered(await first.bus.request(a, text('myself'), PATIENT_MS))), 'a: myself');
      assert.equal(assertAnswered(await first.bus.request(b, new Uint8Array(0), PATIENT_MS)).byteLength, 3);
    },
  },
  {
    name: 'bus: a request to nobody says so, also to a node that has stopped serving or has left',
    async run(room) {
      const [a, b] = [room.node(), room.node()];
      const [asking, serving] = [await room.connect({ node: a }), await room.connect({ node: b })];
      // brief: a request that crosses the end of a subscription reaches nobody and is answered by nobody
      const ask = (to = b) => asking.bus.request(to, text('?'), 5 * BRIEF_MS);
      assert.deepEqual(await ask(nodeId('nobody~0')), { outcome: 'no-responders' });
      assert.deepEqual(await ask(), { outcome: 'no-responders' });
      const subscription = serving.bus.serve(() => text('!'));
      await room.until('it answers', async () => (await ask()).outcome === 'answered');
      subscription.stop();
      await room.until('it answers no more', async () => (await ask()).outcome === 'no-responders');
      serving.bus.serve(() => text('!'));
      await room.until('it answers again', async () => (await ask()).outcome === 'answered');
      await serving.close();
      await room.until('nobody is there', async () => (await ask()).outcome === 'no-responders');
    },
  },
  {
    name: 'bus: where no answer comes the result is unknown, and a late answer disturbs nobody',
    async run(room) {
      const [a, b] = [room.node(), room.node()];
      const [asking, serving] = [await room.connect({ node: a }), await room.connect({ node: b })];
      let release: () => void = () => undefined;
      const released = new Promise<void>((resolve) => (release = resolve));
      serving.bus.serve(async (body) => {
        if (readText(body) === 'silent') return undefined;
        if (readText(body) === 'late') await released;
        return body;
      });
      await room.until('it serves', async () => (await asking.bus.request(b, text('?'), PATIENT_MS)).outcome === 'answered');
      const answers = await Promise.all(['silent', 'late'].map((body) => asking.bus.request(b, text(body), BRIEF_MS)));
      for (const answer of answers) assert.equal(answer.outcome, 'unknown');
      release();
      for (let i = 0; i < 5; i++) {
        assert.equal(readText(assertAnswered(await asking.bus.request(b, text(`after ${i}`), PATIENT_MS))), `after ${i}`);
      }
    },
  },
  {
    name: 'bus: what a node is told arrives where it serves',
    async run(room) {
      const [a, b] = [room.node(), room.node()];
      const [telling, serving] = [await room.connect({ node: a }), await room.connect({ node: b })];
      const told: string[] = [];
      serving.bus.serve((body) => {
        told.push(readText(body));
        return text('nobody waits for this');
      });
      await room.until('it is told', () => {
        telling.bus.tell(b, text('news'));
        return told.length > 0;
      });
      assert.equal(told[0], 'news');
      telling.bus.tell(nodeId('nobody~0'), text('lost'));
    },
  },
  {
    name: 'bus: every other process hears an announcement until it stops hearing',
    async run(room) {
      const connections = await Promise.all([room.connect(), room.connect(), room.connect()]);
      const heard: string[][] = [[], [], []];
      const subscriptions = connections.map(({ bus }, i) => bus.hear((body) => heard[i]!.push(readText(body))));
      await room.until('both others have heard', () => {
        connections[0].bus.announce(text('first'));
        return heard[1]!.includes('first') && heard[2]!.includes('first');
      });
      subscriptions[1]!.stop();
      await room.until('the one that still hears has heard', () => {
        connections[0].bus.announce(text('second'));
        return heard[2]!.includes('second');
      });
      await room.pause(50);
      assert.ok(!heard[1]!.includes('second'));
    },
  },
  {
    name: 'bus: bodies and answers of any size arrive whole, several at once',
    async run(room) {
      const [a, b] = [room.node(), room.node()];
      const [asking, serving] = [await room.connect({ node: a }), await room.connect({ node: b })];
      const max = asking.messageBytesMax;
      serving.bus.serve((body) => reversed(body));
      const heard: Uint8Array[] = [];
      serving.bus.hear((body) => heard.push(body));
      const bodies = [max - 1, max, max + 1, 4 * max + 3].map((size, i) => patterned(size, i));
      await room.until('it answers', async () => (await asking.bus.request(b, text('?'), PATIENT_MS)).outcome === 'answered');
      const answers = await Promise.all(bodies.map((body) => asking.bus.request(b, body, PATIENT_MS)));
      for (const [i, body] of bodies.entries()) {
        assertBytes(assertAnswered(answers[i]!), reversed(body), `the answer to ${body.byteLength} bytes`);
      }
      await room.until('a large announcement is heard', () => {
        if (heard.length === 0) asking.bus.announce(bodies[3]!);
        return heard.length > 0;
      });
      assertBytes(heard[0], bodies[3]!, 'the announcement');
    },
  },
  {
    name: 'bus: nodes may have any name, and similar names are different nodes',
    async run(room) {
      const connections = await Promise.all(ODD_NAMES.map((name) => room.connect({ node: nodeId(name) })));
      connections.forEach(({ bus }, i) => bus.serve(() => text(`I am ${ODD_NAMES[i]}`)));
      const asking = connections[0]!;
      for (const name of ODD_NAMES) {
        await room.until(
          'it answers',
          async () => (await asking.bus.request(nodeId(name), text('?'), PATIENT_MS)).outcome === 'answered',
        );
        assert.equal(readText(assertAnswered(await asking.bus.request(nodeId(name), text('?'), PATIENT_MS))), `I am ${name}`);
      }
    },
  },
  {
    name: 'bus: a node that is cut off gets no answer, and is served again when it is back',
    needs: ['cut'],
    async run(room) {
      const [a, b] = [room.node(), room.node()];
      const [asking, serving] = [await room.connect({ node: a }), await room.connect({ node: b })];
      serving.bus.serve(() => text('!'));
      const ask = (timeoutMs: number) => asking.bus.request(b, text('?'), timeoutMs);
      await room.until('it answers', async () => (await ask(PATIENT_MS)).outcome === 'answered');
      const mend = await room.world.cut!([a]);
      try {
        assert.equal((await ask(BRIEF_MS)).outcome, 'unknown');
      } finally {
        await mend();
      }
      await room.until('it answers again', async () => (await ask(1000)).outcome === 'answered');
    },
  },
];
