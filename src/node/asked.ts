/** What came of asking another process. */
import type { Bus } from '../engine/port.js';
import { TwinstateError } from '../shared/errors.js';
import type { NodeId } from '../shared/ids.js';
import { encodeMessage } from './message.js';
import type { Message } from './message.js';
import { decodeReply } from './reply.js';
import type { Reply } from './reply.js';

/** Its reply, or that nobody was there, or that nobody knows. */
export type Asked<T> =
  { readonly kind: 'answered'; readonly answer: T } | { readonly kind: 'absent' } | { readonly kind: 'lost' };

/** Narrows a reply; one of another kind, or a refusal to read the request, is as good as lost. */
export function pick<T>(asked: Asked<Reply>, take: (reply: Reply) => T | undefined): Asked<T> {
  if (asked.kind !== 'answered') return asked;
  const answer = take(asked.answer);
  return answer === undefined ? { kind: 'lost' } : { kind: 'answered', answer };
}

/** Asks once. A connection that is closed, and bytes that are no reply, are as good as no answer; `malformed` hears of the latter. */
export async function ask(
  bus: Bus,
  to: NodeId,
  message: Message,
  timeoutMs: number,
  malformed: (error: unknown) => void,
): Promise<Asked<Reply>> {
  try {
    const result = await bus.request(to, encodeMessage(message), timeoutMs);
    if (result.outcome === 'no-responders') return { kind: 'absent' };
    if (result.outcome === 'unknown') return { kind: 'lost' };
    return { kind: 'answered', answer: decodeReply(result.body) };
  } catch (error) {
    if (error instanceof TwinstateError && error.code === 'BYTES_CORRUPT') malformed(error);
    return { kind: 'lost' };
  }
}
