/** Replies between processes, some of which may run another version of the library. */
import { expect } from 'chai';
import { decodeReply, encodeReply } from '../../src/node/reply.js';
import { ERROR_CODES } from '../../src/shared/errors.js';
import type { ErrorCode } from '../../src/shared/errors.js';

const refused = (code: string) => ({ kind: 'operate', answer: { kind: 'refused', code: code as ErrorCode, why: 'so' } }) as const;

describe('a reply', () => {
  it('names the code of a refusal, so that versions with other lists of codes understand each other', () => {
    for (const code of ERROR_CODES) {
      const bytes = encodeReply(refused(code));
      expect(decodeReply(bytes)).to.deep.equal(refused(code));
      expect(Buffer.from(bytes).includes(code), code).to.equal(true);
    }
  });

  it('with a code of a newer version is a refusal all the same, and says which', () => {
    const { answer } = decodeReply(encodeReply(refused('NOT_INVENTED_YET'))) as { answer: unknown };
    expect(answer).to.deep.equal({ kind: 'refused', code: 'ENGINE_FAILED', why: 'NOT_INVENTED_YET: so' });
  });
});
