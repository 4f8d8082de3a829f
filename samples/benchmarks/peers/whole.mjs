/** Saving the whole state whenever it differs from what was saved last, as session middlewares do. */
import { Packr } from 'msgpackr';

const whole = (name, work, makeCoder) => ({
  name,
  work,
  whole: true,
  open(shape) {
    const state = shape.plain();
    const { encode, decode } = makeCoder();
    let saved = encode(state);
    let received = decode(saved);
    return {
      state: () => state,
      step(change, i) {
        change.apply(state, i, (plain) => plain);
        const bytes = encode(state);
        if (bytes.equals(saved)) return null;
        saved = bytes;
        return bytes;
      },
      receive: (bytes) => (received = decode(bytes)),
      received: () => received,
    };
  },
});

export const jsonWhole = whole('JSON.stringify whole', 'plain writes; JSON.stringify to bytes; compare with the bytes saved last', () => ({
  encode: (state) => Buffer.from(JSON.stringify(state)),
  decode: (bytes) => JSON.parse(bytes.toString()),
})); // prettier-ignore

// records shared by both sides, msgpackr's quickest and smallest form; cycles, shared objects, Maps and buffers by `structuredClone`
export const packer = (needsMore) =>
  needsMore
    ? new Packr({ structuredClone: true, moreTypes: true, copyBuffers: true })
    : new Packr({ structures: [], copyBuffers: true });

export const msgpackrWhole = whole('msgpackr whole', 'plain writes; pack; compare with the bytes saved last', () => {
  const packr = packer(true);
  return { encode: (state) => packr.pack(state), decode: (bytes) => packr.unpack(bytes) };
});

export const msgpackrRecords = whole('msgpackr whole, shared records', 'plain writes; pack; compare with the bytes saved last', () => {
  const packr = packer(false);
  return { encode: (state) => packr.pack(state), decode: (bytes) => packr.unpack(bytes) };
}); // prettier-ignore
