/** Questions to one node travel together where that costs nobody time, and each is answered once. */
import { expect } from 'chai';
import type { Bus, RequestResult } from '../../src/engine/port.js';
import { BATCH_PARTS_MAX, decodeMessage } from '../../src/node/message.js';
import type { Message, SingleMessage } from '../../src/node/message.js';
import { Questions } from '../../src/node/questions.js';
import type { Asked } from '../../src/node/questions.js';
import { encodeReply } from '../../src/node/reply.js';
import type { Reply } from '../../src/node/reply.js';
import { nodeId, partition, sequence, sessionId, version } from '../../src/shared/ids.js';
import { SimulatedTime } from '../../src/testing/simulated-time.js';

const TO = nodeId('there~1');
const P0 = partition(0);

function read(session: string, consistency: 'primary' | 'strong' = 'primary', waitMs = 0): SingleMessage {
  return {
    kind: 'read',
    partition: P0,
    read: { session: sessionId(session), consistency, known: undefined, atLeast: undefined },
    waitMs,
  };
}

function commit(counter: number, { backups = 0, bytes = 10 } = {}): SingleMessage {
  return {
    kind: 'operate',
    partition: P0,
    attempt: 0,
    operation: {
      kind: 'commit',
      session: sessionId(`s${counter}`),
      op: { client: 'me', counter },
      base: { version: version(1), incarnation: sequence(1) },
      className: 'cart',
      rebased: false,
      payload: new Uint8Array(bytes),
      backups,
      waitMs: 0,
    },
  };
}

/** Says which question it answers. */
function replyTo(message: Message): Reply {
  if (message.kind === 'read')
    return { kind: 'read', answer: { kind: 'quarantined', why: `${message.read.session} ${message.read.consistency}` } };
  if (message.kind === 'operate')
    return { kind: 'operate', answer: { kind: 'stored', version: version(message.operation.op.counter) } };
  if (message.kind === 'batch') return { kind: 'batch', parts: message.parts.map(replyTo) };
  throw new Error(`nobody asks ${message.kind} here`);
}

interface Sent {
  readonly message: Message;
  readonly bytes: number;
  readonly atMs: number;
  readonly timeoutMs: number;
  answer(result?: RequestResult | Reply): void;
}

