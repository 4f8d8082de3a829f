/** Large buffers are patched where they stand: what a comparison that fails has written into the benchmark must not stay. */
import { expect } from 'chai';
import 'reflect-metadata';
import { Benchmark, Replica } from '../../src/diff/index.js';
import { Mutable } from '../../src/model/mutable.js';
import { Session } from '../../src/model/session.js';

/** An encoder that hands out the same memory each time. */
const memory = Buffer.alloc(1 << 16);
const codec = {
  encode: (text: string) => memory.subarray(0, memory.write(text, 'latin1')),
  decode: (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1'),
};

@Session({ name: 'film', limits: { deltaBytesMax: 20_000 } })
class Film {
  @Mutable() frame = Buffer.alloc(30_000, 'frame');
  @Mutable() samples = new Uint16Array(5000).fill(7);
  @Mutable({ codec }) script = 'a scene '.repeat(1000);
  @Mutable({ diff: 'binary' }) notes: unknown = { all: Array.from({ length: 200 }, (_, i) => `note ${i}`) };
  @Mutable() last: unknown;
}

const writes: Readonly<Record<string, (film: Film) => void>> = {
  'a buffer': (film) => [5, 6, 9000, 29_999].forEach((at) => (film.frame[at] = 1)),
  'memory behind a view': (film) => film.samples.fill(9, 100, 103).fill(9, 4000, 4001),
  'what a codec encodes to': (film) => (film.script = film.script.replace('scene', 'SCENE')),
  'what is encoded to longer bytes': (film) => (film.script = `${film.script.slice(0, 500)}another ${film.script.slice(500)}`),
  'an attribute that is bytes': (film) => ((film.notes as { all: string[] }).all[7] = 'NOTE 7'),
};

for (const [what, write] of Object.entries(writes)) {
  describe(`a comparison that fails after ${what} changed`, () => {
    it('leaves the benchmark as it was, and the next one reports everything', () => {
      const film = new Film();
      const benchmark = Benchmark.of(film);
      const replica = Replica.restore(Film, benchmark.snapshot());
      const before = benchmark.snapshot();
      for (const trouble of [() => {}, 'x'.repeat(30_000)]) {
        write(film);
        film.last = trouble;
        expect(() => benchmark.diff(film)).to.throw(/VALUE_UNSUPPORTED|LIMIT_EXCEEDED/);
        expect(Buffer.compare(benchmark.snapshot(), before)).to.equal(0);
      }
      film.last = undefined;
      const delta = benchmark.diff(film)!;
      expect(delta.byteLength).to.be.at.most(60);
      replica.apply(delta);
      expect(replica.instance.frame.equals(film.frame)).to.equal(true);
      expect(replica.instance.samples).to.deep.equal(film.samples);
      expect(replica.instance.script).to.equal(film.script);
      expect(replica.instance.notes).to.deep.equal(film.notes);
      expect(Buffer.compare(replica.snapshot(), benchmark.snapshot())).to.equal(0);
      expect(benchmark.diff(film)).to.equal(null);
    });
  });
}

describe('the bytes of a benchmark', () => {
  it('are its own: neither the instance nor an encoder can write to them', () => {
    const film = new Film();
    const benchmark = Benchmark.of(film);
    const replica = Replica.restore(Film, benchmark.snapshot());
    for (let round = 0; round < 3; round++) {
      film.frame.fill(round, 0, 12_000);
      film.script = `round ${round} ${'x'.repeat(round * 100)}`;
      replica.apply(benchmark.diff(film)!);
      memory.fill(0xff);
      film.frame[round] = 99;
      expect(replica.instance.script).to.equal(film.script);
      replica.apply(benchmark.diff(film)!);
      expect(replica.instance.frame.equals(film.frame)).to.equal(true);
      expect(benchmark.diff(film)).to.equal(null);
    }
  });
});
