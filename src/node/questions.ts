/**
 * What this process asks other nodes, on its way.
 *
 * Invariant: every question ends once: with a reply, with `absent` (it reached nobody), or with `lost`. One that meets no other on
 * its way to the same node leaves in the same turn; else it waits until an answer comes back, and no longer than `GATHER_MS`, and
 * leaves with whatever has gathered, in one message. Equal reads that leave together are one question. What may wait long for
 * its answer (a watcher, a wait for backups) and what is large goes alone, so that nobody waits for it.
 */
import type { Bus, RequestResult } from '../engine/port.js';
import { TwinstateError } from '../shared/errors.js';
import type { NodeId } from '../shared/ids.js';
import type { Clock, Timer } from '../shared/clock.js';
import { BATCH_PARTS_MAX, encodeBatch, encodeMessage } from './message.js';
import type { SingleMessage } from './message.js';
import { decodeReply } from './reply.js';
import type { Reply } from './reply.js';

/** What came of asking a node: its reply, or that nobody was there, or that nobody knows. */
export type Asked<T> =
  /** `again`: it was asked before, and what became of that is not known; the answer is to the second copy. */
  | { readonly kind: 'answered'; readonly answer: T; readonly again?: boolean }
  | { readonly kind: 'absent' }
  | { readonly kind: 'lost' };

/** A question waits for company no longer than this, in milliseconds: longer than an answer takes, so that it seldom does. */
const GATHER_MS = 2;
/** Bytes that leave together, about; what is larger than a part of it goes alone. */
const BATCH_BYTES_MAX = 128 * 1024;
const PART_BYTES_MAX = 16 * 1024;
/** Askers of one message whose times end this close together, in milliseconds, share one timer. */
const TIMER_SLACK_MS = 20;

interface Asker {
  readonly untilMs: number;
  readonly settle: (asked: Asked<Reply>) => void;
}

interface Question {
  readonly bytes: Uint8Array;
  readonly askers: Asker[];
}

/** Questions to one node that leave together. */
interface Outbox {
  readonly key: string;
  readonly to: NodeId;
  waiting: Question[];
  waitingBytes: number;
  /** Reads that wait, by their bytes. */
  readonly reads: Map<string, Question>;
  underWay: number;
  timer: Timer | undefined;
}

export interface QuestionsOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  /** A reply could not be read. */
  readonly malformed: (error: unknown) => void;
}

export class Questions {
  readonly #options: QuestionsOptions;
  readonly #outboxes = new Map<string, Outbox>();

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  ask(to: NodeId, message: SingleMessage, timeoutMs: number): Promise<Asked<Reply>> {
    const bytes = encodeMessage(message);
    const company = companyOf(message);
    if (company === undefined || bytes.byteLength > PART_BYTES_MAX) return this.#alone(to, bytes, timeoutMs);
    return new Promise((settle) => {
      const asker = { untilMs: this.#options.clock.now() + timeoutMs, settle };
      this.#gather(this.#outbox(to, company), message.kind === 'read', bytes, asker);
    });
  }

  #outbox(to: NodeId, company: string): Outbox {
    const key = `${company} ${to}`;
    let outbox = this.#outboxes.get(key);
    if (outbox === undefined) {
      outbox = { key, to, waiting: [], waitingBytes: 0, reads: new Map(), underWay: 0, timer: undefined };
      this.#outboxes.set(key, outbox);
    }
    return outbox;
  }

