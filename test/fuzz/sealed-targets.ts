/**
 * Sealed bytes as a target: flipped, cut, crossed with others, under keys that are here, that were, that never were, and under another
 * one of the same id; opened in every place where they might be put.
 *
 * Invariant checked: what opens is, to the bit, what somebody with a key has sealed for that very place, and nothing else opens
 * anywhere. The salts come from a count, so that a run depends on its seed.
 */
import { Seals } from '../../src/engine/sealed/seals.js';
import type { Sealable } from '../../src/engine/sealed/seals.js';
import { TwinstateError } from '../../src/shared/errors.js';
import { nodeId, partition } from '../../src/shared/ids.js';
import { isSealed } from '../../src/wire/sealing.js';
import type { SealingKey } from '../../src/wire/sealing.js';
import type { Harvest } from './harvest.js';
import { BrokenDecoder } from './targets.js';
import type { Target } from './targets.js';

const key = (id: string, fill: number): SealingKey => ({ id, key: new Uint8Array(32).fill(fill) });
const [NEW, OLD, TWIN, GONE] = [key('new', 1), key('old', 2), key('new', 3), key('gone', 4)];
const CLUSTERS = ['shop', 'shop2'];
/** What nobody can read is refused in one of these ways. */
const REFUSALS = new Set(['BYTES_CORRUPT', 'FORMAT_UNSUPPORTED', 'KEY_UNKNOWN', 'CLUSTER_MISMATCH']);
const EACH_MAX = 60;

/** Where something may stand; `bytes` is the context that it is bound to. */
interface Place {
  readonly cluster: string;
  readonly bytes: Uint8Array;
}

interface Original {
  readonly at: Place;
  readonly place: number;
  readonly plain: Uint8Array;
  readonly opens: boolean;
}

export function sealedTargetsOf({ records, stored, messages }: Harvest): Target[] {
  return [
    sealedTarget('sealed record', 'record', records, (seals) => [
      seals.record(1, partition(0)),
      seals.record(1, partition(1)),
      seals.record(2, partition(0)),
    ]),
    sealedTarget('sealed snapshot', 'snapshot', stored, (seals) => [
      seals.snapshot(1, partition(0), 's:ada'),
      seals.snapshot(1, partition(0), 's:bob'),
      seals.snapshot(1, partition(1), 's:ada'),
      seals.snapshot(2, partition(0), 's:ada'),
    ]),
    sealedTarget('sealed message', 'message', messages, (seals) => {
      const [a, b] = [nodeId('a~1'), nodeId('b~1')];
      const asked = seals.seal(seals.request(a), 0, new Uint8Array([0x4d, 1]));
      return [seals.request(a), seals.request(b), seals.reply(a, asked), seals.reply(b, asked), seals.announcement()];
    }),
  ];
}

function sealedTarget(
  name: string,
  of: Sealable,
  plains: readonly Uint8Array[],
  placesOf: (seals: Seals) => readonly Uint8Array[],
): Target {
  let salts = 0;
  const sealsOf = (cluster: string, keys: readonly SealingKey[]): Seals =>
    new Seals(cluster, { keys, plain: 'refuse' }, () => `salt ${++salts} of ${name}`);
  const openers = new Map(CLUSTERS.map((cluster) => [cluster, sealsOf(cluster, [NEW, OLD])]));
  const places: readonly Place[] = CLUSTERS.flatMap((cluster) =>
    placesOf(openers.get(cluster)!).map((bytes) => ({ cluster, bytes })),
  );
  const originals = new Map<string, Original>();
  const seeds: Uint8Array[] = [];
  for (const [i, plain] of plains.slice(0, EACH_MAX).entries()) {
    const under = [NEW, OLD, TWIN, GONE][i % 4]!;
    const at = places[i % places.length]!;
    const place = (i * 7_919) % 100_000;
    const sealed = sealsOf(at.cluster, [under]).seal(at.bytes, place, plain);
    originals.set(textOf(sealed), { at, place, plain, opens: under === NEW || under === OLD });
    // what is ours and was never sealed is refused as well
    seeds.push(sealed, ...(i % 8 === 0 ? [plain] : []));
  }
  return {
    name,
    seeds,
    sealed: false,
    run(bytes) {
      const own = originals.get(textOf(bytes));
      let [opened, refusal]: [boolean, TwinstateError | undefined] = [false, undefined];
      for (const at of places) {
        try {
          const found = openers.get(at.cluster)!.open(at.bytes, of, bytes, 'it');
          if (found === undefined) {
            if (isSealed(bytes)) throw new BrokenDecoder('sealed bytes were taken for nobody’s');
            continue;
          }
          if (own?.at !== at) throw new BrokenDecoder('something opened that was not sealed there');
          if (own.place !== found.place || Buffer.compare(own.plain, found.plain) !== 0)
            throw new BrokenDecoder('something opened as what it is not');
          opened = true;
        } catch (error) {
          if (!(error instanceof TwinstateError) || !REFUSALS.has(error.code)) throw error;
          refusal = error;
        }
      }
      if (own?.opens === true && !opened) throw new BrokenDecoder('what was sealed here does not open here', { cause: refusal });
      if (!opened) throw refusal ?? new TwinstateError('BYTES_CORRUPT', 'nobody of this cluster wrote it');
    },
  };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