describe('questions to other nodes', () => {
  let time: SimulatedTime;
  let sent: Sent[];
  let questions: Questions;
  let malformed: number;

  beforeEach(() => {
    time = new SimulatedTime();
    sent = [];
    malformed = 0;
    const request = (_to: unknown, body: Uint8Array, timeoutMs: number): Promise<RequestResult> =>
      new Promise((resolve) => {
        const message = decodeMessage(body);
        const timer = time.after(timeoutMs, () => resolve({ outcome: 'unknown', reason: 'late' }));
        sent.push({
          message,
          bytes: body.byteLength,
          atMs: time.now(),
          timeoutMs,
          answer: (result = replyTo(message)) => {
            timer.cancel();
            resolve('outcome' in result ? result : { outcome: 'answered', body: encodeReply(result) });
          },
        });
      });
    const bus = { request } as unknown as Bus;
    questions = new Questions({ bus, clock: time, malformed: () => malformed++ });
  });

  const turn = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  const what = (asked: Asked<Reply>): unknown => {
    if (asked.kind !== 'answered') return asked.kind;
    const { answer: reply } = asked;
    if (reply.kind === 'read' && reply.answer.kind === 'quarantined') return reply.answer.why;
    if (reply.kind === 'operate' && reply.answer.kind === 'stored') return reply.answer.version;
    return reply.kind;
  };
  const partsOf = ({ message }: Sent): number => (message.kind === 'batch' ? message.parts.length : 1);

  it('a lone one leaves at once, as it is, without any timer', async () => {
    const asked = questions.ask(TO, read('a'), 1_000);
    await turn();
    expect(sent.map(({ message, atMs }) => [message.kind, atMs])).to.deep.equal([['read', 0]]);
    sent[0]!.answer();
    expect(what(await asked)).to.equal('a primary');
  });

  it('those asked side by side leave in one message, and equal reads are one question of it', async () => {
    const asked = [read('a'), read('b'), read('a'), read('a')].map((message) => questions.ask(TO, message, 1_000));
    await turn();
    expect(sent.map(partsOf)).to.deep.equal([2]);
    sent[0]!.answer();
    expect((await Promise.all(asked)).map(what)).to.deep.equal(['a primary', 'b primary', 'a primary', 'a primary']);
  });

  it('an operation is never taken for another one, however equal they look', async () => {
    const asked = [commit(1), commit(1)].map((message) => questions.ask(TO, message, 1_000));
    await turn();
    expect(sent.map(partsOf)).to.deep.equal([2]);
    sent[0]!.answer();
    expect((await Promise.all(asked)).map(what)).to.deep.equal([1, 1]);
  });

  it('a read never shares a question that has left: the answer could be older than the asking', async () => {
    const first = questions.ask(TO, read('a'), 1_000);
    await turn();
    const second = questions.ask(TO, read('a'), 1_000);
    await turn();
    expect(sent).to.have.length(1);
    sent[0]!.answer({ kind: 'read', answer: { kind: 'quarantined', why: 'old' } });
    await turn();
    await time.runUntil(0);
    expect(sent).to.have.length(2);
    sent[1]!.answer({ kind: 'read', answer: { kind: 'quarantined', why: 'new' } });
    expect([what(await first), what(await second)]).to.deep.equal(['old', 'new']);
  });

  it('what gathers behind one under way leaves when that is answered', async () => {
    const first = questions.ask(TO, commit(1), 1_000);
    await turn();
    const others = [2, 3, 4].map((counter) => questions.ask(TO, commit(counter), 1_000));
    await turn();
    expect(sent).to.have.length(1);
    sent[0]!.answer();
    await first;
    await turn();
    await time.runUntil(0);
    expect(sent.map(partsOf)).to.deep.equal([1, 3]);
    sent[1]!.answer();
    expect((await Promise.all(others)).map(what)).to.deep.equal([2, 3, 4]);
  });

  it('and waits no longer than 2 ms for that: a lost message keeps nobody waiting', async () => {
    const lost = questions.ask(TO, commit(1), 1_000);
    await turn();
    await time.runUntil(5);
    const next = questions.ask(TO, commit(2), 1_000);
    await turn();
    await time.runUntil(20);
    expect(sent.map(({ atMs }) => atMs)).to.deep.equal([0, 7]);
    sent[1]!.answer();
    expect(what(await next)).to.equal(2);
    await time.runUntil(1_001);
    expect(what(await lost)).to.equal('lost');
  });

  it('reads of memory keep apart from what waits for the log', async () => {
    const asked = [read('a'), read('b', 'strong'), commit(1)].map((message) => questions.ask(TO, message, 1_000));
    await turn();
    expect(sent.map(partsOf)).to.deep.equal([1, 2]);
    for (const each of sent) each.answer();
    expect((await Promise.all(asked)).map(what)).to.deep.equal(['a primary', 'b strong', 1]);
  });

  it('what waits by itself goes alone: watchers, commits that wait for backups, large ones', async () => {
    const messages = [read('a', 'primary', 5_000), commit(1, { backups: 1 }), commit(2, { bytes: 50_000 }), commit(3), commit(4)];
    const asked = messages.map((message) => questions.ask(TO, message, 1_000));
    await turn();
    expect(sent.map(partsOf)).to.deep.equal([1, 1, 1, 2]);
    for (const each of sent) each.answer();
    expect((await Promise.all(asked)).map(what)).to.deep.equal(['a primary', 1, 2, 3, 4]);
  });

  it('a message holds a bounded number of questions and of bytes', async () => {
    const many = Array.from({ length: 600 }, (_, i) => questions.ask(TO, commit(i), 1_000));
    await turn();
    expect(sent.map(partsOf)).to.deep.equal([BATCH_PARTS_MAX, BATCH_PARTS_MAX]);
    await time.runUntil(3);
    expect(sent.map(partsOf)).to.deep.equal([BATCH_PARTS_MAX, BATCH_PARTS_MAX, 88]);
    for (const each of sent) each.answer();
    expect((await Promise.all(many)).map(what)).to.deep.equal(many.map((_, i) => i));
    sent = [];
    const bulky = Array.from({ length: 40 }, (_, i) => questions.ask(TO, commit(i, { bytes: 10_000 }), 1_000));
    await turn();
    await time.runUntil(10);
    expect(sent.length).to.be.within(3, 6);
    for (const each of sent) expect(each.bytes).to.be.lessThan(140_000);
    for (const each of sent) each.answer();
    expect((await Promise.all(bulky)).map(what)).to.deep.equal(bulky.map((_, i) => i));
  });

  it('what the node puts off is asked once more, alone, and within its time', async () => {
    const asked = [commit(1), commit(2)].map((message) => questions.ask(TO, message, 1_000));
    await turn();
    await time.runUntil(200);
    sent[0]!.answer({ kind: 'batch', parts: [replyTo(commit(1)), { kind: 'pending' }] });
    await turn();
    expect(sent.map(partsOf)).to.deep.equal([2, 1]);
    expect(sent[1]!.timeoutMs).to.equal(800);
    sent[1]!.answer();
    const answers = await Promise.all(asked);
    expect(answers.map(what)).to.deep.equal([1, 2]);
    const again = answers.map((each) => each.kind === 'answered' && each.again);
    expect(again, 'what became of the first copy is not known').to.deep.equal([undefined, true]);
    const gone = [commit(3), commit(4)].map((message) => questions.ask(TO, message, 1_000));
    await turn();
    await time.runUntil(205);
    sent[2]!.answer({ kind: 'batch', parts: [replyTo(commit(3)), { kind: 'pending' }] });
    await turn();
    sent[3]!.answer({ outcome: 'no-responders' });
    expect((await Promise.all(gone)).map(what), 'the first copy reached somebody').to.deep.equal([3, 'lost']);
  });

  it('a node that does not understand batches is asked one by one', async () => {
    const asked = [commit(1), commit(2)].map((message) => questions.ask(TO, message, 1_000));
    await turn();
    sent[0]!.answer({ kind: 'malformed', why: 'a message of kind batch' });
    await turn();
    expect(sent.map(partsOf)).to.deep.equal([2, 1, 1]);
    sent[1]!.answer();
    sent[2]!.answer();
    expect((await Promise.all(asked)).map(what)).to.deep.equal([1, 2]);
  });

  it('nobody there, no answer, an unreadable answer: each of a batch is told the same', async () => {
    const results: readonly (readonly [RequestResult, string])[] = [
      [{ outcome: 'no-responders' }, 'absent'],
      [{ outcome: 'unknown', reason: 'x' }, 'lost'],
      [{ outcome: 'answered', body: new Uint8Array([1, 2, 3]) }, 'lost'],
    ];
    for (const [result, expected] of results) {
      sent = [];
      const asked = [commit(1), commit(2), commit(3)].map((message) => questions.ask(TO, message, 1_000));
      await turn();
      sent[0]!.answer(result);
      expect((await Promise.all(asked)).map(what)).to.deep.equal([expected, expected, expected]);
    }
    expect(malformed).to.equal(1);
  });

  it('each asker gives up at its own time', async () => {
    const short = questions.ask(TO, read('a'), 100);
    const long = questions.ask(TO, read('a'), 1_000);
    await turn();
    expect(sent.map(partsOf)).to.deep.equal([1]);
    let over = 0;
    void short.then(() => (over = time.now()));
    await time.runUntil(500);
    expect([what(await short), over]).to.deep.equal(['lost', 100]);
    sent[0]!.answer();
    expect(what(await long)).to.equal('a primary');
  });
});