  #gather(outbox: Outbox, isRead: boolean, bytes: Uint8Array, asker: Asker): void {
    const key = isRead ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1') : undefined;
    const same = key === undefined ? undefined : outbox.reads.get(key);
    if (same !== undefined) return void same.askers.push(asker);
    if (outbox.waitingBytes + bytes.byteLength > BATCH_BYTES_MAX || outbox.waiting.length === BATCH_PARTS_MAX) this.#send(outbox);
    const question = { bytes, askers: [asker] };
    outbox.waiting.push(question);
    outbox.waitingBytes += bytes.byteLength;
    if (key !== undefined) outbox.reads.set(key, question);
    const send = (): void => this.#send(outbox);
    outbox.timer ??= outbox.underWay === 0 ? behindThisCode(send) : this.#options.clock.after(GATHER_MS, send);
  }

  #send(outbox: Outbox): void {
    outbox.timer?.cancel();
    outbox.timer = undefined;
    const questions = outbox.waiting;
    if (questions.length === 0) return;
    outbox.waiting = [];
    outbox.waitingBytes = 0;
    outbox.reads.clear();
    outbox.underWay++;
    void this.#sendTogether(outbox.to, questions).then(() => this.#returned(outbox));
  }

  /** Something came back: what has gathered meanwhile leaves, together with what this answer gives rise to. */
  #returned(outbox: Outbox): void {
    outbox.underWay--;
    outbox.timer?.cancel();
    outbox.timer = undefined;
    if (outbox.waiting.length > 0) outbox.timer = this.#options.clock.after(0, () => this.#send(outbox));
    // nodes come and go
    else if (outbox.underWay === 0) this.#outboxes.delete(outbox.key);
  }

  async #sendTogether(to: NodeId, questions: readonly Question[]): Promise<void> {
    const nowMs = this.#options.clock.now();
    let untilMs = 0;
    for (const { askers } of questions) for (const asker of askers) untilMs = Math.max(untilMs, asker.untilMs);
    const timers: Timer[] = [];
    for (const { askers } of questions) {
      for (const asker of askers) {
        if (asker.untilMs > untilMs - TIMER_SLACK_MS) continue;
        timers.push(this.#options.clock.after(asker.untilMs - nowMs, () => asker.settle({ kind: 'lost' })));
      }
    }
    const [first] = questions;
    const bytes = questions.length === 1 ? first!.bytes : encodeBatch(questions.map((question) => question.bytes));
    const asked = await this.#alone(to, bytes, Math.max(0, untilMs - nowMs));
    for (const timer of timers) timer.cancel();
    if (questions.length === 1) return settle(first!, asked);
    if (asked.kind !== 'answered') return questions.forEach((question) => settle(question, asked));
    const { answer } = asked;
    const parts = answer.kind === 'batch' && answer.parts.length === questions.length ? answer.parts : undefined;
    for (const [i, question] of questions.entries()) {
      const part = parts?.[i];
      // it waits for something there, or the node does not understand batches: once more, and alone
      if (part === undefined || part.kind === 'pending') void this.#again(to, question);
      else settle(question, { kind: 'answered', answer: part });
    }
  }

  async #again(to: NodeId, question: Question): Promise<void> {
    const untilMs = Math.max(...question.askers.map((asker) => asker.untilMs));
    const asked = await this.#alone(to, question.bytes, Math.max(0, untilMs - this.#options.clock.now()));
    // that it now reaches nobody says nothing of the first time
    settle(question, asked.kind === 'answered' ? { ...asked, again: true } : { kind: 'lost' });
  }

  async #alone(to: NodeId, bytes: Uint8Array, timeoutMs: number): Promise<Asked<Reply>> {
    try {
      const result: RequestResult = await this.#options.bus.request(to, bytes, timeoutMs);
      if (result.outcome === 'no-responders') return { kind: 'absent' };
      if (result.outcome === 'unknown') return { kind: 'lost' };
      return { kind: 'answered', answer: decodeReply(result.body) };
    } catch (error) {
      if (error instanceof TwinstateError && error.code === 'BYTES_CORRUPT') this.#options.malformed(error);
      return { kind: 'lost' };
    }
  }
}

/** What is asked side by side, as by `Promise.all`, leaves side by side; and who asks alone waits for nothing. */
function behindThisCode(fn: () => void): Timer {
  let cancelled = false;
  queueMicrotask(() => {
    if (!cancelled) fn();
  });
  return { cancel: () => (cancelled = true) };
}

/** With whom a question may travel: those that wait for the log keep nobody waiting who only reads memory. */
function companyOf(message: SingleMessage): 'log' | 'memory' | undefined {
  if (message.kind === 'operate') return message.operation.backups === 0 ? 'log' : undefined;
  if (message.kind !== 'read' || message.waitMs > 0) return undefined;
  return message.read.consistency === 'strong' ? 'log' : 'memory';
}

function settle({ askers }: Question, asked: Asked<Reply>): void {
  for (const asker of askers) asker.settle(asked);
}

/** Narrows a reply; one of another kind, or a refusal to read the request, is as good as lost. */
export function pick<T>(asked: Asked<Reply>, take: (reply: Reply) => T | undefined): Asked<T> {
  if (asked.kind !== 'answered') return asked;
  const answer = take(asked.answer);
  return answer === undefined ? { kind: 'lost' } : { ...asked, answer };
}
