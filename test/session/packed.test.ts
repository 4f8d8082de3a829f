import { expect } from 'chai';
import * as fc from 'fast-check';
import { Benchmark, Replica } from '../../src/diff/index.js';
import { AtRest, HISTORY_BYTES_MAX } from '../../src/session/at-rest.js';
import { version } from '../../src/shared/ids.js';
import { difference } from '../diff/topology.js';
import { mutate, World } from '../diff/world.js';

const gene = fc.tuple(fc.nat(40), fc.nat(200), fc.nat(400), fc.nat(400));

/** A world, and the session at rest that has been told of every change of it. */
class Told {
  readonly world = new World();
  readonly benchmark = Benchmark.of(this.world);
  atRest = AtRest.of(this.benchmark.snapshot(), version(1));
  at = 1;

  change(change: (world: World) => void): void {
    change(this.world);
    const delta = this.benchmark.diff(this.world);
    if (delta !== null) this.atRest.append(delta, version(++this.at));
  }

  pack(): void {
    const { common, own } = this.atRest.pack();
    const copies = [new Uint8Array(common), new Uint8Array(own)] as const;
    this.atRest = AtRest.unpack(...copies);
    // nothing of what was handed in is kept
    for (const copy of copies) copy.fill(0xff);
  }
}

describe('a session at rest', () => {
  it('is the same after it was packed and unpacked, its history included, whenever that happens', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.array(gene, { minLength: 1, maxLength: 4 }), fc.boolean()), { maxLength: 30 }),
        (steps) => {
          const told = new Told();
          const never = new Told();
          for (const [genes, packs] of steps) {
            for (const each of [told, never]) each.change((world) => genes.forEach((one) => mutate(world, one)));
            if (packs) told.pack();
            expect(told.atRest.version).to.equal(never.atRest.version);
            for (let base = 0; base <= told.at; base++) {
              expect(told.atRest.since(version(base))).to.deep.equal(never.atRest.since(version(base)));
            }
          }
          expect(Buffer.compare(told.atRest.snapshot(), never.atRest.snapshot())).to.equal(0);
          expect(difference(told.world, Replica.restore(World, told.atRest.snapshot()).instance)).to.equal(undefined);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('has the head of its bytes in common with every other session of its class', () => {
    const [a, b] = [new Told(), new Told()];
    a.change((world) => (world.a = 'something else'));
    expect(a.atRest.pack().common).to.deep.equal(b.atRest.pack().common);
    expect(a.atRest.pack().common.byteLength).to.be.greaterThan(20);
  });

  it('is one snapshot and nothing else once it has settled', () => {
    const told = new Told();
    for (let i = 0; i < 10; i++) told.change((world) => (world.b = i));
    expect(told.atRest.pack().settled).to.equal(false);
    told.atRest.settle();
    expect(told.atRest.pack().settled).to.equal(true);
    expect(told.atRest.bytes).to.equal(told.atRest.snapshot().byteLength);
    expect(told.atRest.since(version(told.at - 1))).to.equal(undefined);
    expect(told.atRest.since(version(told.at))).to.deep.equal([]);
    expect(told.atRest.snapshot()).to.deep.equal(new Uint8Array(told.benchmark.snapshot()));
  });

  it('that is packed again and again encodes about eight bytes, at most, for each byte of a delta and what it costs to keep it', () => {
    const told = new Told();
    told.change((world) => (world.a = Array.from({ length: 2_000 }, (_, i) => `element number ${i}`)));
    const wholeBytes = told.atRest.snapshot().byteLength;
    let deltaBytes = 0;
    let compactions = 0;
    let snapshot = told.atRest.pack().own;
    for (let i = 1; i <= 3_000; i++) {
      // small ones and large ones, now and then packed in between
      told.world.b = i % 400 < 200 ? i : `${i} `.repeat(50);
      if (i % 5 === 0) told.pack();
      const delta = told.benchmark.diff(told.world)!;
      deltaBytes += delta.byteLength;
      told.atRest.append(delta, version(++told.at));
      const bytes = told.atRest.bytes;
      expect(bytes, 'and never holds much more than its snapshot').to.be.below((wholeBytes * 9) / 8 + HISTORY_BYTES_MAX + 2_000);
      const packed = told.atRest.pack().own;
      // its second field is the snapshot's version
      if (snapshotVersionOf(packed) !== snapshotVersionOf(snapshot)) compactions++;
      snapshot = new Uint8Array(packed);
    }
    expect(compactions).to.be.greaterThan(1);
    expect(compactions * wholeBytes).to.be.at.most((deltaBytes + 3_000 * 32) * 8);
  });

  it('in use encodes about two bytes, at most, for each byte of a delta and what it costs to keep it', () => {
    const told = new Told();
    told.change((world) => (world.a = Array.from({ length: 2_000 }, (_, i) => `element number ${i}`)));
    const wholeBytes = told.atRest.snapshot().byteLength;
    let deltaBytes = 0;
    let compactions = 0;
    for (let i = 1; i <= 6_000; i++) {
      told.world.b = i % 400 < 200 ? i : `${i} `.repeat(50);
      const delta = told.benchmark.diff(told.world)!;
      deltaBytes += delta.byteLength;
      const whole = told.atRest.salvage();
      told.atRest.append(delta, version(++told.at));
      if (told.atRest.salvage() !== whole) compactions++;
      expect(told.atRest.bytes).to.be.below((wholeBytes * 3) / 2 + HISTORY_BYTES_MAX + wholeBytes + 2_000);
    }
    expect(compactions).to.be.greaterThan(1);
    expect(compactions * wholeBytes).to.be.at.most((deltaBytes + 6_000 * 32) * 2);
    expect(difference(told.world, Replica.restore(World, told.atRest.snapshot()).instance)).to.equal(undefined);
  });
});

function snapshotVersionOf(own: Uint8Array): number {
  const fields: number[] = [];
  for (let i = 0, value = 0, scale = 1; fields.length < 2; i++) {
    value += (own[i]! & 0x7f) * scale;
    scale *= 128;
    if (own[i]! < 128) {
      fields.push(value);
      [value, scale] = [0, 1];
    }
  }
  return fields[1]!;
}
