/** Names become tokens that subjects, files and keys can hold, and different names different ones. */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { token } from '../../src/engine/nats/names.js';
import { decodeStored, encodeHead, encodeWhole } from '../../src/engine/nats/parts.js';
import { Transfers } from '../../src/engine/nats/transfers.js';
import { ODD_NAMES } from '../../src/testing/engine-world.js';
import { realClock } from '../../src/testing/real-clock.js';

describe('names on the server', () => {
  const anyName = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ maxLength: 600 }),
    fc.constantFrom(...ODD_NAMES),
  );

  it('are short and hold only what any subject, file system and key can hold', () => {
    fc.assert(fc.property(anyName, (name) => /^[a-z0-9_-]{1,70}$/.test(token(name))));
    expect(token('shop-1')).to.equal('shop-1');
  });

  it('differ where the names differ, also on a file system that does not know case', () => {
    fc.assert(fc.property(anyName, anyName, (a, b) => a === b || token(a) !== token(b)));
    const tokens = new Set([...ODD_NAMES, '\ud800', '\ud801', '\ufffd', '_b', '_h', ''].map(token));
    expect(tokens.size).to.equal(ODD_NAMES.length + 6);
  });
});

describe('framing of stored messages', () => {
  it('gives back what was framed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const stored = decodeStored(encodeWhole(bytes), 1);
        return stored.kind === 'whole' && Buffer.compare(stored.bytes, bytes) === 0;
      }),
    );
    const head = { totalBytes: 3_000_000, parts: [5, 6, 900, 2 ** 40] };
    expect(decodeStored(encodeHead(head), 2 ** 41)).to.deep.equal({ kind: 'head', head });
    // a part cannot stand behind its head
    expect(decodeStored(encodeHead(head), 2 ** 40).kind).to.equal('whole');
  });

  it('never throws and never believes what cannot be, whatever the bytes', () => {
    const marked = fc.uint8Array({ maxLength: 60 }).map((bytes) => Uint8Array.of(1, ...bytes));
    fc.assert(
      fc.property(fc.oneof(marked, fc.uint8Array()), fc.integer({ min: 1, max: 2 ** 31 }), (bytes, sequence) => {
        const stored = decodeStored(bytes, sequence);
        if (stored.kind === 'whole') return true;
        const { parts, totalBytes } = stored.head;
        return (
          totalBytes <= 256 * 1024 * 1024 &&
          parts.length > 0 &&
          parts.every((part, i) => part > (parts[i - 1] ?? 0) && part < sequence)
        );
      }),
    );
    fc.assert(
      fc.property(fc.array(marked, { maxLength: 20 }), (messages) => {
        const transfers = new Transfers(realClock);
        for (const message of messages) transfers.take(message);
        return transfers.heldBytes <= messages.length * 61;
      }),
    );
  });
});
