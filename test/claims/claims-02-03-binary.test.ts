/**
 * Claims 2, 3, 9, 13, 16, 17, 22 and 23. The comparison may be binary: the attribute's bytes are compared with the benchmark's
 * bytes, portion against corresponding portion, and only the portions that differ are sent.
 */
import 'reflect-metadata';
import { expect } from 'chai';
import { Replica, describe as describeDelta } from '../../src/diff/index.js';
import { Mutable, Session } from '../../src/index.js';
import { patterned } from '../../src/testing/engine-world.js';
import { claimGround, rebuilt } from './observer.js';
import type { ClaimGround } from './observer.js';

class Stroke {
  x = 0;
  y = 0;
  constructor(x = 0, y = 0) {
    Object.assign(this, { x, y });
  }
}

/** An opaque value: only its codec knows what is in it. */
const strokes = {
  encode: (value: Stroke[]): Uint8Array => new Uint8Array(new Float64Array((value ?? []).flatMap(({ x, y }) => [x, y])).buffer),
  decode: (bytes: Uint8Array): Stroke[] => {
    const numbers = new Float64Array(bytes.slice().buffer);
    return Array.from({ length: numbers.length / 2 }, (_, i) => new Stroke(numbers[2 * i], numbers[2 * i + 1]));
  },
};

@Session({ name: 'canvas' })
class Canvas {
  @Mutable({ diff: 'binary' }) pixels: Uint8Array = new Uint8Array(0);
  @Mutable({ diff: 'binary', codec: strokes as never }) strokes: Stroke[] = [];
  @Mutable() title = '';
}

const SIZE = 200_000;

describe('claims 2, 3, 9, 13, 16, 17, 22, 23: binary differencing', function () {
  this.timeout(120_000);
  let ground: ClaimGround;
  before(async () => (ground = await claimGround({ sessions: [Canvas] })));
  after(() => ground?.close());

  async function canvas(): Promise<{ canvas: Canvas; id: string }> {
    const made = await ground.primary.create(Canvas, {
      pixels: patterned(SIZE, 1),
      strokes: Array.from({ length: 500 }, (_, i) => new Stroke(i, -i)),
    });
    return { canvas: made, id: ground.primary.idOf(made) };
  }

  const onBackup = async (id: string): Promise<Canvas> => (await ground.backup.open(Canvas, id, { consistency: 'local' }))!;

  it('portion is held against corresponding portion: the delta carries those that changed, the backup has all', async () => {
    const { canvas: mine, id } = await canvas();
    // three portions far from each other
    mine.pixels.set(Buffer.from('FIRST PORTION'), 100);
    mine.pixels.set(Buffer.from('SECOND PORTION'), 90_000);
    mine.pixels.set(Buffer.from('THIRD PORTION'), SIZE - 20);
    const { bytes } = await ground.primary.commit(mine, { ack: { backups: 1 } });
    const [delta] = (await ground.eye.deltasOf(id)).map((each) => Buffer.from(each));
    for (const portion of ['FIRST PORTION', 'SECOND PORTION', 'THIRD PORTION']) expect(delta!.includes(portion)).to.equal(true);
    expect(bytes).to.be.lessThan(120);
    expect(delta!.includes(Buffer.from(mine.pixels.subarray(200, 216))), 'a portion that is as it was').to.equal(false);
    expect(Buffer.from((await onBackup(id)).pixels).equals(Buffer.from(mine.pixels))).to.equal(true);
  });

  it('a portion that was put in or taken out moves the rest, and does not send it again', async () => {
    const { canvas: mine, id } = await canvas();
    const before = Buffer.from(mine.pixels);
    mine.pixels = new Uint8Array(Buffer.concat([before.subarray(0, 1_000), Buffer.from('PUT IN'), before.subarray(1_000)]));
    expect((await ground.primary.commit(mine)).bytes).to.be.lessThan(60);
    mine.pixels = new Uint8Array(Buffer.from(mine.pixels).subarray(500));
    expect((await ground.primary.commit(mine, { ack: { backups: 1 } })).bytes).to.be.lessThan(60);
    expect(Buffer.from((await onBackup(id)).pixels).equals(Buffer.from(mine.pixels))).to.equal(true);
  });

  it('where every portion differs the whole is sent, and that is no more than the whole', async () => {
    const { canvas: mine, id } = await canvas();
    mine.pixels = patterned(SIZE, 2);
    const { bytes } = await ground.primary.commit(mine, { ack: { backups: 1 } });
    expect(bytes).to.be.within(SIZE, SIZE + 64);
    expect(Buffer.from((await onBackup(id)).pixels).equals(Buffer.from(mine.pixels))).to.equal(true);
  });

  it('an opaque value is compared by what its codec makes of it', async () => {
    const { canvas: mine, id } = await canvas();
    mine.strokes[250]!.x = 1e300;
    expect((await ground.primary.commit(mine, { ack: { backups: 1 } })).bytes).to.be.lessThan(60);
    const backup = await onBackup(id);
    expect(backup.strokes[250]).to.be.instanceOf(Stroke).and.to.deep.equal(new Stroke(1e300, -250));
    expect(backup.strokes).to.deep.equal(mine.strokes);
  });

  it('where no portion differs nothing is sent, though it is another array of bytes', async () => {
    const { canvas: mine, id } = await canvas();
    mine.strokes = mine.strokes.map(({ x, y }) => new Stroke(x, y));
    expect((await ground.primary.commit(mine)).bytes).to.equal(0);
    expect(await ground.eye.deltasOf(id)).to.deep.equal([]);
  });

  it('the deltas alone make the backup, and can be read by people', async () => {
    const { canvas: mine, id } = await canvas();
    for (let i = 0; i < 5; i++) {
      mine.pixels[i * 1_000] = 255 - mine.pixels[i * 1_000]!;
      mine.title = `stroke ${i}`;
      await ground.primary.commit(mine);
    }
    const again = await rebuilt(ground.eye, Canvas, id);
    expect(Buffer.from(again.pixels).equals(Buffer.from(mine.pixels))).to.equal(true);
    const [create] = await ground.eye.entriesOf(id);
    const [first] = await ground.eye.deltasOf(id);
    const changes = describeDelta(Canvas, first!, Replica.restore(Canvas, create!.payload));
    expect(changes.map(({ path }) => path).toSorted()[0]).to.match(/^pixels/);
  });
});
